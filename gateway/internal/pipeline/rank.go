package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// rank keeps the targets that may and can serve the request and lets the router put them
// in order.
func (x *state) rank(ctx context.Context) (*attempts, error) {
	defer x.took(&x.record.Stages.Rank, x.Now())
	x.affinity = x.req.Affinity()
	candidates := x.candidates()
	x.record.Escalated = x.escalated()
	if len(candidates) == 0 && x.allTooSmall() { // no target has to be asked to know it
		candidates = x.chain(llm.FaultContextLength)
	}
	if len(candidates) == 0 {
		return nil, x.noTarget()
	}
	ranking := x.Router.Rank(ctx, x.req, x.route, candidates)
	x.record.Ranking = &ranking
	x.noteInput(&ranking.Input, candidates)
	if ranking.Fault != "" && ranking.Strict {
		return nil, &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
			Message: "The router " + ranking.Router + " failed, and route " + x.route.Name + " requires it.", Err: errors.New(ranking.Fault)}
	}
	ranked := make([]llm.Candidate, len(ranking.Order))
	for i, n := range ranking.Order {
		ranked[i] = candidates[n]
		if i < len(ranking.Scores) {
			x.setScore(candidates[n].Target.ID, ranking.Scores[i])
		}
	}
	for i, terms := range ranking.Terms {
		if c := x.consideredOf(candidates[i].Target.ID); c != nil {
			c.Terms = terms
		}
	}
	ranking.Terms = nil   // the record has them with the candidates
	if len(ranked) == 0 { // a router may drop some candidates, but not all
		ranked = candidates
	}
	return x.attemptsAt(ranked), nil
}

// attemptsAt returns the request's attempts at these candidates.
func (x *state) attemptsAt(ranked []llm.Candidate) *attempts {
	x.attempts = attempts{terms: &x.terms, ranked: ranked, full: x.attempts.full, draft: x.draft(), changed: x.updateHead, chain: x.chain}
	if c := x.record.Classified; c != nil {
		x.attempts.paused = time.Duration(c.Duration) // the endpoint's time, and not the gateway's
	}
	return &x.attempts
}

// noteInput completes what the record says of the router's input: which candidates it got, and
// what the record has otherwise than the router.
func (x *state) noteInput(in *llm.RouterInput, candidates []llm.Candidate) {
	in.Ranked = x.positions(candidates)
	if len(x.decision.Obligations.Tags) > 0 {
		in.Tags = x.req.Tags
	}
	in.BodyUser = x.req.Principal.User == "" && x.req.Facts.User != ""
}

// positions returns where the candidates stand in the record; nil if they are all of it in
// the same order.
func (x *state) positions(candidates []llm.Candidate) []int {
	all, at := x.record.Candidates, 0
	if slices.EqualFunc(all, candidates, isOf) {
		return nil
	}
	positions := make([]int, len(candidates))
	for i, c := range candidates {
		for range all { // usually the next one
			if isOf(all[at%len(all)], c) {
				break
			}
			at++
		}
		positions[i] = at % len(all)
		at++
	}
	return positions
}

// isOf reports whether a candidate of the record is this one.
func isOf(r llm.Considered, c llm.Candidate) bool { return r.Target == c.Target.ID }

func (x *state) setScore(target string, score float64) {
	score += 0 // -0, which looks odd, becomes 0
	if c := x.consideredOf(target); c != nil {
		c.Score = &score
	}
}

func (x *state) consideredOf(target string) *llm.Considered {
	for i := range x.record.Candidates {
		if x.record.Candidates[i].Target == target {
			return &x.record.Candidates[i]
		}
	}
	return nil
}

// candidates applies the hard constraints. Targets that are only cooling down come back in
// when nothing else is left: a slim chance beats a sure refusal.
func (x *state) candidates() []llm.Candidate {
	now := x.Now()
	fit := make([]llm.Candidate, 0, len(x.route.Targets))
	var cooling, full []llm.Candidate
	x.record.Candidates = make([]llm.Considered, 0, len(x.route.Targets))
	for _, t := range x.route.Targets {
		c, why := x.consider(t)
		if why == "" && c.Stats.CoolingUntil.After(now) {
			why = coolingReason(c.Stats.CoolingFor)
			cooling = append(cooling, c)
		}
		if why == "" {
			if why = x.whyFull(t); why != "" {
				full = append(full, c)
			}
		}
		if why == "" {
			fit = append(fit, c)
		}
		x.record.Candidates = append(x.record.Candidates, considered(c, why))
	}
	x.attempts.full = targetsOf(full)
	switch {
	case len(fit) > 0:
		return fit
	case len(full) > 0:
		return append(full, x.usable(cooling)...)
	}
	return x.fromCooling(cooling)
}

func targetsOf(candidates []llm.Candidate) (targets []*llm.Target) {
	for _, c := range candidates {
		targets = append(targets, c.Target)
	}
	return targets
}

// consider is a target as a candidate, and why it can't serve the request; empty when it can.
func (x *state) consider(t *llm.Target) (c llm.Candidate, why string) {
	c = llm.Candidate{Target: t, EstCost: x.worstCase(t, &x.req.Facts, 0).Cost()}
	if why = x.whyUnfit(t); why == "" {
		c.CachedPrefix, c.Sticky = x.cachedPrefix(t), llm.StickyHash(x.affinity, t.ID)
		c.Stats = x.Health.Stats(t.ID)
		c.Stats.ExpectedOutput = x.Outputs.Expected(x.route.Name, t.ID)
	}
	return c, why
}

func coolingReason(why string) string {
	if why == llm.CoolingForOperator {
		return "opened by an operator"
	}
	return "cooling down after " + why
}

// chain are the candidates that the route has for requests which fail for this cause. Those
// that can't serve the request are recorded with the reason.
func (x *state) chain(cause llm.Fault) []llm.Candidate {
	var fit []llm.Candidate
	for _, t := range x.route.FallbackOn[cause] {
		if slices.ContainsFunc(x.record.Candidates, func(c llm.Considered) bool { return c.Target == t.ID }) {
			continue // it has its turn, or has had it
		}
		c, why := x.consider(t)
		if why == "" {
			fit = append(fit, c)
		}
		one := considered(c, why)
		one.For = cause
		x.record.Candidates = append(x.record.Candidates, one)
	}
	return fit
}

// cachedPrefix returns how many tokens of the prompt the target has probably cached: those
// of the conversation's last prompt there, if the prompt is not shorter.
func (x *state) cachedPrefix(t *llm.Target) int64 {
	cached := x.Prompts.Cached(x.req.Principal.KeyID, x.affinity, t.ID)
	return min(cached, x.req.Facts.EstInputTokens)
}

func considered(c llm.Candidate, why string) llm.Considered {
	out := llm.Considered{Target: c.Target.ID, Refused: why, Unpriced: !c.Target.Price.Known, CachedPrefix: c.CachedPrefix, Stats: c.Stats}
	if c.Target.Price.Known {
		out.EstCost = c.EstCost
	}
	return out
}

// fromCooling returns the candidates that are cooling down but may be asked, since the
// provider set no time to wait; without any, the least bad one, which is asked once if its own
// failures alone keep requests from it.
func (x *state) fromCooling(cooling []llm.Candidate) []llm.Candidate {
	usable := x.usable(cooling)
	if len(usable) > 0 || len(cooling) == 0 {
		return usable
	}
	x.allCooling = true
	return []llm.Candidate{slices.MinFunc(cooling, func(a, b llm.Candidate) int {
		return cmp.Or(cmp.Compare(asked(a.Stats.CoolingFor), asked(b.Stats.CoolingFor)), a.Stats.CoolingUntil.Compare(b.Stats.CoolingUntil))
	})}
}

// asked is 1 for a cooldown that an operator or the provider has asked for, 0 for one after
// failures.
func asked(why string) int {
	switch llm.Fault(why) {
	case llm.CoolingForOperator, llm.FaultRateLimited, llm.FaultAuth, llm.FaultQuota:
		return 1
	}
	return 0
}

// usable returns the candidates that are cooling down but may be asked.
func (x *state) usable(cooling []llm.Candidate) (usable []llm.Candidate) {
	for _, c := range cooling {
		if why, _ := x.Health.Cooling(c.Target.ID); why == "" {
			usable = append(usable, c)
		}
	}
	return usable
}

// noTarget is the error for a request that no target can serve. It says why for each.
func (x *state) noTarget() error {
	var why strings.Builder
	for i, c := range x.record.Candidates {
		if i > 0 {
			why.WriteString("; ")
		}
		why.WriteString(c.Target + ": " + c.Refused)
	}
	if why.Len() == 0 {
		why.WriteString("the route has no targets")
	}
	code := llm.CodeNoTarget
	if x.allTooSmall() {
		code = llm.CodeContextLength // at which agents shorten the conversation
	}
	model := llm.Quote(x.req.Facts.Model)
	if len(x.record.Chosen) > 0 {
		model += ", which the configuration sends on to " + llm.Quote(x.route.Name) + ","
	}
	return &llm.Error{Code: code, Status: 400, Retried: true, Param: "model",
		Message: fmt.Sprintf("No target of %s can serve this request (%s).", model, why.String())}
}
