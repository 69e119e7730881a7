package cases

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
)

// TestModulesOfTheFirstVersionStillRank runs the example router as the SDK for C compiled it
// when the contract was at version 1.0: its records had 96 bytes.
func TestModulesOfTheFirstVersionStillRank(t *testing.T) {
	code, err := os.ReadFile(filepath.Join("testdata", "cheapest-1.0.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	known := slices.DeleteFunc(conformanceCases(t, "cheapest"), func(c Case) bool { return strings.Contains(c.Name, "section") })
	for _, tr := range tryWith(t, fuel.PerStretch, code, known) {
		if tr.Err != nil {
			t.Errorf("%s: %v", tr.Name, tr.Err)
		}
	}
	r, err := wasm.NewRouter(load(t, code), nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.Prepare("cheapest", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := k.Rank(t.Context(), &llm.Request{ID: "r", Session: "s", Tags: map[string]string{"output_tokens": "1"}}, fleet(3))
	if diff := cmp.Diff([]int{2, 1, 0}, got.Order); diff != "" || got.Fault != "" {
		t.Errorf("order (-want +got)\n%s%s", diff, got.Fault)
	}
}
