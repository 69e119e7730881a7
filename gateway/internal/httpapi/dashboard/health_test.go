package dashboard

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// many is a gateway with so many targets, of which the last one's circuit is open and the one before
// it has failed.
type many struct {
	*fake
	n int
}

func (m many) Targets() Targets {
	start := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	row := []float64{5, math.NaN()}
	t := Targets{Starts: []time.Time{start, start.Add(time.Minute)}}
	for i := range m.n {
		t.All = append(t.All, Target{ID: fmt.Sprintf("p/%03d", i), State: stateClosed, Requests: 100, FirstP50: row, FirstP95: row, FirstP99: row, TotalP50: row, TotalP95: row, TotalP99: row})
	}
	t.All[m.n-2].Errors = 50
	t.All[m.n-1].State = "open"
	t.All[m.n-1].Outages = []Outage{{From: start, To: start.Add(time.Second), Why: "timeout"}, {From: start.Add(time.Minute), Why: "server"}}
	return t
}

// TestManyTargets: a page has charts of twelve targets, the failing ones first, and the others can
// be reached.
func TestManyTargets(t *testing.T) {
	x := newTestDashboard(t, many{&fake{}, 300})
	x.signInByLink(t)
	for _, c := range []struct {
		path   string
		status int
		want   []string
		none   string
	}{
		{"/health", 200, []string{"Targets 1 to 12 of 300", `aria-label="p/298"`, `aria-label="p/299"`, `aria-label="p/009"`, `href="?after=12"`, "100 of 300 targets",
			"circuit open (timeout) from 00:00:00 to 00:00:01", "circuit open (server) from 00:01:00<"}, `aria-label="p/010"`},
		{"/health?after=12", 200, []string{"Targets 13 to 24 of 300", `aria-label="p/010"`, `href="?after=0"`, `href="?after=24"`}, `aria-label="p/299"`},
		{"/health?find=p/15", 200, []string{`aria-label="p/150"`, `aria-label="p/159"`}, `aria-label="p/299"`},
		{"/health?find=none", 200, []string{"No target has this in its name"}, "<figure"},
		{"/health?after=9999996", 200, []string{"Targets"}, `aria-label="p/299"`},
		{"/health?after=5", 400, []string{"write a multiple of 12"}, "<figure"},
		{"/health?after=-12", 400, []string{"write a multiple of 12"}, "<figure"},
	} {
		status, page := x.get(t, c.path)
		if status != c.status || strings.Contains(page, c.none) {
			t.Errorf("GET %s = %d, or has %s", c.path, status, c.none)
		}
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("GET %s has no %s", c.path, want)
			}
		}
	}
}
