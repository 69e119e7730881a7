package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// rank keeps the targets that may and can serve the request and lets the router
// put them in order.
func (l *life) rank(ctx context.Context) ([]llm.Candidate, error) {
	candidates := l.candidates()
	if len(candidates) == 0 {
		return nil, l.noTarget()
	}
	ranking := l.Router.Rank(ctx, l.req, l.route, candidates)
	l.record.Ranking = &ranking
	if ranking.Fault != "" && ranking.Strict {
		return nil, &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
			Message: "The router " + ranking.Router + " failed, and route " + l.route.Name + " does not go on without it.", Err: errors.New(ranking.Fault)}
	}
	ranked := make([]llm.Candidate, len(ranking.Order))
	for i, n := range ranking.Order {
		ranked[i] = candidates[n]
		if i < len(ranking.Scores) {
			l.scored(candidates[n].Target.ID, ranking.Scores[i])
		}
	}
	if len(ranked) == 0 { // a router may drop what it will, but not everything
		return candidates, nil
	}
	return ranked, nil
}

func (l *life) scored(target string, score float64) {
	score += 0 // -0, which looks odd, becomes 0
	for i := range l.record.Candidates {
		if l.record.Candidates[i].Target == target {
			l.record.Candidates[i].Score = &score
			return
		}
	}
}

// candidates applies the hard constraints. Targets that are merely resting come
// back in when nothing else is left: a slim chance beats a sure refusal.
func (l *life) candidates() []llm.Candidate {
	now := l.Now()
	fit := make([]llm.Candidate, 0, len(l.route.Targets))
	var resting []llm.Candidate
	l.record.Candidates = make([]llm.Considered, 0, len(l.route.Targets))
	for _, t := range l.route.Targets {
		c := llm.Candidate{Target: t, EstCost: l.estimate(t).Cost()}
		why := l.unfit(t)
		if why == "" {
			c.Stats = l.Health.Stats(t.ID)
			if c.Stats.CoolingUntil.After(now) {
				why = "cooling down after " + c.Stats.CoolingFor
				resting = append(resting, c)
			}
		}
		if why == "" {
			fit = append(fit, c)
		}
		l.record.Candidates = append(l.record.Candidates, considered(c, why))
	}
	if len(fit) == 0 {
		return l.slimChance(resting)
	}
	return fit
}

func considered(c llm.Candidate, why string) llm.Considered {
	out := llm.Considered{Target: c.Target.ID, Refused: why, Unpriced: !c.Target.Price.Known, Stats: c.Stats}
	if c.Target.Price.Known {
		out.EstCost = c.EstCost
	}
	return out
}

// slimChance are the resting candidates that may be asked all the same, since nobody
// said for how long to leave them alone; without any, the one that may be asked first.
func (l *life) slimChance(resting []llm.Candidate) []llm.Candidate {
	var open []llm.Candidate
	for _, c := range resting {
		if why, _ := l.Health.Cooling(c.Target.ID); why == "" {
			open = append(open, c)
		}
	}
	if len(open) > 0 {
		return open
	}
	return soonest(resting)
}

// soonest is the resting candidate whose rest ends first, or nothing.
func soonest(resting []llm.Candidate) []llm.Candidate {
	if len(resting) == 0 {
		return nil
	}
	best := resting[0]
	for _, c := range resting[1:] {
		if c.Stats.CoolingUntil.Before(best.Stats.CoolingUntil) {
			best = c
		}
	}
	return []llm.Candidate{best}
}

// soft are the features that a target may lack without failing the request.
const soft = llm.JSONObject | llm.JSONSchema | llm.Reasoning | llm.Logprobs | llm.Prefill | llm.WebSearch

// unfit says why a target can't serve the request; empty when it can.
func (l *life) unfit(t *llm.Target) string {
	o := &l.decision.Obligations
	if len(o.AllowTargets) > 0 && !matchAny(o.AllowTargets, t.ID) {
		return "not among the targets that the policy allows"
	}
	if matchAny(o.DenyTargets, t.ID) {
		return "denied by the policy"
	}
	if t.FeaturesKnown {
		if lacks := l.req.Facts.Features &^ soft &^ t.Features; lacks != 0 {
			return "lacks " + lacks.String()
		}
	}
	// The estimate is an over-count, so only a clear excess disqualifies.
	if t.Context > 0 && l.req.Facts.EstInputTokens/2 > t.Context {
		return fmt.Sprintf("context window of %d tokens is too small", t.Context)
	}
	return l.unbounded(t, &l.req.Facts)
}

func matchAny(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return llm.MatchName(p, id) })
}

// noTarget tells the caller why nobody can serve the request.
func (l *life) noTarget() error {
	var why strings.Builder
	for i, c := range l.record.Candidates {
		if i > 0 {
			why.WriteString("; ")
		}
		why.WriteString(c.Target + ": " + c.Refused)
	}
	if why.Len() == 0 {
		why.WriteString("the route has no targets")
	}
	return &llm.Error{Code: llm.CodeNoTarget, Status: 400, Retried: true, Param: "model",
		Message: fmt.Sprintf("No target of %s can serve this request (%s).", llm.Quote(l.req.Facts.Model), why.String())}
}

// estimate bounds what the request, as it came, may use at a target.
func (l *life) estimate(t *llm.Target) llm.Estimate {
	return llm.EstimateOf(t, &l.req.Facts, l.decision.Obligations.MaxOutputTokens, 0)
}

// setMaxOutput decides on the maximum that is set upstream: output, unless the request
// says as much itself or nothing bounds it. Without a maximum, a reservation would bound
// nothing.
func (l *life) setMaxOutput(x *llm.Exchange, output int64) {
	asked, restored := x.Sent.Facts.MaxTokens, x.MaxOutput > 0
	x.MaxOutput = 0
	bounded := l.decision.Obligations.MaxOutputTokens > 0 ||
		l.hard(llm.UnitUSD) || l.hard(llm.UnitTokens) || l.hard(llm.UnitOutputTokens)
	switch {
	case asked > output || asked == 0 && (restored || bounded):
		x.MaxOutput = output
	case bounded:
		x.MaxOutput = asked // under a name that the target heeds
	}
}

// hard reports whether a limit of this unit may refuse the request.
func (l *life) hard(u llm.Unit) bool {
	return slices.ContainsFunc(l.decision.Limits, func(m llm.Limit) bool { return m.Unit == u && !m.Warn })
}

// unbounded says why nobody can tell what a request may cost at a target although a limit
// depends on it; empty when somebody can.
func (l *life) unbounded(t *llm.Target, f *llm.Facts) string {
	money := l.hard(llm.UnitUSD)
	switch {
	case money && !t.Price.Known && !l.route.AllowUnpriced:
		return "no price is known for it, and a limit in US dollars applies: set price on the target, or unpriced: allow on the model"
	case f.Repriced == llm.OtherModels && t.Dialect == llm.OpenAI && !l.mayUseAll():
		return "models names others that may answer, and this key may use only some: remove models"
	case money && f.Repriced != "" && costs(t) && !l.route.AllowUnpriced:
		return f.Repriced + " may make it cost more than is known, and a limit in US dollars applies: remove " + f.Repriced + ", or set unpriced: allow on the model"
	case f.Unbounded == "" || t.Context > 0:
		return ""
	case money && t.Price.Known || l.hard(llm.UnitTokens) || l.hard(llm.UnitInputTokens):
		return "it is not known how many tokens " + f.Unbounded + " takes, and a limit depends on it: set context on the target, and it counts as a full context window"
	}
	return ""
}

// mayUseAll reports whether the caller's key names no models, or all.
func (l *life) mayUseAll() bool {
	listed := l.req.Principal.Models
	return len(listed) == 0 || slices.Contains(listed, "*")
}

// costs reports whether a target bills tokens and hears of the members that change its
// prices: what a plugin's dialect passes on is the plugin's.
func costs(t *llm.Target) bool {
	return t.Dialect == llm.OpenAI && t.Price.Cost(llm.Usage{Input: 1 << 20, Output: 1 << 20}) > 0
}
