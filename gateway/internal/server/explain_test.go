package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Requests of every client's format are explained, streamed and plain, with the path given or
// guessed, by the admin API and by a dry server alike.
func TestEveryFormatIsExplained(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), `
keys: off
models: {m: {router: cost, targets: [demo/demo-smart, {target: demo/demo-fast, price: {input: 1, output: 1}}, {target: demo/demo-slow, context: 1}]}}
ledger: sqlite://penstock.db
`)
	for _, c := range []struct {
		path, body string
		dialect    llm.Dialect
		stream     bool
		guessed    bool
	}{
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "", false, true},
		{"/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`, "", true, true},
		{"/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, llm.Anthropic, false, false},
		{"/v1/messages", `{"model":"m","max_tokens":9,"stream":true,"system":"x","messages":[{"role":"user","content":"hi"}]}`, llm.Anthropic, true, true},
		{"/v1/responses", `{"model":"m","input":"hi there, and more"}`, llm.Responses, false, true},
		{"/v1/responses", `{"model":"m","stream":true,"input":[{"role":"user","content":"hi"}]}`, llm.Responses, true, true},
		{"/v1beta/models/m:generateContent", geminiBody, llm.Gemini, false, false},
		{"/v1beta/models/m:streamGenerateContent", geminiBody, llm.Gemini, true, false},
		{"/v1/completions", `{"model":"m","prompt":"hi"}`, llm.Completions, false, true},
	} {
		endpoints := []string{c.path}
		if c.guessed {
			endpoints = append(endpoints, "")
		}
		for _, endpoint := range endpoints {
			status, text := h.operate(t, http.MethodPost, "/admin/v1/explain", fmt.Sprintf(`{"endpoint":%q,"request":%s}`, endpoint, c.body))
			var live llm.Record
			if err := json.Unmarshal([]byte(text), &live); err != nil || status != 200 {
				t.Fatalf("%s: %d %s", c.path, status, text)
			}
			dry, err := h.Explain(t.Context(), []byte(c.body), admin.Asker{Endpoint: endpoint})
			if err != nil {
				t.Fatalf("%s: %v", c.path, err)
			}
			for from, r := range map[string]*llm.Record{"admin": &live, "dry": dry} {
				if !r.Dry || r.Dialect != c.dialect || r.Stream != c.stream || r.Status != 200 || len(r.Candidates) != 3 || r.Candidates[2].Refused == "" ||
					len(r.ByRank()) != 2 || r.ByRank()[0] != 1 || r.Candidates[1].Score == nil || len(r.Candidates[1].Terms) == 0 {
					t.Errorf("%s at %q, %s: %+v", c.path, endpoint, from, r)
				}
			}
		}
	}
	for endpoint, body := range map[string]string{"nowhere": "{}", "/v1/models": "{}", "": geminiBody} {
		if status, text := h.operate(t, http.MethodPost, "/admin/v1/explain", fmt.Sprintf(`{"endpoint":%q,"request":%s}`, endpoint, body)); status != 400 {
			t.Errorf("endpoint %q: %d %s", endpoint, status, text)
		}
		if r, err := h.Explain(t.Context(), []byte(body), admin.Asker{Endpoint: endpoint}); err == nil || llm.AsError(err).Param != "endpoint" {
			t.Errorf("endpoint %q: %+v, %v", endpoint, r, err)
		}
	}
}
