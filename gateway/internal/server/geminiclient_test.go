package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

const geminiHello = `{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}`

// TestGeminiToGemini sends every recorded request of generateContent and streamGenerateContent
// through the gateway to an upstream that answers as Google did, and wants request and reply to
// pass byte for byte, errors with their status. Streams that were recorded as a list are asked
// for without alt=sse, and come as one from a provider that sends events.
func TestGeminiToGemini(t *testing.T) {
	up := &replayer{}
	var asked atomic.Pointer[http.Request]
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r)
		up.ServeHTTP(w, r)
	}), `
keys: off
providers: {up: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {"*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, same := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return isGemini(r) && !strings.HasPrefix(string(r.Body), "[") }) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			up.asked.Store(nil)
			h.health.Forget("up")
			model := strings.TrimPrefix(rec.Model, "models/")
			path := "/models/" + model + map[bool]string{false: ":generateContent", true: ":streamGenerateContent?alt=sse"}[rec.Stream]
			h.URL = strings.TrimSuffix(strings.TrimSuffix(h.URL, "/v1"), "/v1beta") + "/v1beta"
			resp, got := h.postTo(t, path, rec.RequestBody)
			if rec.Status == http.StatusOK {
				if diff := cmp.Diff(string(rec.Body), string(got)); diff != "" || resp.StatusCode != rec.Status {
					t.Errorf("status %d, reply (-recorded +got):\n%s", resp.StatusCode, diff)
				}
			} else {
				checkGeminiOwnError(t, rec, resp, got)
			}
			if body := up.asked.Load(); body == nil {
				t.Error("the upstream was not asked")
			} else if diff := cmp.Diff(rec.RequestBody, string(*body)); diff != "" {
				t.Errorf("request (-client's +upstream's):\n%s", diff)
			}
			if got := asked.Load().URL.String(); got != path {
				t.Errorf("asked at %s, want %s", got, path)
			}
			if !t.Failed() {
				same++
			}
		})
	}
	t.Logf("%d of %d Gemini recordings pass byte for byte", same, all)
}

func checkGeminiOwnError(t *testing.T, rec *llmtest.Recorded, resp *http.Response, got []byte) {
	t.Helper()
	var ours, theirs struct {
		Error struct {
			Code            int
			Message, Status string
		}
	}
	_ = json.Unmarshal(rec.Body, &theirs)
	if err := json.Unmarshal(got, &ours); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	want := rec.Status
	if want == http.StatusForbidden || strings.Contains(string(rec.Body), "API_KEY_INVALID") {
		want = http.StatusBadGateway // the operator's key is at fault
	}
	if resp.StatusCode != want || ours.Error.Code == 0 || ours.Error.Status == "" || !strings.Contains(ours.Error.Message, theirs.Error.Message) {
		t.Errorf("status %d, %s; want %d with %q", resp.StatusCode, got, want, theirs.Error.Message)
	}
}

// TestGeminiClientList asks for streams without alt=sse: the client gets a JSON list of the very
// events, closed at the end, also by an error.
func TestGeminiClientList(t *testing.T) {
	const one, two = `{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":5}}`,
		`{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2}}`
	for name, tt := range map[string]struct{ events, want string }{
		"whole": {"data: " + one + "\r\n\r\ndata: " + two + "\n\n", "[" + one + ",\n" + two + "\n]"},
		"cut":   {"data: " + one + "\n\n", `"status":"INTERNAL"`},
		"failed": {"data: " + one + "\n\ndata: " + `{"error":{"code":503,"message":"Overloaded.","status":"UNAVAILABLE"}}` + "\n\n",
			`{"error":{"code":503,"message":"Overloaded.","status":"UNAVAILABLE"}}`},
	} {
		h := openTestServer(t, llmtest.Handler(llmtest.Steps(llmtest.EventStream(), llmtest.Write(tt.events))), `
keys: off
providers: {up: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/g], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
		resp, got := h.postTo(t, "/models/m:streamGenerateContent?$alt=json;enum-encoding=int", geminiHello)
		if !json.Valid(got) || !strings.Contains(string(got), tt.want) || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %s %s, want %s", name, resp.Header.Get("Content-Type"), got, tt.want)
		}
	}
}

// TestGeminiClientRefused wants Google's form of the gateway's own errors.
func TestGeminiClientRefused(t *testing.T) {
	h := openTestServer(t, &replayer{}, `
keys: required
providers:
  up: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: gemini}
  gpt: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: openai}
models: {m: {targets: [{target: up/gemini-2.5-flash, price: {input: 1, output: 2}}]}, gpt: {targets: [gpt/gpt-5]}}
ledger: sqlite://penstock.db
`)
	_, token, err := h.keys.Create(t.Context(), keys.Spec{Name: "poor", Budget: llm.Budget{Max: llm.USD, Window: "day"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, body, key string
		status          int
		word, want      string
	}{
		{"/models/m:generateContent", geminiHello, "", 401, "UNAUTHENTICATED", "key is needed"},
		{"/models/m:generateContent", geminiHello, "pk-wrong", 401, "UNAUTHENTICATED", ""},
		{"/models/other:generateContent", geminiHello, token.Reveal(), 404, "NOT_FOUND", "other"},
		{"/models/gpt:generateContent", `{"cachedContent":"cachedContents/x",` + geminiHello[1:], token.Reveal(), 0, "", "cachedContent"},
		{"/models/gpt:generateContent", `{"contents":[{"parts":[{"functionResponse":{"name":"f"}}]}]}`, token.Reveal(), 400, "INVALID_ARGUMENT", "contents[0].parts[0].functionResponse: "},
		{"/models/m:generateContent", `{"contents":[]}`, token.Reveal(), 400, "INVALID_ARGUMENT", "contents"},
		{"/models/m:generateContent", `{"contents":1}`, token.Reveal(), 400, "INVALID_ARGUMENT", "contents[0]"},
		{"/models/m:generateContent", `{"systemInstruction":{},"system_instruction":{}}`, token.Reveal(), 400, "INVALID_ARGUMENT", "twice"},
		{"/models/m:generateContent", `{"service_tier":"priority",` + geminiHello[1:], token.Reveal(), 0, "", "service_tier"},
	} {
		resp, got := h.postTo(t, tt.path, tt.body, "X-Goog-Api-Key", tt.key)
		var e struct {
			Error struct {
				Code            int
				Message, Status string
			}
		}
		if err := json.Unmarshal(got, &e); err != nil || e.Error.Code != resp.StatusCode || resp.StatusCode < 400 || tt.status > 0 && resp.StatusCode != tt.status ||
			tt.word != "" && e.Error.Status != tt.word || !strings.Contains(e.Error.Message, tt.want) {
			t.Errorf("%s %s gave %d %s, want %d %s with %q", tt.path, tt.body, resp.StatusCode, got, tt.status, tt.word, tt.want)
		}
	}
	if resp, got := h.postTo(t, "/models/m:generateContent?key="+token.Reveal(), `{"contents":[]}`); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a key in the query gave %d %s", resp.StatusCode, got)
	}
}

// TestGeminiClientBody renames the model that the body repeats.
func TestGeminiClientBody(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/gemini-x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	up.current.Store(&llmtest.Recorded{Status: 200, Body: []byte(`{"candidates":[{"finishReason":"STOP"}]}`)})
	h.postTo(t, "/models/m:generateContent", `{"model":"models/m",`+geminiHello[1:])
	if want := `{"model":"models/gemini-x",` + geminiHello[1:]; string(*up.asked.Load()) != want {
		t.Errorf("the upstream got %s, want %s", *up.asked.Load(), want)
	}
}

// TestGeminiRepliesAreCached asks twice, plain and streamed, in either framing: a stored reply
// is for the same model only.
func TestGeminiRepliesAreCached(t *testing.T) {
	const event = `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2}}`
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, ":stream") {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte("data: " + event + "\n\n"))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(event))
	}), `
keys: off
providers: {up: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {"*": {targets: ["up/*"], cache: {ttl: 1m}}}
ledger: sqlite://penstock.db
`)
	for _, tt := range []struct{ path, cache, want string }{
		{"/models/m:generateContent", "miss", event}, {"/models/m:generateContent", "hit", event}, {"/models/other:generateContent", "miss", event},
		{"/models/m:streamGenerateContent?alt=sse", "miss", "data: " + event + "\n\n"}, {"/models/m:streamGenerateContent?alt=sse", "hit", "data: " + event + "\n\n"},
		{"/models/m:streamGenerateContent", "hit", "[" + event + "\n]"}, {"/models/other:streamGenerateContent", "miss", "[" + event + "\n]"},
	} {
		_, method, _ := strings.Cut(tt.path, ":") // streams apart from whole replies
		method, _, _ = strings.Cut(method, "?")
		resp, got := h.postTo(t, tt.path, geminiHello, "X-Portkey-Cache-Namespace", method)
		if state := resp.Header.Get("X-Penstock-Cache"); state != tt.cache || string(got) != tt.want {
			t.Errorf("%s: cache %q, %s; want %q, %s", tt.path, state, got, tt.cache, tt.want)
		}
	}
}
