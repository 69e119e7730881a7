package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// turns answers each request with what answer gives for its number, from 0.
func turns(answer func(n int, r *http.Request) llmtest.Step) (http.Handler, func() int) {
	count := make(chan int, 1)
	count <- 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := <-count
		count <- n + 1
		llmtest.Handler(answer(n, r)).ServeHTTP(w, r)
	})
	return handler, func() int { n := <-count; count <- n; return n }
}

const askM = `{"model":"m",` + hello + "}"

// refusals are replies that a caller or the network between brings about, in the shape
// of each dialect.
var refusals = map[string]llmtest.Step{
	"quoted input": llmtest.JSON(400, `{"error":{"message":"Invalid value: 'Incorrect API key'. Supported values are: 'auto'.","type":"invalid_request_error","param":"service_tier","code":"invalid_value"}}`),
	"a page":       llmtest.HTML(403),
	"max_tokens":   llmtest.JSON(402, `{"error":{"message":"This request requires more credits, or fewer max_tokens.","code":402}}`),
	"a country":    llmtest.JSON(403, `{"type":"error","error":{"type":"forbidden","message":"Request not allowed"}}`),
	"within a 200": llmtest.JSON(200, `{"type":"error","error":{"type":"invalid_request_error","message":"service_tier: 'Your credit balance is too low'"}}`),
}

// TestOneCallerTakesNoTargetAway sends what a provider refuses and then what it serves,
// on both dialects.
func TestOneCallerTakesNoTargetAway(t *testing.T) {
	for _, dialect := range []string{"openai", "anthropic"} {
		for name, refusal := range refusals {
			t.Run(dialect+", "+name, func(t *testing.T) {
				good := llmtest.JSON(200, llmtest.Chat{Text: "fine"}.OpenAI())
				if dialect == "anthropic" {
					good = llmtest.JSON(200, llmtest.Chat{Text: "fine"}.Anthropic())
				}
				up, _ := turns(func(n int, _ *http.Request) llmtest.Step {
					if n < 12 {
						return refusal
					}
					return good
				})
				h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: `+dialect+`, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
				for range 12 {
					if resp, body := h.post(t, askM); resp.StatusCode/100 != 4 {
						t.Fatalf("the refused one: %d %s, want the provider's class 4xx", resp.StatusCode, body)
					}
				}
				if resp, body := h.post(t, askM); resp.StatusCode != 200 {
					t.Errorf("the next one: %d %s, want 200", resp.StatusCode, body)
				}
			})
		}
	}
}

// TestANewKeyIsForgiven has a provider refuse a key until a reload brings another one.
func TestANewKeyIsForgiven(t *testing.T) {
	up, asked := turns(func(_ int, r *http.Request) llmtest.Step {
		if r.Header.Get("Authorization") != "Bearer new-key-0123" {
			return llmtest.JSON(401, `{"error":{"message":"bad key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`)
		}
		return llmtest.JSON(200, llmtest.Chat{Text: "fine"}.OpenAI())
	})
	key := filepath.Join(t.TempDir(), "key")
	write(t, key, "old-key-0123")
	h := openTestServer(t, up, fmt.Sprintf(`
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: "file:%s"}}
models: {m: {targets: [up/x], retries: {attempts: 3}}, other: {targets: [up/y]}}
ledger: sqlite://penstock.db
`, key))
	want := func(status, calls int, body string) {
		t.Helper()
		if resp, got := h.post(t, body); resp.StatusCode != status || asked() != calls {
			t.Errorf("%d %s after %d calls, want %d after %d", resp.StatusCode, got, asked(), status, calls)
		}
	}
	want(502, 1, askM)
	want(502, 2, askM) // confirmed
	want(503, 2, askM)
	want(503, 2, strings.Replace(askM, `"m"`, `"other"`, 1))
	if err := h.Reload(t.Context()); err != nil { // nothing has changed
		t.Fatal(err)
	}
	want(503, 2, askM)
	write(t, key, "new-key-0123")
	if err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(200, 3, askM)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMadeUpNamesLeaveNothing asks a wildcard route for made-up names.
func TestMadeUpNamesLeaveNothing(t *testing.T) {
	up, _ := turns(func(int, *http.Request) llmtest.Step {
		return llmtest.JSON(404, `{"error":{"message":"The model does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}`)
	})
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: openai}}
models: {"up/*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	for i := range 50 {
		if resp, body := h.post(t, strings.Replace(askM, `"m"`, fmt.Sprintf(`"up/made-up-%d"`, i), 1)); resp.StatusCode != 404 {
			t.Fatalf("request %d: %d %s, want the provider's 404", i, resp.StatusCode, body)
		}
	}
	for id, want := range map[string]bool{"up/gpt-4o": true, "up/made-up-1": false, "up/gpt-4o-2033-01-05": false, "nobody/x": false, "demo/demo": true} {
		if got := h.known(id); got != want {
			t.Errorf("%s is named: %v, want %v", id, got, want)
		}
	}
}

// TestWhatTheGatewayAddsIsItsToMend has targets that refuse members which no caller has
// sent, or names that the caller could not know.
func TestWhatTheGatewayAddsIsItsToMend(t *testing.T) {
	refuse := func(member, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			step := llmtest.Frames(llmtest.Chat{Text: "fine"}.OpenAIChunks(false)...)
			if strings.Contains(string(sent), `"`+member+`"`) {
				step = llmtest.JSON(422, body)
			}
			llmtest.Handler(step).ServeHTTP(w, r)
		})
	}
	for name, tt := range map[string]struct{ member, refusal, ask string }{
		"stream_options, FastAPI": {"stream_options", `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{}}]}`, `"stream":true`},
		"stream_options, OpenAI":  {"stream_options", `{"error":{"message":"Unknown parameter: 'stream_options'.","type":"invalid_request_error","param":"stream_options","code":"unknown_parameter"}}`, `"stream":true`},
		"max_tokens":              {"max_tokens", `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`, `"stream":true,"max_tokens":9`},
		"max_completion_tokens":   {"max_completion_tokens", `{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted"}]}`, `"stream":true,"max_completion_tokens":9`},
	} {
		t.Run(name, func(t *testing.T) {
			calls := atomic.Int64{}
			up := refuse(tt.member, tt.refusal)
			h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls.Add(1); up.ServeHTTP(w, r) }), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
			for i, want := range []int64{2, 3, 4} { // refused once, and remembered
				resp, body := h.post(t, `{"model":"m",`+tt.ask+`,`+hello+`}`)
				if resp.StatusCode != 200 || !strings.Contains(string(body), "[DONE]") || calls.Load() != want {
					t.Errorf("request %d: %d %s after %d calls, want 200 after %d", i, resp.StatusCode, body, calls.Load(), want)
				}
			}
		})
	}
	t.Run("the caller's own is the caller's", func(t *testing.T) {
		h := openTestServer(t, refuse("stream_options", `{"error":{"message":"Unknown parameter: 'stream_options'.","type":"invalid_request_error","param":"stream_options","code":"unknown_parameter"}}`), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
		if resp, body := h.post(t, `{"model":"m","stream":true,"stream_options":{"include_usage":true},`+hello+`}`); resp.StatusCode != 422 {
			t.Errorf("%d %s, want the provider's 422", resp.StatusCode, body)
		}
	})
}
