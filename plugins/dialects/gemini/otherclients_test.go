package gemini_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// clientEndpoints are the recordings of requests in the dialects that clients may have.
var clientEndpoints = map[string]struct{ provider, endpoint string }{
	"anthropic":        {"anthropic", "messages"},
	"openai-responses": {"openai", "responses"},
}

// TestOtherClients translates the recorded requests of clients of other dialects, by way of the
// canonical form. What is rejected are tools that another provider runs, and files in its store.
func TestOtherClients(t *testing.T) {
	for _, dialect := range dialects.ClientNames() {
		from, ok := clientEndpoints[dialect]
		if !ok {
			continue
		}
		client := dialecttest.Host{Dialect: dialect}
		all, translated := 0, 0
		for _, rec := range dialecttest.Recordings(t, from.provider, from.endpoint) {
			if !json.Valid([]byte(rec.Request)) {
				continue
			}
			canonical, err := client.Accept(t, nil, rec.Request)
			if err != nil {
				continue
			}
			for _, model := range []string{"gemini-2.5-flash", "gemini-3-pro-preview"} {
				all++
				s, err := transform(t, model, rec.Stream, string(canonical))
				if err != nil {
					known := func(why string) bool { return strings.Contains(err.Error(), why) }
					if !known("]: only functions, custom tools") && !known("and files, not image") && !known(".file: needs") && !known(".image_url: needs") {
						t.Errorf("%s: %v", filepath.Base(rec.Path), err)
					}
					continue
				}
				translated++
				checkRules(t, model, s.Body)
				if t.Failed() {
					t.Fatalf("%s became %.2000s", filepath.Base(rec.Path), s.Body)
				}
			}
		}
		t.Logf("%s: %d of %d requests are translated", dialect, translated, all)
	}
}
