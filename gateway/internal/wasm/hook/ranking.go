package hook

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// RankingBuilder turns a router's result into an order that the pipeline can rely on: every
// index is valid and appears once, no healthy candidate is missing unless it was dropped, and
// fallbacks come last. Reset, a Read function, Finish and Ranking are called in turn.
type RankingBuilder struct {
	// state is what the router did with each candidate.
	state  []candidateState
	order  []int
	scores []float64
	terms  [][]llm.Term // by candidate
	reason string
	// allTerms ends with the terms of the candidate explained. Most routers explain one
	// candidate after the other, so that all terms lie in one allocation.
	allTerms  []llm.Term
	explained int
}

// candidateState is what a router did with a candidate.
type candidateState uint8

const (
	unmentioned candidateState = iota
	ranked
	dropped
)

var errAllDropped = errors.New("it dropped every candidate")

// Reset prepares for n candidates. It allocates the order and scores, since the ranking keeps
// them.
func (b *RankingBuilder) Reset(n int) {
	if cap(b.state) < n {
		b.state = make([]candidateState, n)
	}
	b.state = b.state[:n]
	clear(b.state)
	b.order, b.scores, b.terms, b.reason = make([]int, 0, n), make([]float64, 0, n), nil, ""
	b.allTerms, b.explained = nil, -1
}

// rank adds the next best candidate. One that has been added or dropped is ignored.
func (b *RankingBuilder) rank(i int64, score float64) error {
	switch {
	case i < 0 || i >= int64(len(b.state)):
		return fmt.Errorf("it ranked candidate %d of %d", i, len(b.state))
	case math.IsNaN(score):
		return fmt.Errorf("it gave candidate %d a score that is not a number", i)
	case b.state[i] != unmentioned:
		return nil
	}
	b.state[i] = ranked
	b.order = append(b.order, int(i))
	// JSON has no infinity.
	b.scores = append(b.scores, min(max(score, -math.MaxFloat64), math.MaxFloat64))
	return nil
}

// drop excludes a candidate.
func (b *RankingBuilder) drop(i int64) error {
	if i < 0 || i >= int64(len(b.state)) {
		return fmt.Errorf("it dropped candidate %d of %d", i, len(b.state))
	}
	b.state[i] = dropped
	return nil
}

// Finish completes the order. The error says that no candidate is left.
func (b *RankingBuilder) Finish(c []llm.Candidate, now time.Time) error {
	b.removeDropped()
	lowest := 0.0
	for i, s := range b.scores {
		if i == 0 || s < lowest {
			lowest = s
		}
	}
	for i := range c {
		if b.state[i] == unmentioned && healthy(&c[i], now) {
			b.order = append(b.order, i)
			b.scores = append(b.scores, lowest)
		}
	}
	if len(b.order) == 0 {
		return errAllDropped
	}
	b.fallbacksLast(c)
	if affinity := b.affinity(c); b.reason == "" || affinity == "" {
		b.reason += affinity
	} else {
		b.reason = Brief(b.reason + "; " + affinity)
	}
	return nil
}

// Ranking returns the order that Finish has completed.
func (b *RankingBuilder) Ranking() llm.Ranking {
	return llm.Ranking{Order: b.order, Scores: b.scores, Terms: b.terms, Reason: b.reason}
}

// removeDropped removes candidates that were dropped after they had been ranked.
func (b *RankingBuilder) removeDropped() {
	kept := 0
	for position, i := range b.order {
		if b.state[i] != dropped {
			b.order[kept], b.scores[kept] = i, b.scores[position]
			kept++
		}
	}
	b.order, b.scores = b.order[:kept], b.scores[:kept]
}

// fallbacksLast moves fallbacks behind all others and keeps the order otherwise.
func (b *RankingBuilder) fallbacksLast(c []llm.Candidate) {
	if fallbacksAreLast(b.order, c) {
		return
	}
	order, scores := make([]int, 0, len(b.order)), make([]float64, 0, len(b.order))
	for _, fallback := range [...]bool{false, true} {
		for position, i := range b.order {
			if c[i].Target.Fallback == fallback {
				order, scores = append(order, i), append(scores, b.scores[position])
			}
		}
	}
	b.order, b.scores = order, scores
}

// fallbacksAreLast reports whether no fallback comes before another candidate.
func fallbacksAreLast(order []int, c []llm.Candidate) bool {
	seen := false
	for _, i := range order {
		if seen && !c[i].Target.Fallback {
			return false
		}
		seen = seen || c[i].Target.Fallback
	}
	return true
}

// ConfiguredOrder is the order of the configuration, for a router without an opinion.
func ConfiguredOrder(c []llm.Candidate) []int {
	order := make([]int, 0, len(c))
	for _, fallback := range [...]bool{false, true} {
		for i := range c {
			if c[i].Target.Fallback == fallback {
				order = append(order, i)
			}
		}
	}
	return order
}

// ReadRanking reads the result of the JSON hook:
// {"ranking":[{"i":0,"score":1.5}],"drop":[2],"reason":"…"}. It ignores other members.
func ReadRanking(b *RankingBuilder, out []byte) error {
	s := newScan(out)
	for key := range s.Members() {
		switch string(key.Raw) {
		case "ranking":
			for range s.Elements() {
				b.readEntry(&s)
			}
		case "drop":
			for range s.Elements() {
				b.readDrop(&s)
			}
		case "reason":
			b.reason = Brief(s.text())
		default:
			s.Raw()
		}
	}
	return s.End()
}

func (b *RankingBuilder) readEntry(s *scan) {
	i, score := int64(-1), 0.0
	for key := range s.Members() {
		switch string(key.Raw) {
		case "i":
			i, _ = s.int()
		case "score":
			score, _ = s.float()
		default:
			s.Raw()
		}
	}
	if s.OK() {
		s.Stop(b.rank(i, score))
	}
}

func (b *RankingBuilder) readDrop(s *scan) {
	if i, ok := s.int(); ok {
		s.Stop(b.drop(i))
	}
}
