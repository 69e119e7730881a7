package hook

import (
	"fmt"
	"math"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// termName is the name of a term by its number in the flat result; empty for numbers of a
// later version.
func termName(number uint32) string {
	switch number {
	case 1:
		return "cost_usd"
	case 2:
		return "quality"
	case 3:
		return "latency_ms"
	case 4:
		return "error_rate"
	case 5:
		return "load"
	case 6:
		return "cost_part"
	case 7:
		return "quality_part"
	case 8:
		return "latency_part"
	case 9:
		return "errors_part"
	case 10:
		return lostCache
	case 11:
		return gain
	case 12:
		return "difficulty"
	case 13:
		return "threshold"
	case 14:
		return "unknown_share"
	}
	return ""
}

// The terms that weigh a session's cached prompt against another target.
const (
	lostCache = "lost_cache_usd"
	gain      = "gain_usd"
)

// explain adds a term of a candidate's score.
func (b *RankingBuilder) explain(i int64, number uint32, value float64) error {
	switch name := termName(number); {
	case i < 0 || i >= int64(len(b.state)):
		return fmt.Errorf("it explained candidate %d of %d", i, len(b.state))
	case math.IsNaN(value) || math.IsInf(value, 0):
		return fmt.Errorf("it gave candidate %d a term that is not a finite number", i)
	case name != "":
		return b.addTerm(int(i), llm.Term{Name: name, Value: value})
	}
	return nil
}

func (b *RankingBuilder) addTerm(i int, t llm.Term) error {
	if b.terms == nil {
		b.terms = make([][]llm.Term, len(b.state))
	}
	if len(b.terms[i]) == maxTerms {
		return fmt.Errorf("it gave candidate %d more than %d terms", i, maxTerms)
	}
	n := len(b.terms[i])
	if n > 0 && i != b.explained {
		b.terms[i] = append(b.terms[i], t)
		return nil
	}
	b.explained, b.allTerms = i, append(b.allTerms, t)
	b.terms[i] = slices.Clip(b.allTerms[len(b.allTerms)-n-1:])
	return nil
}

// affinity says why the session stays on its target or leaves it; empty where the terms weigh
// no cache against a gain.
func (b *RankingBuilder) affinity(c []llm.Candidate) string {
	for i, terms := range b.terms {
		lost, known := valueOf(terms, lostCache)
		gained, weighed := valueOf(terms, gain)
		if !known || !weighed || len(b.order) == 0 {
			continue
		}
		does := "leaves"
		if b.order[0] == i {
			does = "stays on"
		}
		return Brief(fmt.Sprintf("the session %s %s: its cached prompt saves $%.6f there, the best other target gains $%.6f",
			does, c[i].Target.ID, lost, max(gained, 0)))
	}
	return ""
}

func valueOf(terms []llm.Term, name string) (float64, bool) {
	for _, t := range terms {
		if t.Name == name {
			return t.Value, true
		}
	}
	return 0, false
}
