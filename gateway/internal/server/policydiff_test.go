package server

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
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

// A comment changes nothing: each of the examples decides the same on what it has decided,
// for callers with all that a key may have.
func TestDiffPolicyWithoutDifference(t *testing.T) {
	for _, example := range []string{"agent-sessions", "business-hours", "night-hours", "small-model-at-80", "tag-budgets"} {
		t.Run(example, func(t *testing.T) {
			files := exampleFiles(t, example)
			dir := t.TempDir()
			for name, text := range files {
				writeFile(t, filepath.Join(dir, "policies", name), text)
			}
			h := openTestServerIn(t, dir, &speaker{text: "hello"}, `
keys: required
policies: `+filepath.Join(dir, "policies")+`
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models:
  smart: {targets: [{target: up/smart, price: {input: 1000, output: 1000}}]}
  fast: {targets: [{target: up/fast, price: {input: 1, output: 1}}]}
ledger: sqlite://penstock.db
`)
			for _, s := range []keys.Spec{{Name: "plain"}, {Name: "limited", Models: []string{"fast"}}, {Name: "full", Team: "research", User: "ada", Roles: []string{"member"},
				Models: []string{"s*", "fast"}, Tags: map[string]string{"usecase": "support", "env": "test"}, Budget: llm.Budget{Max: 5 * llm.USD, Window: "day"}, Expires: time.Now().Add(time.Hour)}} {
				_, token, err := h.keys.Create(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					h.post(t, `{"model":"smart","max_tokens":50,"metadata":{"app":"x"},`+hello+`}`, "Authorization", "Bearer "+token.Reveal())
				}
			}
			for name := range files {
				if strings.HasSuffix(name, ".rego") {
					files[name] += "\n# a comment\n"
				}
			}
			got, err := h.DiffPolicy(t.Context(), h.ledger.Reader, admin.PolicyChange{Files: files, Examples: 9})
			if err != nil || got.Records != 6 || got.Compared != 6 || got.Different != 0 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// exampleFiles returns the files of an example policy by name.
func exampleFiles(t *testing.T, example string) map[string]string {
	t.Helper()
	files := map[string]string{}
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", "policies", "examples", example, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", example, len(paths), err)
	}
	for _, path := range paths {
		if filepath.Ext(path) == ".md" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(text)
	}
	return files
}
