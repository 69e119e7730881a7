package server

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// keyed is a provider whose keys can be refused. The rest is llmtest's Model.
type keyed struct {
	mu     sync.Mutex
	refuse map[string]llmtest.Step
	calls  map[string]int // by key
}

func (k *keyed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := cmp.Or(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Header.Get("X-Api-Key"), r.Header.Get("X-Goog-Api-Key"))
	k.mu.Lock()
	k.calls[key]++
	step, refused := k.refuse[key]
	k.mu.Unlock()
	if !refused {
		step = llmtest.Model()
	}
	llmtest.Handler(step).ServeHTTP(w, r)
}

// refuseOnly refuses these keys from now on, and counts anew.
func (k *keyed) refuseOnly(step llmtest.Step, keys ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuse, k.calls = map[string]llmtest.Step{}, map[string]int{}
	for _, key := range keys {
		k.refuse[key] = step
	}
}

func (k *keyed) called(key string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls[key]
}

const (
	firstKey  = "sk-first-canary-01"
	secondKey = "sk-second-canary-02"
)

// openKeyed opens a server whose provider up has two keys, in files of the returned folder.
func openKeyed(t *testing.T, k *keyed, dialect, models string) (*testServer, string) {
	t.Helper()
	dir := t.TempDir()
	k.refuseOnly(nil)
	return openTestServerIn(t, dir, k, `
keys: off
providers:
  up: {dialect: `+dialect+`, base_url: $UPSTREAM/v1, allow_private: true, api_keys: ["file:first", {key: "file:second", name: second, weight: 2}]}
  spare: {base_url: $UPSTREAM/v1, allow_private: true, api_key: env:TEST_KEY}
models: `+models+`
ledger: sqlite://`+filepath.Join(dir, "penstock.db")+`
`, func() {
		write(t, filepath.Join(dir, "first"), firstKey)
		write(t, filepath.Join(dir, "second"), secondKey)
	}), dir
}

// forgive closes everything that calls have opened.
func (h *testServer) forgive() {
	h.health.Forget("up", h.snapshot.Load().clients["up"].Credentials()...)
}

// keyRefusals are the ways in which providers refuse a key, in the shape of each dialect.
func keyRefusals(dialect string) map[string]llmtest.Step {
	shape := func(status int, kind, code, message string) llmtest.Step {
		switch dialect {
		case "anthropic":
			return llmtest.JSON(status, llmtest.AnthropicError(kind, message))
		case "gemini":
			return llmtest.JSON(status, llmtest.GeminiError(status, message))
		}
		return llmtest.JSON(status, llmtest.OpenAIError(kind, code, message))
	}
	return map[string]llmtest.Step{
		"401": shape(401, "authentication_error", "invalid_api_key", "Incorrect API key provided: "+firstKey),
		"402": shape(402, "billing_error", "insufficient_credits", "There is no money in this account."),
		"403": shape(403, "permission_error", "invalid_api_key", "Your API key has been disabled."),
		"429": shape(429, "rate_limit_error", "rate_limit_exceeded", "Too many requests."),
	}
}

// TestAnotherKeyServes has one of two keys refused in every way, on every dialect, plain and
// streamed: the caller notices nothing, and the record says which keys were used.
func TestAnotherKeyServes(t *testing.T) {
	for _, dialect := range []string{"openai", "openai-responses", "anthropic", "gemini"} {
		k := &keyed{}
		h, _ := openKeyed(t, k, dialect, `{m: {targets: [up/x], retries: {attempts: 1}}}`)
		for name, refusal := range keyRefusals(dialect) {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, stream %t", dialect, name, stream), func(t *testing.T) {
					k.refuseOnly(refusal, firstKey)
					h.forgive()
					rotated := 0
					for n := 0; n < 300 && (rotated == 0 || n < 12); n++ {
						resp, body := h.post(t, fmt.Sprintf(`{"model":"m","stream":%t,%s}`, stream, hello))
						if resp.StatusCode != 200 || !strings.Contains(string(body), "company") {
							t.Fatalf("request %d: %d %s", n, resp.StatusCode, body)
						}
						attempts := h.record(t, resp).Attempts
						if last := attempts[len(attempts)-1]; last.Credential != "up#second" || last.Try != 1 {
							t.Errorf("request %d was served with %+v", n, last)
						}
						if len(attempts) == 2 && attempts[0].Credential == "up#1" && attempts[1].Wait == 0 {
							rotated++
						}
					}
					unclear := dialect == "gemini" && name == "402" // it may be about this request
					if rotated == 0 || k.called(firstKey) > 3 && !unclear {
						t.Errorf("the refused key was called %d times, %d of them in vain", k.called(firstKey), rotated)
					}
				})
			}
		}
	}
}

// record returns the record of the request that was answered.
func (h *testServer) record(t *testing.T, resp *http.Response) *llm.Record {
	t.Helper()
	r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAllKeysRefused falls back at once, and answers with the provider's own error when
// there is nowhere to go. Neither key shows.
func TestAllKeysRefused(t *testing.T) {
	k := &keyed{}
	h, _ := openKeyed(t, k, "openai", `{alone: {targets: [up/x]}, safe: {targets: [up/x], fallback: [spare/x]}}`)
	limited := llmtest.Steps(llmtest.Header("Retry-After", "30"), keyRefusals("openai")["429"])
	for name, tt := range map[string]struct {
		refusal llmtest.Step
		status  int // without a fallback
	}{
		"401": {keyRefusals("openai")["401"], 502}, "402": {keyRefusals("openai")["402"], 402}, "429": {limited, 429},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stream %t", name, stream), func(t *testing.T) {
				k.refuseOnly(tt.refusal, firstKey, secondKey)
				h.forgive()
				body := fmt.Sprintf(`{"model":"safe","stream":%t,%s}`, stream, hello)
				if resp, got := h.post(t, body); resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Target") != "spare/x" {
					t.Errorf("with a fallback: %d %s from %q", resp.StatusCode, got, resp.Header.Get("X-Penstock-Target"))
				}
				if a, b := k.called(firstKey), k.called(secondKey); a != 1 || b != 1 {
					t.Errorf("the keys were called %d and %d times", a, b)
				}
				h.forgive()
				resp, got := h.post(t, strings.Replace(body, "safe", "alone", 1))
				if resp.StatusCode != tt.status || resp.Header.Get("X-Should-Retry") != "false" || strings.Contains(string(got), "canary") {
					t.Errorf("alone: %d %s %v", resp.StatusCode, got, resp.Header)
				}
				if after := resp.Header.Get("Retry-After"); (after == "30") != (name == "429") {
					t.Errorf("Retry-After: %q", after)
				}
			})
		}
	}
	if strings.Contains(h.log.String(), "canary") {
		t.Error("the log shows a key")
	}
}

// TestReloadKeepsCredentials changes one of two keys, and the names of both: what is known of
// the other one stays.
func TestReloadKeepsCredentials(t *testing.T) {
	k := &keyed{}
	h, dir := openKeyed(t, k, "openai", `{m: {targets: [up/x]}}`)
	states := func() string {
		_, of := h.health.State("up/x", h.snapshot.Load().clients["up"].Credentials()...)
		return of[0].State.State + " " + of[1].State.State
	}
	k.refuseOnly(keyRefusals("openai")["401"], firstKey, secondKey)
	for range 3 {
		h.post(t, askM)
	}
	if got := states(); got != "open open" {
		t.Fatalf("before the reload: %s", got)
	}
	write(t, filepath.Join(dir, "second"), "sk-third-canary-03")
	if err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := states(); got != "open closed" {
		t.Errorf("after one key has changed: %s", got)
	}
	if resp, body := h.post(t, askM); resp.StatusCode != 200 || k.called("sk-third-canary-03") != 1 {
		t.Errorf("with the new key: %d %s", resp.StatusCode, body)
	}
	config := filepath.Join(dir, "penstock.yaml")
	write(t, config, strings.Replace(readFile(t, config), `"file:first",`, `{key: "file:first", name: renamed},`, 1))
	if err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := states(); got != "open closed" {
		t.Errorf("after one was renamed: %s", got)
	}
	write(t, config, strings.Replace(readFile(t, config), "/v1, allow", "/v2/v1, allow", 1))
	if err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := states(); got != "closed closed" {
		t.Errorf("at another address: %s", got)
	}
}

// TestSessionsKeepTheirKey sends the requests of a session with one key.
func TestSessionsKeepTheirKey(t *testing.T) {
	k := &keyed{}
	h, _ := openKeyed(t, k, "openai", `{m: {targets: [up/x]}}`)
	for range 12 {
		h.post(t, askM, "X-Penstock-Session", "conversation")
	}
	if a, b := k.called(firstKey), k.called(secondKey); a*b != 0 || a+b != 12 {
		t.Errorf("a session of 12 requests used the keys %d and %d times", a, b)
	}
	for i := range 30 {
		h.post(t, askM, "X-Penstock-Session", fmt.Sprint("conversation", i))
	}
	if k.called(firstKey) == 0 || k.called(secondKey) == 0 {
		t.Error("all sessions use one key")
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
