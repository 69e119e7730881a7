package server

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/strategies"
	"github.com/penstock/penstock/plugins/strategies/classify"
)

const withWeights = `
keys: off
classifier: {weights: own.bin}
models: {m: {router: classifier, targets: [{target: demo/demo-fast}, {target: demo/demo-smart, order: 1}]}}
ledger: sqlite://penstock.db
`

// writeWeights writes weights by which all prompts are hard, or easy.
func writeWeights(t *testing.T, hard bool) {
	t.Helper()
	w := new(classify.Weights)
	for b := range w.Grams[classify.Strong] {
		w.Words = append(w.Words, uint16(b), uint16(b+classify.Buckets), uint16(b+2*classify.Buckets), uint16(b+3*classify.Buckets))
	}
	if w.Surface[classify.Weak][0] = 4; hard {
		w.Surface[classify.Weak][0], w.Surface[classify.Strong][0] = -4, 4
	}
	if err := os.WriteFile("own.bin", w.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWeightsAreLoadedOnce keeps the module while the weights stay, also over a reload.
func TestWeightsAreLoadedOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	h := openTestServerIn(t, ".", http.NotFoundHandler(), withWeights, func() { writeWeights(t, true) })
	target := func() string {
		t.Helper()
		resp, _ := h.post(t, `{"model":"m","messages":[{"role":"user","content":"hello"}]}`)
		return resp.Header.Get("X-Penstock-Target")
	}
	if got := target(); got != "demo/demo-smart" {
		t.Errorf("a hard prompt goes to %s", got)
	}
	before := h.snapshot.Load().plugins[strategies.Classifier].module
	if err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.snapshot.Load().plugins[strategies.Classifier].module != before {
		t.Error("a reload loads the same weights again")
	}
	writeWeights(t, false)
	if err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := target(); got != "demo/demo-fast" {
		t.Errorf("with other weights the prompt goes to %s", got)
	}
	if err := os.WriteFile("own.bin", []byte(strings.Repeat("x", classify.Size+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "penstock.yaml:3:23: classifier.weights: own.bin is larger than") {
		t.Errorf("Reload with a file that is too large = %v", err)
	}
	if got := target(); got != "demo/demo-fast" {
		t.Errorf("after a refused reload the prompt goes to %s", got)
	}
}
