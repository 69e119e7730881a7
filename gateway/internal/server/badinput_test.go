package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

const hello = `"messages":[{"role":"user","content":"hi"}]`

// openAIError is an error as clients read it.
type openAIError struct {
	Error struct {
		Message, Type, Code string
		Param               *string
	}
}

// wantRefusal reads an error reply and checks status, code and that the message says
// what it must.
func wantRefusal(t *testing.T, resp *http.Response, body []byte, status int, code, contains string) {
	t.Helper()
	var e openAIError
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("status %d, body %.200q is not an error: %v", resp.StatusCode, body, err)
	}
	if resp.StatusCode != status || e.Error.Code != code || !strings.Contains(e.Error.Message, contains) || e.Error.Type == "" {
		t.Errorf("status %d, %+v; want %d %s with %q", resp.StatusCode, e.Error, status, code, contains)
	}
	if strings.Contains(string(body), "sk-canary-4711") {
		t.Errorf("the error shows the provider's key: %s", body)
	}
}

// TestBadRequests sends what must be refused, and then something good: the gateway
// is none the worse.
func TestBadRequests(t *testing.T) {
	skipRaced(t)
	h := openTestServer(t, llmtest.Handler(llmtest.JSON(200, llmtest.Chat{Text: "fine"}.OpenAI())), `
keys: optional
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {smart: {targets: [up/m]}, "smart-mini": {targets: [up/m-mini]}}
ledger: sqlite://penstock.db
`)
	bomb := gzipped(t, `{"model":"smart","x":"`+strings.Repeat("a", 64<<20)+`"}`)
	tests := []struct {
		name, body     string
		header         []string
		status         int
		code, contains string
	}{
		{"not JSON", `{"model":`, nil, 400, "invalid_json", "JSON"},
		{"empty", ``, nil, 400, "invalid_json", "empty"},
		{"not an object", `[1]`, nil, 400, "invalid_json", "object"},
		{"invalid UTF-8", "{\"model\":\"a\xff\"}", nil, 400, "invalid_json", "UTF-8"},
		{"a member twice", `{"model":"cheap","model":"smart",` + hello + `}`, nil, 400, "invalid_request", "model"},
		{"a member in another case", `{"model":"smart","Model":"x",` + hello + `}`, nil, 400, "invalid_request", "Model"},
		{"an upstream of one's own", `{"model":"smart","api_base":"http://169.254.169.254",` + hello + `}`, nil, 400, "invalid_request", "api_base"},
		{"too deep", `{"model":"smart","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `,` + hello + `}`, nil, 400, "invalid_json", "128"},
		{"33 MB", `{"model":"smart","x":"` + strings.Repeat("a", 33<<20) + `",` + hello + `}`, nil, 413, "request_too_large", "32"},
		{"a gzip bomb", bomb, []string{"Content-Encoding", "gzip"}, 413, "request_too_large", "32"},
		{"an encoding nobody knows", `x`, []string{"Content-Encoding", "zstd"}, 415, "unsupported_content_encoding", "gzip"},
		{"unknown model", `{"model":"smrt",` + hello + `}`, nil, 404, "model_not_found", `"smart"`},
		{"unknown key", `{"model":"smart",` + hello + `}`, []string{"Authorization", "Bearer sk-nobody"}, 401, "invalid_api_key", "key"},
		{"two credentials", `{"model":"smart",` + hello + `}`, []string{"Authorization", "Bearer a", "X-Api-Key", "b"}, 400, "ambiguous_credentials", "two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := h.post(t, tt.body, tt.header...)
			wantRefusal(t, resp, body, tt.status, tt.code, tt.contains)
			if resp, body := h.post(t, `{"model":"smart",`+hello+`}`); resp.StatusCode != 200 {
				t.Errorf("a good request afterwards: %s %s", resp.Status, body)
			}
		})
	}
	t.Run("expired key", func(t *testing.T) {
		_, token, err := h.keys.Create(t.Context(), keys.Spec{Name: "short", Expires: time.Now().Add(100 * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		resp, body := h.post(t, `{"model":"smart",`+hello+`}`, "Authorization", "Bearer "+token.Reveal())
		for resp.StatusCode == 200 { // until it has expired
			resp, body = h.post(t, `{"model":"smart",`+hello+`}`, "Authorization", "Bearer "+token.Reveal())
		}
		wantRefusal(t, resp, body, 401, "invalid_api_key", "expired")
	})
	t.Run("a model that the key may not ask for", func(t *testing.T) {
		_, token, err := h.keys.Create(t.Context(), keys.Spec{Name: "mini", Models: []string{"*-mini"}})
		if err != nil {
			t.Fatal(err)
		}
		resp, body := h.post(t, `{"model":"smart",`+hello+`}`, "Authorization", "Bearer "+token.Reveal())
		wantRefusal(t, resp, body, 403, "model_not_allowed", "smart")
		if resp, body := h.post(t, `{"model":"smart-mini",`+hello+`}`, "X-Api-Key", token.Reveal()); resp.StatusCode != 200 {
			t.Errorf("its own model: %s %s", resp.Status, body)
		}
	})
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestBadUpstreams meets every way in which a provider can go wrong, alone and with
// a fallback, plain and streamed. Alone, the caller gets one clear error; with a
// fallback it notices nothing.
func TestBadUpstreams(t *testing.T) {
	skipRaced(t)
	good := llmtest.Chat{Text: "from the fallback"}
	faults := map[string]struct {
		step           llmtest.Step
		status         int
		code, contains string
	}{
		"reset":           {llmtest.Reset(), 502, "upstream_error", "reach"},
		"garbage":         {llmtest.Garbage("this is not HTTP\r\n\r\n"), 502, "upstream_error", "HTTP"},
		"an HTML page":    {llmtest.HTML(502), 502, "upstream_error", "502"},
		"HTML with 200":   {llmtest.HTML(200), 502, "upstream_error", "not a chat completion"},
		"an empty body":   {llmtest.JSON(200, ""), 502, "upstream_error", "not a chat completion"},
		"a redirect":      {llmtest.Redirect("http://127.0.0.1:1/"), 502, "upstream_error", "redirect"},
		"an error in 200": {llmtest.JSON(200, `{"error":{"message":"overloaded","type":"server_error","code":"overloaded","param":null}}`), 0, "overloaded", "overloaded"},
		"a stall":         {llmtest.Stall(), 504, "upstream_timeout", "(timeout."},
		"a cut":           {llmtest.CutAfter(20, llmtest.JSON(200, good.OpenAI())), 502, "stream_interrupted", "broke off"},
		"429":             {llmtest.Steps(llmtest.Header("Retry-After", "7"), llmtest.JSON(429, llmtest.OpenAIError("requests", "rate_limit_exceeded", "slow down"))), 429, "rate_limit_exceeded", "slow down"},
	}
	for name, f := range faults {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stream=%t", name, stream), func(t *testing.T) {
				h := openTestServer(t, twoFaced(f.step, good, stream), `
keys: off
providers:
  bad:  {dialect: openai, base_url: $UPSTREAM/bad, allow_private: true, api_key: env:TEST_KEY}
  good: {dialect: openai, base_url: $UPSTREAM/good, allow_private: true, api_key: env:TEST_KEY}
models:
  alone: {targets: [bad/m], retries: {attempts: 1}, timeout: {first_token: 200ms, idle: 200ms, total: 800ms}}
  safe:  {targets: [bad/x], fallback: [good/m], retries: {attempts: 1}, timeout: {first_token: 200ms, idle: 200ms, total: 20s}}
ledger: sqlite://penstock.db
`)
				resp, body := h.post(t, fmt.Sprintf(`{"model":"alone","stream":%t,%s}`, stream, hello))
				if f.status != 0 {
					wantRefusal(t, resp, body, f.status, f.code, f.contains)
				} else if !strings.Contains(string(body), f.contains) || resp.StatusCode < 400 {
					t.Errorf("%s %s, want an error with %q", resp.Status, body, f.contains)
				}
				resp, body = h.post(t, fmt.Sprintf(`{"model":"safe","stream":%t,%s}`, stream, hello))
				if resp.StatusCode != 200 || !strings.Contains(joined(string(body)), "from the fallback") {
					t.Fatalf("with a fallback: %s %s", resp.Status, body)
				}
				if got := resp.Header.Get("X-Penstock-Target"); got != "good/m" {
					t.Errorf("target %q, want good/m", got)
				}
				r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
				if err != nil || len(r.Attempts) == 0 || r.Attempts[len(r.Attempts)-1].Fault != llm.FaultNone {
					t.Errorf("record %+v, %v; want the last attempt to be good", r, err)
				}
			})
		}
	}
}

// joined puts the pieces of a streamed answer together.
func joined(body string) string {
	var s strings.Builder
	for _, data := range dataLines(body) {
		var r openAIReply
		if json.Unmarshal([]byte(data), &r) == nil && len(r.Choices) > 0 {
			s.WriteString(r.Choices[0].Delta.Content)
		}
	}
	if s.Len() == 0 {
		return body
	}
	return s.String()
}

// twoFaced misbehaves below /bad and answers below /good.
func twoFaced(bad llmtest.Step, good llmtest.Chat, stream bool) http.Handler {
	answer := llmtest.JSON(200, good.OpenAI())
	if stream {
		answer = llmtest.Frames(good.OpenAIChunks(true)...)
	}
	mux := http.NewServeMux()
	mux.Handle("/bad/", llmtest.Handler(bad))
	mux.Handle("/good/", llmtest.Handler(answer))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that a caller has gone
		mux.ServeHTTP(w, r)
	})
}

// TestAbandonedStream hangs up in the middle: the upstream call ends, and what was
// seen is booked as an estimate.
func TestAbandonedStream(t *testing.T) {
	gone := make(chan struct{})
	h := openTestServer(t, llmtest.Handler(llmtest.Steps(
		llmtest.SSE(`{"choices":[{"index":0,"delta":{"role":"assistant","content":"one two three"},"finish_reason":null}]}`),
		llmtest.Gone(gone))), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [{target: up/m, price: {input: 1, output: 2}}]}}
ledger: sqlite://penstock.db
`)
	resp := h.send(t, `{"model":"m","stream":true,`+hello+`}`)
	if _, err := resp.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-gone // the upstream has noticed
	r := awaitRecord(t, h, resp.Header.Get("X-Penstock-Request-Id"))
	if r.Status != 499 || !r.Usage.Estimated || r.Usage.Output == 0 || r.Cost == 0 {
		t.Errorf("booked %+v with cost %v, status %d; want an estimate and 499", r.Usage, r.Cost, r.Status)
	}
}

// awaitRecord waits for a record that is written after the client is gone.
func awaitRecord(t *testing.T, h *testServer, id string) *llm.Record {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for giveUp := time.After(10 * time.Second); ; {
		if r, err := h.ledger.Get(t.Context(), id); err == nil {
			return r
		}
		select {
		case <-tick.C:
		case <-giveUp:
			t.Fatalf("request %s was never booked", id)
		}
	}
}
