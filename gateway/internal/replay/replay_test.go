package replay

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ranks is a router with this ranking.
type ranks llm.Ranking

func (k ranks) Replay(context.Context, *llm.Request, []llm.Candidate, time.Time) llm.Ranking {
	return llm.Ranking(k)
}

func TestReplayNamesWhatDiffers(t *testing.T) {
	term := func(name string, value float64) []llm.Term { return []llm.Term{{Name: name, Value: value}} }
	r := served(func(r *llm.Record) {
		r.Ranking.Order, r.Ranking.Scores = []int{0, 1}, []float64{1, 0.5} // the third was dropped
		r.Candidates[0].Terms = term("cost_usd", 0.1)
	})
	same := llm.Ranking{Order: []int{0, 1}, Scores: []float64{1, 0.5}, Terms: [][]llm.Term{term("cost_usd", 0.1), nil, nil}}
	for want, change := range map[string]func(*llm.Ranking){
		"":                            func(*llm.Ranking) {},
		"p/cheap rank, p/dear rank":   func(k *llm.Ranking) { k.Order, k.Scores = []int{1, 0}, []float64{0.5, 1} },
		"p/dear score":                func(k *llm.Ranking) { k.Scores = []float64{1, math.Nextafter(0.5, 1)} },
		"p/cheap score, p/dear score": func(k *llm.Ranking) { k.Scores = nil },
		"p/cheap cost_usd":            func(k *llm.Ranking) { k.Terms = [][]llm.Term{term("cost_usd", math.Nextafter(0.1, 1))} },
		"p/cheap cost_usd quality":    func(k *llm.Ranking) { k.Terms = [][]llm.Term{term("quality", 0.1)} },
		"p/unpriced rank":             func(k *llm.Ranking) { k.Order, k.Scores = []int{0, 1, 2}, []float64{1, 0.5, 0} },
		"p/dear rank":                 func(k *llm.Ranking) { k.Order, k.Scores = []int{0}, []float64{1} },
	} {
		k := same
		change(&k)
		got, err := Replay(t.Context(), r, pair(), Router{Ranker: ranks(k), Module: llm.RouterModule{Module: "m"}})
		if err != nil {
			t.Fatal(err)
		}
		var differs []string
		for _, c := range got.Candidates {
			if len(c.Differs) > 0 {
				differs = append(differs, c.Target+" "+strings.Join(c.Differs, " "))
			}
		}
		slices.Sort(differs)
		if all := strings.Join(differs, ", "); all != want || got.Same != (want == "") || !got.Exact {
			t.Errorf("differs %q, same %v, exact %v, want %q", all, got.Same, got.Exact, want)
		}
	}
}

// A replay that is not exact says why.
func TestReplayNotes(t *testing.T) {
	k := ranks{Order: []int{0, 1, 2}}
	for want, c := range map[string]struct {
		with   Router
		change func(*llm.Record)
		exact  bool
	}{
		"":                              {with: Router{Ranker: k, Module: llm.RouterModule{Module: "m"}}, exact: true},
		"module was m and is n":         {with: Router{Ranker: k, Module: llm.RouterModule{Module: "n"}}},
		"own settings have changed":     {with: Router{Ranker: k, Module: llm.RouterModule{Module: "m", Config: "c"}}},
		"reads other texts":             {with: Router{Ranker: k, Module: llm.RouterModule{Module: "m", Reads: []string{"tags"}}}},
		"text is not kept":              {with: Router{Ranker: k, Module: llm.RouterModule{Module: "m"}, ReadsPrompt: true}},
		"failed then: out of fuel":      {with: Router{Ranker: k, Module: llm.RouterModule{Module: "m"}}, change: func(r *llm.Record) { r.Ranking.Fault = "out of fuel" }, exact: true},
		"what it kept of earlier calls": {with: Router{Ranker: ranks{Order: []int{1, 0, 2}}, Module: llm.RouterModule{Module: "m"}, Plugin: true}, exact: true},
	} {
		got, err := Replay(t.Context(), served(c.change), pair(), c.with)
		if notes := strings.Join(got.Notes, "; "); err != nil || !strings.Contains(notes, want) || (want == "") != (notes == "") || got.Exact != c.exact {
			t.Errorf("notes %q, exact %v, %v, want %q, %v", notes, got.Exact, err, want, c.exact)
		}
	}
}

// What was not ranked has no replay, and neither has a record that was tampered with.
func TestReplayRefuses(t *testing.T) {
	for want, change := range map[string]func(*llm.Record){
		"ended before its targets were ranked": func(r *llm.Record) { r.Ranking = nil },
		"answered from the cache":              func(r *llm.Record) { r.Cache, r.Ranking = llm.CacheHit, nil },
		"does not fit":                         func(r *llm.Record) { r.Ranking.Order = []int{3} },
		"not fit":                              func(r *llm.Record) { r.Candidates[1].Target = "p/other" },
	} {
		if got, err := Replay(t.Context(), served(change), pair(), Router{Ranker: first(0)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Replay = %+v, %v, want %q", got, err, want)
		}
	}
}
