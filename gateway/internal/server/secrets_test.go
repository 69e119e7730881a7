package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/pipeline"
)

// canaries are the secrets of the provider below, raw and behind JSON's escapes.
const (
	canaryKey    = "sk-canary-4711" // TEST_KEY
	canaryHeader = "header-canary/0815"
)

var shownSecrets = canaryKey + " and " + canaryHeader + ` and \u0073k-canary-4711 and header-canary\/0815`

// quoting are the ways in which a provider may quote a secret, by dialect.
func quoting(dialect string) map[string]llmtest.Step {
	fault := `{"type":"error","error":{"type":"api_error","message":"bad: ` + shownSecrets + `","param":null,"code":null}}`
	ways := map[string]llmtest.Step{
		"400":          llmtest.JSON(400, strings.Replace(fault, "api_error", "invalid_request_error", 1)),
		"500":          llmtest.JSON(500, fault),
		"200":          llmtest.JSON(200, fault),
		"text":         llmtest.JSON(500, "bad: "+canaryKey+" and "+canaryHeader),
		"no reply":     llmtest.JSON(200, `{"`+canaryKey+`":"`+canaryHeader+`"}`),
		"event":        llmtest.Steps(llmtest.EventStream(), llmtest.Write("event: error\ndata: "+fault+"\n\n")),
		"event, named": llmtest.Steps(llmtest.EventStream(), llmtest.Write("event: error\ndata: "+canaryKey+"\n\n")),
	}
	chunks := llmtest.Chat{Text: "some words"}.OpenAIChunks(false)
	if dialect == "anthropic" {
		chunks = llmtest.Chat{Text: "some words"}.AnthropicEvents()
	}
	ways["event after content"] = llmtest.Steps(llmtest.EventStream(), llmtest.Frames(chunks[:3]...), llmtest.Write("event: error\ndata: "+fault+"\n\n"))
	return ways
}

// keeping is a ledger that shows what it books.
type keeping struct {
	pipeline.Ledger
	records chan *llm.Record
}

func (k keeping) Write(ctx context.Context, r *llm.Record) error {
	k.records <- r
	return k.Ledger.Write(ctx, r)
}

// TestSecretsShowNowhere has a provider quote its credentials in every place where an
// error may stand, and looks at the reply, the record and the log.
func TestSecretsShowNowhere(t *testing.T) {
	for _, dialect := range []string{"openai", "anthropic"} {
		var step atomic.Pointer[llmtest.Step]
		up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { llmtest.Handler(*step.Load()).ServeHTTP(w, r) })
		h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: `+dialect+`, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, headers: {X-Team: "`+canaryHeader+`"}}}
models: {m: {targets: [up/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
		records := make(chan *llm.Record, 1)
		w := h.snapshot.Load()
		w.pipeline.Ledger = keeping{w.pipeline.Ledger, records}
		for name, s := range quoting(dialect) {
			for _, stream := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, stream %t", dialect, name, stream), func(t *testing.T) {
					h.health.Forget("up")
					step.Store(&s)
					resp, body := h.post(t, fmt.Sprintf(`{"model":"m","stream":%t,%s}`, stream, hello))
					r := <-records
					if r.Error == "" || len(r.Attempts) != 1 {
						t.Errorf("status %d: %s; booked %+v; want an error", resp.StatusCode, body, r)
					}
					for place, text := range map[string]string{"reply": string(body), "headers": fmt.Sprint(resp.Header), "record": fmt.Sprintf("%+v", r), "log": h.log.String()} {
						if found := secretIn(text); found != "" {
							t.Errorf("%s shows %s: %s", place, found, text)
						}
					}
				})
			}
		}
	}
}

func secretIn(text string) string {
	for _, secret := range []string{canaryKey, canaryHeader, "u0073k-canary", `canary\/0815`} {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}
