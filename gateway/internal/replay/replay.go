package replay

import (
	"context"
	"math"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Router is what ranks a record again.
type Router struct {
	Ranker
	// Module is the module of today.
	Module llm.RouterModule
	// Plugin says that it is an operator's module, which may do more than compute with what it
	// is given: it may keep values between calls and read the time.
	Plugin bool
	// ReadsPrompt says that it gets text of the prompt. Text is then the request with its body;
	// nil when the text is not kept.
	ReadsPrompt bool
	Text        *llm.Request
}

// Result is how the ranking of a recorded request compares with the same one computed today.
type Result struct {
	ID     string `json:"id"`
	Router string `json:"router"`
	// Exact says that the router was given the very same as then, and is the same. Notes say why
	// not, and what else has to be known.
	Exact bool     `json:"exact"`
	Notes []string `json:"notes,omitempty"`
	// Same says that order, scores and terms are equal to the last bit.
	Same       bool        `json:"same"`
	Candidates []Candidate `json:"candidates"`
	// Fault is why the router did not rank today; empty when it did.
	Fault string `json:"fault,omitempty"`
}

// Candidate is a ranked target with its place in both rankings; nil where it has none.
type Candidate struct {
	Target   string `json:"target"`
	Recorded *Place `json:"recorded"`
	Replayed *Place `json:"replayed"`
	// Differs names what is not equal: rank, score or the name of a term.
	Differs []string `json:"differs,omitempty"`
}

// Place is a target's place in a ranking. Rank counts from 1.
type Place struct {
	Rank  int        `json:"rank"`
	Score *float64   `json:"score,omitempty"`
	Terms []llm.Term `json:"terms,omitempty"`
}

// Replay ranks a recorded request again. The error says why its ranking cannot be computed
// again.
func Replay(ctx context.Context, r *llm.Record, f *llm.RouteFacts, with Router) (*Result, error) {
	in, err := inputOf(r, f, with.Text)
	if err != nil {
		return nil, err
	}
	was, is := in.recorded(r), with.Replay(ctx, in.request, in.candidates, in.at)
	out := &Result{ID: r.ID, Router: was.Router, Same: true, Fault: is.Fault}
	for _, i := range byRank(&was, len(in.candidates)) {
		c := Candidate{Target: in.candidates[i].Target.ID, Recorded: placeOf(&was, i), Replayed: placeOf(&is, i)}
		c.Differs = differences(c.Recorded, c.Replayed)
		out.Same = out.Same && len(c.Differs) == 0
		out.Candidates = append(out.Candidates, c)
	}
	out.Same = out.Same && was.Fault == is.Fault
	out.Notes, out.Exact = notes(&was, f, &with)
	if !out.Same && with.Plugin {
		out.Notes = append(out.Notes, "the router is a plugin: what it kept of earlier calls and the time of day are not recorded")
	}
	return out, nil
}

// notes says what the router was not given as it was then; exact is false if there is any.
func notes(was *llm.Ranking, f *llm.RouteFacts, with *Router) (notes []string, exact bool) {
	m := &with.Module
	if m.Module != f.Module {
		notes = append(notes, "the router's module was "+short(f.Module)+" and is "+short(m.Module)+" now, which ranked here")
	}
	if m.Config != f.Config {
		notes = append(notes, "the plugin's own settings have changed")
	}
	if !slices.Equal(m.Reads, f.Reads) {
		notes = append(notes, "the module reads other texts of the request than then")
	}
	if with.ReadsPrompt && with.Text == nil {
		notes = append(notes, "the router read the prompt, whose text is not kept: here it saw an empty one, so whatever depends on the text may differ (the policy's log obligation \"full\" keeps texts)")
	}
	exact = len(notes) == 0
	if was.Fault != "" {
		notes = append(notes, "the recorded order is the configured one, because the router failed then: "+was.Fault)
	}
	return notes, exact
}

// short is the beginning of a digest.
func short(digest string) string { return digest[:min(12, len(digest))] }

// byRank lists all n candidates: those that are ranked in their order, then the others.
func byRank(k *llm.Ranking, n int) []int {
	order := slices.Clone(k.Order)
	for i := range n {
		if !slices.Contains(k.Order, i) {
			order = append(order, i)
		}
	}
	return order
}

func placeOf(k *llm.Ranking, candidate int) *Place {
	at := slices.Index(k.Order, candidate)
	if at < 0 {
		return nil
	}
	p := &Place{Rank: at + 1}
	if at < len(k.Scores) {
		p.Score = &k.Scores[at]
	}
	if candidate < len(k.Terms) {
		p.Terms = k.Terms[candidate]
	}
	return p
}

// differences names what is not equal to the last bit.
func differences(a, b *Place) (list []string) {
	if a == nil || b == nil {
		if a != b {
			list = append(list, "rank")
		}
		return list
	}
	if a.Rank != b.Rank {
		list = append(list, "rank")
	}
	if (a.Score == nil) != (b.Score == nil) || a.Score != nil && !equal(*a.Score, *b.Score) {
		list = append(list, "score")
	}
	for _, name := range termNames(a.Terms, b.Terms) {
		x, had := termOf(a.Terms, name)
		y, has := termOf(b.Terms, name)
		if had != has || !equal(x, y) {
			list = append(list, name)
		}
	}
	return list
}

// termNames lists the names of all terms once.
func termNames(lists ...[]llm.Term) (names []string) {
	for _, list := range lists {
		for _, t := range list {
			if !slices.Contains(names, t.Name) {
				names = append(names, t.Name)
			}
		}
	}
	return names
}

func termOf(terms []llm.Term, name string) (float64, bool) {
	i := slices.IndexFunc(terms, func(t llm.Term) bool { return t.Name == name })
	if i < 0 {
		return 0, false
	}
	return terms[i].Value, true
}

func equal(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
