package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
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
	r, err := openRecorder(callsDir("sqlite://"+filepath.Join(dir, "penstock.db")), recorderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	host, err := wasm.NewHost(wasm.Options{})
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

	stdout, stderr, err := penstock(t, "plugin", "replay", "req_one")
	if err != nil || !strings.Contains(stdout, "same") || !strings.Contains(stdout, "route_flat") {
		t.Errorf("plugin replay: %v\n%s%s", err, stdout, stderr)
	}
	_, stderr, err = penstock(t, "plugin", "replay", "req_two")
	if err == nil || !strings.Contains(stderr, "no calls are recorded of request req_two") || !strings.Contains(stderr, "hint: ") {
		t.Errorf("plugin replay of an unknown request: %v\n%s", err, stderr)
	}

	// Saved calls are cases like any others.
	if stdout, stderr, err = penstock(t, "plugin", "replay", "req_one", "--save", "saved"); err != nil {
		t.Fatal(stderr)
	}
	saved := strings.TrimSpace(stdout)
	if stdout, stderr, err = penstock(t, "plugin", "test", saved, "--module", "mine.wasm"); err != nil {
		t.Errorf("plugin test of what was saved: %v\n%s%s", err, stdout, stderr)
	}
	if info, err := os.Stat(saved); err != nil || info.Mode()&0o077 != 0 {
		t.Errorf("%s is open to others (%v)", saved, err)
	}

	// Another answer is shown, and is a failure.
	text, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	calls := callsDir(fmt.Sprintf("sqlite://%s", filepath.Join(dir, "penstock.db")))
	other := strings.Replace(string(text), `"expect_base64": "`, `"expect_base64": "AAAA`, 1)
	write(filepath.Join(calls, "req_one", "00001-mine-route_flat.json"), []byte(other))
	stdout, stderr, err = penstock(t, "plugin", "replay", "req_one")
	if err == nil || !strings.Contains(stdout, "DIFFERS") || !strings.Contains(stderr, "1 of 1 calls are answered differently") {
		t.Errorf("plugin replay of another answer: %v\n%s%s", err, stdout, stderr)
	}
}
