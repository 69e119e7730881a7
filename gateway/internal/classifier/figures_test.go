package classifier

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// routerdata is where RouteLLM's outcomes are, if they are.
const routerdata = "../../../../shared/routerdata"

// outcomes are those of a set, without contaminated prompts. Without the data the test is
// skipped.
func outcomes(t *testing.T, set string) []Row {
	t.Helper()
	if testing.Short() || raceDetector {
		t.Skip("training on thousands of prompts takes seconds")
	}
	dir := filepath.Join(routerdata, set)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("RouteLLM's outcomes are not there: %v", err)
	}
	except := map[string]bool{}
	for _, of := range []string{"mmlu", "gsm8k"} {
		more, err := ReadPrompts(filepath.Join(routerdata, of, "contaminated_prompts.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(except, more)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ReadFiles(files, RouteLLM, except)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestFigures holds the figures that the README of the strategies has.
func TestFigures(t *testing.T) {
	for _, tt := range []struct {
		set               string
		rows              int
		least, wholeLeast float64
	}{{"mmlu", 14037, .67, .58}, {"gsm8k", 1307, .62, 0}} {
		rows := outcomes(t, tt.set)
		_, r := train(t, rows, options())
		own := r.Routers[0].APGR
		t.Logf("%s: %+v, lead over length %+v, shares %+v, unknown %+v, whole groups %+v", tt.set, r.Routers, r.Lead, r.Shares, r.Unknown, r.WholeGroups)
		if len(rows) != tt.rows || own.Value < tt.least || own.Low < .57 {
			t.Errorf("%s: %d rows and an APGR of %+v", tt.set, len(rows), own)
		}
		if tt.wholeLeast > 0 && r.WholeGroups.Routers[0].APGR.Value < tt.wholeLeast {
			t.Errorf("%s: with whole groups held out %+v", tt.set, r.WholeGroups.Routers[0])
		}
	}
}

// TestTransferIsPoor holds that the README is right to promise nothing on other prompts.
func TestTransferIsPoor(t *testing.T) {
	m, err := modelOf(fit(examplesOf(outcomes(t, "mmlu")), 1))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(outcomes(t, "gsm8k"), m, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v, shares %+v, unknown %+v", r.Routers, r.Shares, r.Unknown)
	if own, length := r.Routers[0].APGR, r.Routers[1].APGR; own.Low > length.Value {
		t.Errorf("weights of MMLU have an APGR of %+v on GSM8K, better than the length's %+v: say so in the README", own, length)
	}
}
