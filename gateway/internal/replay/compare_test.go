package replay

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// first is a router that prefers the target with an index, or fails with -1.
type first int

func (f first) Replay(_ context.Context, _ *llm.Request, c []llm.Candidate, _ time.Time) llm.Ranking {
	if f < 0 {
		return llm.Ranking{Fault: "out of fuel"}
	}
	k := llm.Ranking{Order: []int{int(f) % len(c)}}
	for i := range c {
		if i != k.Order[0] {
			k.Order = append(k.Order, i)
		}
	}
	return k
}

// pair are the facts of a route with a cheap slow target and a dear fast one.
func pair() *llm.RouteFacts {
	return llm.NewRouteFacts(&llm.Route{Router: "ordered", Targets: []*llm.Target{
		{ID: "p/cheap", Price: llm.Price{Known: true, Input: 1e9, Output: 2e9, CacheRead: 1e8}},
		{ID: "p/dear", Price: llm.Price{Known: true, Input: 1e10, Output: 3e10, CacheRead: 1e9}},
		{ID: "p/unpriced"},
	}}, llm.RouterModule{Module: "m"})
}

// served is a request that the cheap target answered.
func served(change func(*llm.Record)) *llm.Record {
	stats := func(ms int, tps float64) llm.Stats {
		return llm.Stats{TTFT: llm.Millis(time.Duration(ms) * time.Millisecond), TPS: tps}
	}
	r := &llm.Record{ID: "req_1", Target: "p/cheap", Cache: llm.CacheOff, Usage: llm.Usage{Input: 1000, CacheRead: 500, Output: 100},
		Candidates: []llm.Considered{{Target: "p/cheap", Stats: stats(1000, 100)}, {Target: "p/dear", Stats: stats(100, 1000), CachedPrefix: 200}, {Target: "p/unpriced"}},
		Ranking:    &llm.Ranking{Order: []int{0, 1, 2}, Input: llm.RouterInput{Route: "r"}}}
	if change != nil {
		change(r)
	}
	return r
}

func compareAll(t *testing.T, a, b Router, records ...*llm.Record) *Report {
	t.Helper()
	c := Compare("A", a, "B", b)
	facts := func(digest string) (*llm.RouteFacts, error) {
		switch digest {
		case "r":
			return pair(), nil
		case "gone":
			return nil, &llm.Error{Status: 404}
		}
		return nil, errors.New("the disk is broken")
	}
	for _, r := range records {
		if err := c.Add(t.Context(), r, facts, func(*llm.Record) *llm.Request { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return c.Report()
}

func TestCompare(t *testing.T) {
	got := compareAll(t, Router{Ranker: first(0)}, Router{Ranker: first(1)},
		served(nil), served(nil),
		served(func(r *llm.Record) { r.Candidates[1].Stats = llm.Stats{} }),                // never measured there
		served(func(r *llm.Record) { r.Candidates[1].Refused = "too dear by now" }),        // after it was ranked
		served(func(r *llm.Record) { r.Ranking.Input.Ranked = []int{2, 1, 0} }),            // the router got another order
		served(func(r *llm.Record) { r.Target, r.Usage, r.Status = "", llm.Usage{}, 502 })) // nobody answered
	// 500 fresh, 500 cached and 100 of output at the cheap target; 800, 200 and 100 at the dear one.
	const cheap, dear = 500_000 + 50_000 + 200_000, 8_000_000 + 200_000 + 3_000_000
	want := &Report{Records: 6, Compared: 6, Moved: 6, Priced: 4, Timed: 3,
		Recorded: Column{Router: "as recorded", Cost: 4 * cheap, LatencyMS: 2000, Shares: []Share{{"p/cheap", 5, 5.0 / 6}, {"p/unpriced", 1, 1.0 / 6}}},
		A:        Column{Router: "A", Cost: 4 * cheap, LatencyMS: 2000, Shares: []Share{{"p/cheap", 5, 5.0 / 6}, {"p/unpriced", 1, 1.0 / 6}}},
		B:        Column{Router: "B", Cost: 4 * dear, LatencyMS: 200, Moved: 6, Shares: []Share{{"p/dear", 6, 1}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Report (-want +got):\n%s", d)
	}
}

// Records that can't be replayed are counted by their reason.
func TestCompareSkips(t *testing.T) {
	none := &llm.Decision{Obligations: llm.Obligations{Log: llm.LogNone}}
	for why, change := range map[string]func(*llm.Record){
		errCached.Error():                      func(r *llm.Record) { r.Cache, r.Ranking = llm.CacheHit, nil },
		errUnranked.Error():                    func(r *llm.Record) { r.Ranking = nil },
		errNotLogged.Error():                   func(r *llm.Record) { r.Ranking, r.Decision = nil, none },
		errOldRecord.Error():                   func(r *llm.Record) { r.Ranking.Input = llm.RouterInput{} },
		errUnfitting.Error():                   func(r *llm.Record) { r.Ranking.Input.Ranked = []int{0, 7} },
		"the ledger has no facts of its route": func(r *llm.Record) { r.Ranking.Input.Route = "gone" },
	} {
		got := compareAll(t, Router{Ranker: first(0)}, Router{Ranker: first(1)}, served(change), served(nil))
		if d := cmp.Diff([]Skip{{why, 1}}, got.Skipped); d != "" || got.Records != 2 || got.Compared != 1 {
			t.Errorf("%s: (-want +got):\n%s%+v", why, d, got)
		}
	}
	reads := compareAll(t, Router{Ranker: first(0)}, Router{Ranker: first(1), ReadsPrompt: true}, served(nil))
	failing := compareAll(t, Router{Ranker: first(0)}, Router{Ranker: first(-1)}, served(nil))
	if fmt.Sprint(reads.Skipped) != "[{a router reads the prompt, whose text is not kept 1}]" || fmt.Sprint(failing.Skipped) != "[{router B failed: out of fuel 1}]" {
		t.Errorf("skipped %v and %v", reads.Skipped, failing.Skipped)
	}
	c := Compare("A", Router{}, "B", Router{})
	broken := func(string) (*llm.RouteFacts, error) { return nil, errors.New("the disk is broken") }
	if err := c.Add(t.Context(), served(nil), broken, nil); err == nil {
		t.Error("an error of the disk is skipped")
	}
}

// However many targets and reasons there are, their number is bounded.
func TestCompareIsBounded(t *testing.T) {
	m := map[string]int64{}
	for i := range 3 * maxTargets {
		count(m, fmt.Sprint(i))
	}
	if len(m) != maxTargets+1 || m[others] != 2*maxTargets {
		t.Errorf("%d entries, %d others", len(m), m[others])
	}
}
