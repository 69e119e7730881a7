package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestShortNumber(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 0.000043: "0.000043", 0.0000123456: "0.00001235", 14990.7: "14991", -1000: "-1000",
		0.77825842: "0.7783", 1e300: "1e+300", 1e-300: "1e-300", -1e9: "-1000000000"} {
		if got := shortNumber(f); got != want {
			t.Errorf("shortNumber(%g) = %s, want %s", f, got, want)
		}
	}
}

func TestPrintCandidates(t *testing.T) {
	good, bad := 0.75, -0.00001
	r := &llm.Record{Target: "b/m", Candidates: []llm.Considered{
		{Target: "a/m", Refused: "cooling down after server", Stats: llm.Stats{ErrorRate: 0.5, Samples: 4}, EstCost: 12e6},
		{Target: "b/m", Score: &good, EstCost: 5e6, CachedPrefix: 900, Terms: []llm.Term{{Name: "cost_usd", Value: 0.00001}, {Name: "gain_usd"}},
			Stats: llm.Stats{TTFTP50: llm.Millis(310500 * time.Microsecond), TPS: 81.25, Inflight: 3}},
		{Target: "c/m", Score: &bad, Unpriced: true, Terms: []llm.Term{{Name: "quality", Value: 0.5}}},
		{Target: "d/m", For: llm.FaultContextLength, Dropped: []string{"seed"}, Stats: llm.Stats{TTFT: llm.Millis(time.Millisecond)}},
	}, Ranking: &llm.Ranking{Order: []int{1, 0}, Input: llm.RouterInput{Ranked: []int{1, 2}}},
		Attempts: []llm.Attempt{{Target: "c/m", Fault: llm.FaultServer}, {Target: "b/m"}}}
	want := `
RANK  TARGET                           SCORE     AT MOST   FIRST TOKEN  TOKENS/S  ERRORS  IN FLIGHT  OUTCOME
1     c/m                              -0.00001  no price  -            -         -       0          tried: server
2     b/m                              0.75      $0.005    311ms        81        -       3          served; 900 tokens of the prompt cached
-     a/m                              -         $0.012    -            -         50%     0          refused: cooling down after server
-     d/m (only after context_length)  -         free      1ms          -         -       0          not asked; has no equivalent for seed

TERMS  cost_usd  gain_usd  quality
c/m    -         -         0.5
b/m    0.00001   0         -

`
	var out bytes.Buffer
	if err := printCandidates(&out, r); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if d := cmp.Diff(want, strings.Join(lines, "\n")); d != "" {
		t.Errorf("printCandidates (-want +got):\n%s", d)
	}
}
