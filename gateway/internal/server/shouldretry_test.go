package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestCallersAreToldNotToRetry has a target fail for clients of every dialect: they are told
// not to retry, since their route says how often a target is tried.
func TestCallersAreToldNotToRetry(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), `
keys: off
providers:
  openai: {base_url: $UPSTREAM/v1, allow_private: true, api_key: env:TEST_KEY, dialect: openai}
  gemini: {base_url: $UPSTREAM/v1, allow_private: true, api_key: env:TEST_KEY, dialect: gemini}
models:
  "retry-*": {targets: ["openai/*"], retries: {attempts: 2, backoff: 1ms..1ms}}
  "once-*": {targets: ["openai/*"], retries: {attempts: 1}}
  "gemini-retry-*": {targets: ["gemini/*"], retries: {attempts: 2, backoff: 1ms..1ms}}
  "gemini-once-*": {targets: ["gemini/*"], retries: {attempts: 1}}
ledger: sqlite://penstock.db
`)
	gemini := `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`
	for name, ask := range map[string]struct{ prefix, path, body string }{
		"chat":      {"", "/chat/completions", `{"model":"%s","stream":%t,` + hello + `}`},
		"messages":  {"", "/messages", `{"model":"%s","stream":%t,"max_tokens":9,` + hello + `}`},
		"responses": {"", "/responses", `{"model":"%s","stream":%t,"input":"hi"}`},
		"gemini":    {"gemini-", "/models/%s:%s", gemini},
	} {
		for _, stream := range []bool{false, true} {
			for model, want := range map[string]string{"retry-fail-503": "false", "once-fail-503": "false", "once-fail-429": "false", "retry-fail-400": "false"} {
				t.Run(fmt.Sprintf("%s, %s, stream %t", name, model, stream), func(t *testing.T) {
					h.health.Forget("openai")
					h.health.Forget("gemini")
					path, body := ask.path, ask.body
					if name == "gemini" {
						verb := map[bool]string{false: "generateContent", true: "streamGenerateContent"}[stream]
						path = fmt.Sprintf(ask.path, ask.prefix+model, verb)
						h.URL = strings.Replace(h.URL, "/v1", "/v1beta", 1)
						defer func() { h.URL = strings.Replace(h.URL, "/v1beta", "/v1", 1) }()
					} else {
						body = fmt.Sprintf(ask.body, model, stream)
					}
					resp, got := h.postTo(t, path, body)
					status := strings.TrimPrefix(model[strings.Index(model, "fail-"):], "fail-")
					if resp.Header.Get("X-Should-Retry") != want || fmt.Sprint(resp.StatusCode) != status {
						t.Errorf("%d %s with x-should-retry %q, want %q", resp.StatusCode, got, resp.Header.Get("X-Should-Retry"), want)
					}
				})
			}
		}
	}
}
