// Package replay ranks recorded requests again: with the router that ranked them, to see
// whether and why it ranks the same, or with others, to see where requests would have gone
// and what that would have cost. It also sums up how another policy would have treated them.
//
// It does not read the ledger, load modules or send anything: it is given records, the facts
// of their routes and routers.
package replay

import (
	"context"
	"errors"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Ranker is a router with the settings of one route.
type Ranker interface {
	// Replay ranks candidates as they were at an earlier moment.
	Replay(ctx context.Context, req *llm.Request, c []llm.Candidate, at time.Time) llm.Ranking
}

// input is what a router was given for a recorded request.
type input struct {
	request    *llm.Request
	candidates []llm.Candidate
	// positions are where the candidates stand in the record.
	positions []int
	at        time.Time
}

// The reasons for which a record has no ranking that could be computed again.
var (
	errCached    = errors.New("it was answered from the cache, so nothing was ranked")
	errNotLogged = errors.New("the policy keeps no candidates of it (log: none)")
	errUnranked  = errors.New("it ended before its targets were ranked")
	errOldRecord = errors.New("an earlier version wrote its record, without all that the router was given")
	errUnfitting = errors.New("its record does not fit the facts of its route")
)

// unranked returns why a record cannot be replayed; nil if it can.
func unranked(r *llm.Record) error {
	k := r.Ranking
	switch {
	case k == nil && r.Cache != llm.CacheMiss && r.Cache != llm.CachePartial && r.Cache != llm.CacheOff:
		return errCached
	case k == nil && r.Decision != nil && r.Decision.Obligations.Log == llm.LogNone:
		return errNotLogged
	case k == nil || len(k.Order) == 0:
		return errUnranked
	case k.Input.Route == "":
		return errOldRecord
	}
	return nil
}

// inputOf puts together what the router was given: the record, and the facts of its route.
// text is the request with its body, where a router needs it and it is kept; nil without.
func inputOf(r *llm.Record, f *llm.RouteFacts, text *llm.Request) (*input, error) {
	if err := unranked(r); err != nil {
		return nil, err
	}
	in := &input{request: requestOf(r, text), positions: r.Ranking.Input.Ranked, at: r.Time.Add(time.Duration(r.Ranking.Input.AfterNS))}
	if in.positions == nil {
		for i := range r.Candidates {
			in.positions = append(in.positions, i)
		}
	}
	for _, i := range in.positions {
		if i < 0 || i >= len(r.Candidates) {
			return nil, errUnfitting
		}
		c := &r.Candidates[i]
		facts := f.Find(c.Target)
		if facts == nil {
			return nil, errUnfitting
		}
		in.candidates = append(in.candidates, llm.Candidate{Target: facts.Target(), Stats: c.Stats, EstCost: c.EstCost,
			CachedPrefix: c.CachedPrefix, Sticky: llm.StickyHash(r.Session, c.Target)})
	}
	for _, k := range r.Ranking.Order {
		if k < 0 || k >= len(in.candidates) {
			return nil, errUnfitting
		}
	}
	return in, nil
}

// requestOf returns the request as far as routers get it.
func requestOf(r *llm.Record, text *llm.Request) *llm.Request {
	in := &r.Ranking.Input
	features, _ := llm.ParseFeatures(in.Features) // those of a later version are unknown to this one's routers
	req := &llm.Request{ID: r.ID, Endpoint: r.Endpoint, Received: r.Time, Session: r.Session, Tags: r.Tags,
		Principal: llm.Principal{KeyID: r.KeyID, Team: r.Team, User: r.User},
		Facts: llm.Facts{Model: r.Model, Stream: r.Stream, EstInputTokens: in.EstInput, MaxTokens: in.MaxOutput,
			Features: features, LastUserChars: in.LastUserChars}}
	if in.BodyUser {
		req.Principal.User = ""
	}
	if r.Decision != nil && len(r.Decision.Obligations.Tags) > 0 {
		req.Tags = in.Tags
	}
	if r.Classified != nil {
		req.Class = r.Classified.Label
	}
	if text != nil {
		req.Body, req.Canonical = text.Body, text.Canonical
	}
	return req
}

// recorded returns the record's ranking with the terms, which it has with its candidates.
func (in *input) recorded(r *llm.Record) llm.Ranking {
	k := *r.Ranking
	k.Terms = make([][]llm.Term, len(in.positions))
	for i, at := range in.positions {
		k.Terms[i] = r.Candidates[at].Terms
	}
	return k
}
