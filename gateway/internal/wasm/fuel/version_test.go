package fuel

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestVersion fails when the pass makes something else than it did at this Version: metered code
// that hosts have kept would be used as if nothing had changed.
func TestVersion(t *testing.T) {
	const version, want = 1, "f1b868eecb61ceb0"
	sum := sha256.New()
	programs := rapid.Custom(drawProgram)
	for seed := range 200 {
		m, err := Parse(programs.Example(seed))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []Charging{PerStretch, PerInstruction, Nothing} {
			sum.Write(instrument(t, m, c))
		}
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)[:8]); Version != version || got != want {
		t.Errorf("version %d of the pass makes %s of these programs, version %d made %s: raise Version, unless only the programs are others", Version, got, version, want)
	}
}
