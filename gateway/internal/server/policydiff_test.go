package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/replay"
)

// Every client's requests are decided again, plain and streamed, by a policy that is not in
// force and does not come into force.
func TestDiffPolicy(t *testing.T) {
	h := openTestServer(t, &speaker{text: "hello"}, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models:
  m: {targets: [{target: up/m, price: {input: 1, output: 1}}]}
ledger: sqlite://penstock.db
`)
	root := &testServer{h.Server, strings.TrimSuffix(h.URL, "/v1"), h.log}
	for path, body := range map[string]string{
		"/v1/chat/completions":                   `{"model":"m",` + hello + `}`,
		"/v1/messages":                           `{"model":"m","stream":true,"max_tokens":9,` + hello + `}`,
		"/v1/responses":                          `{"model":"m","input":"hello"}`,
		"/v1beta/models/m:streamGenerateContent": `{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}`,
	} {
		if resp, text := root.postTo(t, path, body); resp.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	before := h.snapshot.Load().policy.Status()
	ask := func(rego string) string {
		text, err := json.Marshal(map[string]any{"files": map[string]string{"p.rego": "package penstock\n" + rego}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	streamed := ask(`deny contains {"code": "c", "message": "m"} if input.request.stream`)
	status, text := h.operate(t, http.MethodPost, "/admin/v1/policy/diff", streamed)
	var got replay.PolicyReport
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	if got.Compared != 4 || got.Denied != 2 || got.Different != 2 || len(got.Changes) != 1 || got.Changes[0].Rule != "p.rego:2" {
		t.Errorf("%s", text)
	}
	for body, want := range map[string]string{
		ask("deny contains 1 if input.request.modle"): "p.rego:2",
		`{"files":{"a.txt":""}}`:                      "not a file of a policy folder",
	} {
		if status, text := h.operate(t, http.MethodPost, "/admin/v1/policy/diff", body); status != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %q", body, status, text, want)
		}
	}
	if after := h.snapshot.Load().policy.Status(); after.Revision != before.Revision || after.Misses != before.Misses || after.Hits != before.Hits {
		t.Errorf("the policy in force was %+v, is %+v", before, after)
	}
	h.comparing.Lock()
	defer h.comparing.Unlock()
	if status, text := h.operate(t, http.MethodPost, "/admin/v1/policy/diff", streamed); status != 503 {
		t.Errorf("while another one runs: %d %s", status, text)
	}
}
