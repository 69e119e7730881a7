package server

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// TestCacheInstructionsInTheBody sends them in the body of each API: they hold, and no
// provider sees them.
func TestCacheInstructionsInTheBody(t *testing.T) {
	skipRaced(t)
	for _, dialect := range []string{"openai", "anthropic", "openai-responses", "gemini"} {
		h, up := openCaching(t, dialect)
		for _, a := range []asked{chat(""), messages(""), responses(""), gemini(`"generationConfig":{"maxOutputTokens":9}`, ""),
			{path: "/completions", body: `{"model":"m","prompt":"Grüße"}`}} {
			for i, tt := range []struct{ cache, want string }{
				{`{"namespace":"a"}`, "miss"},
				{` { "namespace" : "a" } `, "hit"},
				{`{"namespace":"b"}`, "miss"},
				{`{"namespace":"a","no-cache":true}`, "miss"},
				{`{"namespace":"c","ttl":0}`, "miss"},
				{`{"namespace":"c","no-store":true}`, "miss"},
				{`{"namespace":"c","no-store":true,"no-cache":true}`, "off"},
			} {
				ask := a
				ask.body = strings.Replace(a.body, "Grüße", a.path, 1) // or another API's reply would do
				if i%2 == 0 {
					ask.body = `{"cache":` + tt.cache + "," + ask.body[1:]
				} else {
					ask.body = strings.TrimSuffix(ask.body, "}") + ` , "cache":` + tt.cache + "}"
				}
				resp, got := h.postTo(t, ask.path, ask.body)
				if state := resp.Header.Get("X-Penstock-Cache"); state != tt.want {
					t.Errorf("%s to %s with %s: %d %s, want %s: %s", a.path, dialect, tt.cache, resp.StatusCode, state, tt.want, got)
				}
			}
			bad := `{"cache":{"ttl":-1},` + a.body[1:]
			if resp, got := h.postTo(t, a.path, bad); resp.StatusCode != 400 || !strings.Contains(string(got), "cache.ttl may not be negative") {
				t.Errorf("%s with a negative ttl: %d %s", a.path, resp.StatusCode, got)
			}
		}
		for _, r := range up.Requests() {
			if gjson.GetBytes(r.Body, "cache").Exists() {
				t.Errorf("%s was sent %s", dialect, r.Body)
			}
		}
	}
}
