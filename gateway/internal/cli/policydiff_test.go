package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// The exit code tells a pipeline what it is about: 0 no difference, 1 differences, 2 an error.
func TestPolicyDiffExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	settings := write("penstock.yaml", "ledger: sqlite://"+filepath.Join(dir, "penstock.db")+"\n")
	l, err := ledger.Open(t.Context(), "sqlite://"+filepath.Join(dir, "penstock.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &llm.Record{ID: "req_1", Time: time.Now(), Model: "smart", Decision: &llm.Decision{Allow: true, Revision: "then", Input: json.RawMessage(`{}`)}}
	if err := l.Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	folder := func(name, rule string) string {
		return filepath.Dir(write(filepath.Join(name, "p.rego"), "package penstock\n\n"+rule+"\n"))
	}
	same := folder("same", `warnings contains "never" if input.request.model == "other"`)
	warns := folder("warns", `warnings contains "now" if input.request.model == "smart"`)
	denies := folder("denies", `deny contains {"code": "c", "message": "m"} if input.request.model == "smart"`)
	broken := folder("broken", `deny contains input.request.modle`)
	for _, c := range []struct {
		args string
		want int
		says string
	}{
		{"--policies " + same, 0, "0 (0.0%) would have been treated differently"},
		{"--policies " + warns, 1, "warning added"},
		{"--policies " + denies + " -o json", 1, `"newly_denied": 1`},
		{"--policies " + warns + " --fail-on denied", 0, "warning added"},
		{"--policies " + denies + " --fail-on denied", 1, "1 of 1 requests would have been denied"},
		{"--policies " + denies + " --fail-on none", 0, "denied: c"},
		{"--policies " + broken, 2, "p.rego:3"},
		{"--policies " + filepath.Join(dir, "gone"), 2, "no such folder"},
		{"--policies " + same + " --since soon", 2, "--since"},
		{"--policies " + same + " --examples -1", 2, "--examples"},
		{"", 2, "needs --policies"},
	} {
		var out bytes.Buffer
		args := append([]string{"policy", "diff", "-c", settings}, strings.Fields(c.args)...)
		code := Run(t.Context(), args, Environment{Getenv: func(string) string { return "" }, Stdout: &out, Stderr: &out, Version: "test"})
		if code != c.want || !strings.Contains(out.String(), c.says) {
			t.Errorf("policy diff %s: %d, want %d and %q\n%s", c.args, code, c.want, c.says, out.String())
		}
	}
}
