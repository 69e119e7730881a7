package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestRouterPlugin builds the example router, which is written in Rust, and lets it
// choose in a running gateway; then one that is cut in half, which must not load.
func TestRouterPlugin(t *testing.T) {
	binary := buildRustRouter(t)
	up := readFirst(llmtest.Handler(llmtest.JSON(200, llmtest.Chat{Text: "hi"}.OpenAI())))
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models:
  m:
    router: mine
    targets:
      - {target: up/dear,  price: {input: 9, output: 9}}
      - {target: up/cheap, price: {input: 1, output: 1}}
plugins: {mine: {file: `+binary+`}}
ledger: sqlite://penstock.db
`)
	resp, body := h.post(t, `{"model":"m",`+hello+`}`)
	if got := resp.Header.Get("X-Penstock-Target"); resp.StatusCode != 200 || got != "up/cheap" {
		t.Fatalf("%s from %q: %s; want the cheap target", resp.Status, got, body)
	}
	r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
	if err != nil || r.Ranking.Fault != "" || r.Ranking.Fuel == 0 {
		t.Errorf("ranking %+v, %v; want the plugin's opinion", r.Ranking, err)
	}

	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "plugins.mine.file") {
		t.Errorf("reload with half a module = %v, want a fault at plugins.mine.file", err)
	}
	if resp, _ := h.post(t, `{"model":"m",`+hello+`}`); resp.Header.Get("X-Penstock-Target") != "up/cheap" {
		t.Errorf("after the refused reload: %s, want the old plugin to go on", resp.Status)
	}
}

// buildRustRouter compiles the example. Without a compiler the test is skipped, but
// not in CI.
func buildRustRouter(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "sdk", "rust", "examples", "cheapest")
	out, err := exec.CommandContext(t.Context(), "make", "-s", "-C", dir, "compiler").Output()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Rust compiler with the target wasm32-unknown-unknown: make deps installs one")
		}
		t.Skip("no Rust compiler with the target wasm32-unknown-unknown: make deps installs one")
	}
	binary := filepath.Join(t.TempDir(), "cheapest.wasm")
	if out, err := exec.CommandContext(t.Context(), "make", "-C", dir, "OUT="+binary).CombinedOutput(); err != nil {
		t.Fatalf("build the example: %v\n%s", err, out)
	}
	return binary
}
