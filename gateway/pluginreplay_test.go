package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/calllog"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
	"github.com/penstock/penstock/plugins"
)

func builtinModule(t *testing.T) []byte {
	t.Helper()
	binary, err := plugins.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// recordRequest lets a plugin rank once, with a recorder beside a ledger in this folder,
// and gives the module back as a plugin's file.
func recordRequest(t *testing.T, dir, id string) {
	t.Helper()
	r, err := calllog.Open(calllog.Dir("sqlite://"+filepath.Join(dir, "penstock.db")), calllog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	host, err := wasm.NewHost(wasm.Options{SelfTest: cases.SelfTest})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close(context.WithoutCancel(t.Context()))
	m, err := host.Load(t.Context(), wasm.Spec{Name: "mine", Wasm: builtinModule(t), Record: r.Record})
	if err != nil {
		t.Fatal(err)
	}
	router, err := wasm.NewRouter(m, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ranker, err := router.Prepare("cost", nil)
	if err != nil {
		t.Fatal(err)
	}
	price := llm.Price{Known: true, Input: 1, Output: 1}
	ranker.Rank(t.Context(), &llm.Request{ID: id}, []llm.Candidate{{Target: &llm.Target{ID: "a/a", Price: price}}, {Target: &llm.Target{ID: "a/b", Price: price}}})
	r.Finish(id)
	r.Close()
}

func TestReplayHoldsAModuleAgainstWhatItDid(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	recordRequest(t, dir, "req_one")
	write("mine.wasm", builtinModule(t))
	write("penstock.yaml", []byte("keys: off\nplugins: {mine: {file: mine.wasm, record: true}}\nledger: sqlite://penstock.db\n"+
		"models: {m: {router: mine, targets: [demo/demo]}}\n"))

	stdout, stderr, code := penstock(t, "plugin", "replay", "req_one")
	if code != 0 || !strings.Contains(stdout, "same") || !strings.Contains(stdout, "route_flat") {
		t.Errorf("plugin replay: %d\n%s%s", code, stdout, stderr)
	}
	_, stderr, code = penstock(t, "plugin", "replay", "req_two")
	if code != 1 || !strings.Contains(stderr, "no calls are recorded of request req_two") || !strings.Contains(stderr, "hint: ") {
		t.Errorf("plugin replay of an unknown request: %d\n%s", code, stderr)
	}

	// Saved calls are cases like any others.
	if stdout, stderr, code = penstock(t, "plugin", "replay", "req_one", "--save", "saved"); code != 0 {
		t.Fatal(stderr)
	}
	saved := strings.TrimSpace(stdout)
	if stdout, stderr, code = penstock(t, "plugin", "test", saved, "--module", "mine.wasm"); code != 0 {
		t.Errorf("plugin test of what was saved: %d\n%s%s", code, stdout, stderr)
	}
	if info, err := os.Stat(saved); err != nil || info.Mode()&0o077 != 0 {
		t.Errorf("%s is open to others (%v)", saved, err)
	}

	// Another answer is reported and is a failure.
	text, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	calls := calllog.Dir(fmt.Sprintf("sqlite://%s", filepath.Join(dir, "penstock.db")))
	other := strings.Replace(string(text), `"expect_base64": "`, `"expect_base64": "AAAA`, 1)
	write(filepath.Join(calls, "req_one", "00001-mine-route_flat.json"), []byte(other))
	stdout, stderr, code = penstock(t, "plugin", "replay", "req_one")
	if code != 1 || !strings.Contains(stdout, "DIFFERS") || !strings.Contains(stderr, "1 of 1 calls are answered differently") {
		t.Errorf("plugin replay of another answer: %d\n%s%s", code, stdout, stderr)
	}
}
