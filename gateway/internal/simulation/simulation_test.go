//go:build !race

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuickFigures plays short scenarios: every figure is met, and the same seed gives the same
// tables and curves. The race detector would take minutes to compile the module.
func TestQuickFigures(t *testing.T) {
	m, stop, err := loadStrategies(1)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	all := plans(sizeOf(true), 1)
	first, err := simulate(t, all, m, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := missed(first.figures()); err != nil {
		t.Error(err)
	}
	for name, one := range first {
		for _, r := range one {
			if len(r.served) == 0 {
				t.Errorf("%s, %s: nothing was served", name, r.policy.name)
			}
			if len(r.served) != len(one[0].served) {
				t.Errorf("%s, %s: %d requests, want the %d of the others", name, r.policy.name, len(r.served), len(one[0].served))
			}
		}
	}
	if r := first.of("limits", "round robin"); r.refusals() < 0.05 {
		t.Errorf("round robin is refused in %.4f of the requests: the limits do not bind", r.refusals())
	}
	for name, text := range first.charts() {
		wellFormed(t, name, text)
	}
	again, err := simulate(t, all[:1], m, 1)
	if err != nil {
		t.Fatal(err)
	}
	var want, got strings.Builder
	first.table(&want, first["day"])
	again.table(&got, again["day"])
	if want.String() != got.String() || first.shareOverTime("day", "latency", "", "").svg() != again.shareOverTime("day", "latency", "", "").svg() {
		t.Errorf("the same seed gives two results:\n%s\n%s", &want, &got)
	}
}

// TestPublishedCurves holds that examples/simulation has the files that the program writes.
func TestPublishedCurves(t *testing.T) {
	const folder = "../../../examples/simulation"
	report, err := os.ReadFile(filepath.Join(folder, "results.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(report); !strings.Contains(text, "Figures") || strings.Contains(text, "MISSED") {
		t.Error("the published report has no figures, or missed ones: run make sim")
	}
	readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cost-quality.svg", "difficulty.svg", "outage.svg", "degraded.svg", "shares.svg", "day-shares.svg"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Errorf("%v: run make sim", err)
			continue
		}
		wellFormed(t, name, string(text))
		if !strings.Contains(string(readme), "]("+name+")") {
			t.Errorf("README.md does not show %s", name)
		}
	}
}

// wellFormed asserts that a curve is XML, and that it has no number that is none.
func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Errorf("%s has a coordinate that is not a number", name)
	}
}
