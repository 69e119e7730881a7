package chart

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// hostile is text that would do something if it were not escaped.
const hostile = `"><script>alert(1)</script>&<`

var gap = math.NaN()

func hours(n int) (times []time.Time) {
	for i := range n {
		times = append(times, time.Date(2026, 11, 30, i, 0, 0, 0, time.UTC))
	}
	return times
}

// wellFormed returns an error unless the text is XML, as SVG within HTML has to be for a reader
// to see what was meant.
func wellFormed(text template.HTML) error {
	d := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestChartsAreWellFormed(t *testing.T) {
	p := Plot{Title: hostile, Times: hours(4), Series: []Series{{hostile, []float64{1, gap, 3, 4}}, {Other, []float64{gap, gap, gap, 1}}, {"", nil}},
		Format: func(v float64) string { return hostile }, Levels: []Level{{hostile, 7}}, Bands: []Band{{hostile, hours(2)[1], hours(4)[3]}}, Ahead: []float64{gap, gap, 1, 9}, AheadName: hostile}
	for name, drawn := range map[string]template.HTML{
		"area": Area(p), "lines": Lines(p), "nothing": Area(Plot{}), "one time": Lines(Plot{Times: hours(1), Series: []Series{{"a", []float64{1}}}}),
		"spark": Spark(hostile, []float64{1, gap, 2}), "no spark": Spark("", nil), "budget": Budget(hostile, 0.5, 0.7), "share": Share(hostile, gap, 3),
		"bars": Bars(hostile, []Bar{{hostile, 3}, {"b", 0}}, p.Format), "no bars": Bars("", nil, p.Format),
		"waterfall": Waterfall(hostile, 0, []Span{{hostile, hostile, 1, 2, hostile}}),
		"infinite":  Lines(Plot{Times: hours(2), Series: []Series{{"a", []float64{math.Inf(1), 1}}}}),
	} {
		if err := wellFormed(drawn); err != nil || strings.Contains(string(drawn), "<script") || strings.Contains(string(drawn), "NaN") {
			t.Errorf("%s: %v\n%s", name, err, drawn)
		}
	}
}

// TestArea compares the outlines of two stacked series with what they should be: y is 12 at the
// top of the axis and 196 at its foot, x from 72 to 944.
func TestArea(t *testing.T) {
	got := string(Area(Plot{Times: hours(3), Series: []Series{{"a", []float64{1, 2, 1}}, {"b", []float64{1, gap, 4}}}}))
	for _, want := range []string{
		`d="M72.0 159.2L508.0 122.4L944.0 159.2L944.0 196.0L508.0 196.0L72.0 196.0Z"><title>a</title>`, // 5 is the top
		`d="M72.0 122.4L508.0 122.4L944.0 12.0L944.0 159.2L508.0 122.4L72.0 159.2Z"><title>b</title>`,
		`<td class="num">2</td><td class="num">–</td>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("Area has no %s:\n%s", want, got)
		}
	}
}

func TestLinesHaveGaps(t *testing.T) {
	got := string(Lines(Plot{Times: hours(5), Series: []Series{{"a", []float64{1, 2, gap, 2, gap}}}}))
	if want := `d="M72.0 104.0L290.0 12.0M726.0 12.0m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0"`; !strings.Contains(got, want) {
		t.Errorf("Lines has no %s:\n%s", want, got)
	}
}

// TestLabels: a name is in the drawing where its area has room for it, and in the legend where
// not. What is expected counts for the axis, and a level at the top has its name below the line.
func TestLabels(t *testing.T) {
	p := Plot{Times: hours(24), Levels: []Level{{"budget", 20}}, AheadName: "expected"}
	wide, thin := make([]float64, 24), make([]float64, 24)
	for i := range wide {
		wide[i], thin[i] = 10, 0.1
		p.Ahead = append(p.Ahead, gap)
	}
	p.Series = []Series{{"wide", wide}, {"thin", thin}}
	got := string(Area(p))
	for _, want := range []string{`text-anchor="middle">wide</text>`, `">thin</span>`, `y="26.0">budget 20</text>`} {
		if !strings.Contains(got, want) {
			t.Errorf("Area has no %s:\n%.3000s", want, got)
		}
	}
	if strings.Contains(got, "wide</span>") || strings.Contains(got, "expected</text>") {
		t.Errorf("Area has a label twice, or one of nothing:\n%.3000s", got)
	}
	p.Ahead[22], p.Ahead[23] = 10, 40
	if got := string(Area(p)); !strings.Contains(got, `expected</text>`) || !strings.Contains(got, `<td class="num">40</td>`) || !strings.Contains(got, ">50</text>") {
		t.Errorf("Area does not show what is expected:\n%.3000s", got)
	}
}

func TestBudgetBeyondItsLimit(t *testing.T) {
	for _, c := range []struct {
		used, reserved float64
		want           string
	}{
		{0.5, 0, `width="80.0" height="10"/><path class="reserved" d=""/><path class="limit" d="M159.0 0v10"/>`},
		{2, 0, `width="160.0" height="10"/><path class="reserved" d=""/><path class="limit" d="M79.0 0v10"/>`},
		{100, 0, `width="160.0" height="10"/><path class="reserved" d=""/><path class="limit" d="M15.0 0v10"/>`},
	} {
		if got := string(Budget("", c.used, c.reserved)); !strings.Contains(got, c.want) {
			t.Errorf("Budget(%v, %v) = %s, want %s", c.used, c.reserved, got, c.want)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		n, most int
		want    []int
	}{{0, 6, nil}, {1, 6, []int{0}}, {2, 6, []int{0, 1}}, {7, 6, []int{0, 2, 4, 6}}, {30, 6, []int{5, 11, 17, 23, 29}}, {96, 2, []int{0, 95}}} {
		if got := ticks(c.n, c.most); !slices.Equal(got, c.want) {
			t.Errorf("ticks(%d, %d) = %v, want %v", c.n, c.most, got, c.want)
		}
	}
}

func TestCeiling(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, -3: 1, gap: 1, 0.0007: 0.001, 1: 1, 1.1: 2, 3: 5, 5: 5, 51: 100, 1e9: 1e9} {
		if got := ceiling(v); math.Abs(got-want) > want*1e-9 {
			t.Errorf("ceiling(%v) = %v, want %v", v, got, want)
		}
	}
}

// TestColors: a name keeps its color from chart to chart, two of one chart never share one, and
// Other has its own.
func TestColors(t *testing.T) {
	var series []Series
	for i := range Most {
		series = append(series, Series{Name: fmt.Sprint("team-", i)})
	}
	got := colors(append(series, Series{Name: Other}))
	sorted := slices.Sorted(slices.Values(got))
	if !slices.Equal(sorted, []int{0, 1, 2, 3, 4, 5, 6, Most}) || got[Most] != Most {
		t.Errorf("colors = %v", got)
	}
	for _, name := range []string{"a", "team-3", "openai/gpt-5"} {
		if got := colors([]Series{{Name: name}})[0]; got != Color(name) {
			t.Errorf("%s alone has color %d, want %d", name, got, Color(name))
		}
	}
}

func TestMillis(t *testing.T) {
	for ms, want := range map[float64]string{0: "0 ms", 0.05: "50 µs", 1.25: "1.2 ms", 12: "12 ms", 1500: "1.5 s", 90_000: "1.5 min", gap: "–"} {
		if got := Millis(ms); got != want {
			t.Errorf("Millis(%v) = %q, want %q", ms, got, want)
		}
	}
}
