package cli

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadUsage(t *testing.T) {
	none := math.Inf(-1)
	for name, c := range map[string]struct {
		file  string
		named map[string]string
		want  map[usageKey]usageFigures
	}{
		"plain":              {"day,model,input_tokens,output_tokens,cost\n2026-11-01,gpt-5,10,5,\"$1,000.25\"\n", nil, map[usageKey]usageFigures{{"2026-11-01", "gpt-5"}: {10, 5, 1000.25}}},
		"added up":           {"\ufeffDate,Model,Cost (USD)\n2026-11-01T00:00:00Z,gpt-5-2025-08-07,1\n2026-11-01,GPT-5,2\n", nil, map[usageKey]usageFigures{{"2026-11-01", "gpt-5"}: {none, none, 3}}},
		"a Unix time":        {"start_time,model,n_context_tokens_total\n1793491200,claude-sonnet-4-5-20250929,7\n", nil, map[usageKey]usageFigures{{"2026-11-01", "claude-sonnet-4-5"}: {7, none, none}}},
		"names of one's own": {"When,What,Price\n11/1/2026,x,4\n", map[string]string{"day": "When", "model": "what", "cost": "Price"}, map[usageKey]usageFigures{{"2026-11-01", "x"}: {none, none, 4}}},
	} {
		got, err := readUsage(strings.NewReader(c.file), c.named)
		if d := cmp.Diff(c.want, got); err != nil || d != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
	for name, file := range map[string]string{"nothing": "", "no lines": "day,model,cost\n", "no model": "day,cost\n2026-11-01,1\n", "an empty model": "day,model,cost\n2026-11-01,,1\n", "a bad day": "day,model,cost\nyesterday,a,1\n",
		"a bad number": "day,model,cost\n2026-11-01,a,much\n", "not a number": "day,model,cost\n2026-11-01,a,NaN\n", "quotes": "day,model,cost\n\"2026"} {
		if got, err := readUsage(strings.NewReader(file), nil); err == nil {
			t.Errorf("%s: %v, want an error", name, got)
		}
	}
	if _, err := readUsage(strings.NewReader("day,model,cost\n2026-11-01,a,1\n"), map[string]string{"price": "cost"}); err == nil {
		t.Error("--column price=cost is accepted")
	}
}

func TestCompareUsage(t *testing.T) {
	ours := map[usageKey]usageFigures{{"1", "same"}: {100, 100, 1}, {"1", "near"}: {100, 0, 1}, {"1", "far"}: {100, 0, 1}, {"1", "ours only"}: {1, 0, 0}}
	theirs := map[usageKey]usageFigures{{"1", "same"}: {100, 100, 1}, {"1", "near"}: {100.5, 0, math.Inf(-1)}, {"1", "far"}: {100, 0, 1.2}, {"1", "theirs only"}: {0, 0, 3}}
	var names []string
	for _, d := range compareUsage(ours, theirs, 0.01) {
		names = append(names, d.Model)
	}
	if d := cmp.Diff([]string{"far", "ours only", "theirs only"}, names); d != "" {
		t.Errorf("compareUsage (-want +got):\n%s", d)
	}
}

func TestSparkline(t *testing.T) {
	if got := sparkline([]int64{0, 1, 4, 8}); got != " ▁▄█" {
		t.Errorf("sparkline = %q", got)
	}
	if got := sparkline(nil) + sparkline([]int64{0, 0}); got != "  " {
		t.Errorf("sparkline of nothing = %q", got)
	}
}
