package server

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// TestRetryAfterIsANumber has a provider say when to come back in every way that there
// is, and in none: a caller hears whole seconds, or nothing.
func TestRetryAfterIsANumber(t *testing.T) {
	var status int
	var value string
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", value)
		w.WriteHeader(status)
		if status == http.StatusOK {
			_, _ = w.Write([]byte(`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"error":{"message":"later","type":"x","code":null,"param":null}}`))
	}), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {"*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	n := 0
	for _, status = range []int{200, 400, 429, 503} {
		for _, value = range []string{"7", time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat), "<script>alert(1)</script>", "soon", "-5", "1e9", "7, 8"} {
			n++ // a model of its own, so that no target cools down
			resp, body := h.post(t, `{"model":"m`+strconv.Itoa(n)+`","messages":[{"role":"user","content":"hi"}]}`)
			for _, name := range []string{"Retry-After", "Retry-After-Ms"} {
				got := resp.Header.Get(name)
				if _, err := strconv.ParseUint(got, 10, 32); got != "" && err != nil {
					t.Errorf("%d with %q: %s: %q\n%s", status, value, name, got, body)
				}
				if status == 200 && got != "" {
					t.Errorf("a good reply has %s: %q", name, got)
				}
			}
		}
	}
}
