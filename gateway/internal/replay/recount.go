package replay

import (
	"cmp"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Counter counts limits as a meter does, over requests in the order of their arrival.
type Counter interface {
	// Full returns the first limit that has no room for what a request uses when it arrives; nil
	// if all have.
	Full(r *llm.Record, limits []llm.Limit, used llm.Amounts) *llm.Limit
	// Take counts what a request uses, which is held until its end and spent from then on.
	Take(r *llm.Record, limits []llm.Limit, used llm.Amounts)
}

// Counters count the limits of recorded decisions, and those of the other policy. Both start
// with what the records say was used before.
type Counters struct{ Then, Now Counter }

// LimitCount is a limit of the other policy that would have refused requests.
type LimitCount struct {
	Name   string   `json:"name"`
	Scope  string   `json:"scope"`
	Unit   llm.Unit `json:"unit"`
	Window string   `json:"window,omitempty"`
	// Max is in nano-USD for the unit usd, else a count; that of the last refusal.
	Max  int64  `json:"max"`
	Rule string `json:"rule,omitempty"`
	// Refused is how many requests, Saved what they have cost.
	Refused int64       `json:"refused"`
	Saved   llm.NanoUSD `json:"saved_nano_usd"`
	// First is when the first of them arrived, Last the last.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// recount counts a request on the limits of both decisions. Where only the other policy's have
// no room, it denies the request in after and returns the limit; where only the recorded ones
// had none, it allows it. A recorded refusal that the recorded limits do not account for, and
// one that both count, makes no difference.
func (d *PolicyDiff) recount(r *llm.Record, before, after *llm.Decision, t *llm.Target) *llm.Limit {
	if d.counters == nil {
		return nil
	}
	refused := refusedByLimits(r)
	used, usedNow := r.Used(), usedAt(r, after, t)
	if refused {
		used = asked(r)
		usedNow = used
	}
	var then, now *llm.Limit
	limitsThen, limitsNow := raisedAs(r, before), raisedAs(r, after)
	if before.Allow {
		then = d.counters.Then.Full(r, limitsThen, used)
	}
	if after.Allow {
		now = d.counters.Now.Full(r, limitsNow, usedNow)
	}
	if before.Allow && then == nil && !refused {
		d.counters.Then.Take(r, limitsThen, used)
	}
	if after.Allow && now == nil && (!refused || then != nil) {
		d.counters.Now.Take(r, limitsNow, usedNow)
	}
	switch {
	case refused && (!after.Allow || then != nil && now == nil):
		before.Allow, before.Reasons = false, []llm.Reason{{Code: string(r.Code), Message: r.Error}}
	case !refused && before.Allow && then == nil && now != nil:
		after.Allow, after.Reasons = false, []llm.Reason{fullReason(now)}
		return now
	}
	return nil
}

// refusedByLimits reports whether limits have refused the request, and no target was asked.
func refusedByLimits(r *llm.Record) bool {
	if r.Decision == nil || !r.Decision.Allow || r.Code != llm.CodeBudget && r.Code != llm.CodeRateLimited || r.Target != "" {
		return false
	}
	return !slices.ContainsFunc(r.Attempts, func(a llm.Attempt) bool { return a.Fault != llm.FaultBudget })
}

// asked is what a request that was refused would have used at most, as far as its record says.
func asked(r *llm.Record) llm.Amounts {
	a := llm.Amounts{Requests: 1}
	if r.Ranking != nil {
		a.InputTokens, a.OutputTokens = r.Ranking.Input.EstInput, r.Ranking.Input.MaxOutput
	}
	if ranked := r.ByRank(); len(ranked) > 0 {
		a.USD = r.Candidates[ranked[0]].EstCost
	}
	return a
}

// usedAt is what a request would have used at a target.
func usedAt(r *llm.Record, after *llm.Decision, t *llm.Target) llm.Amounts {
	a := r.Used()
	if cost, usage, changed := costAt(r, after, t); changed {
		a.OutputTokens = usage.Output
		if cost != nil {
			a.USD = *cost
		}
	}
	return a
}

// raisedAs returns the limits of a decision with the raises that were in force for the request.
func raisedAs(r *llm.Record, d *llm.Decision) []llm.Limit {
	limits := d.Limits
	for _, s := range r.Limits {
		if s.Raised == 0 {
			continue
		}
		for i, l := range limits {
			if l.Scope != s.Scope || l.Unit != s.Unit || l.Window != s.Window || l.Raised != 0 {
				continue
			}
			limits = slices.Clone(limits)
			limits[i].Max, limits[i].Raised = llm.Add(l.Max, s.Raised), s.Raised
		}
	}
	return limits
}

// fullReason is the reason for a refusal by a limit.
func fullReason(l *llm.Limit) llm.Reason {
	code := llm.CodeRateLimited
	if l.Unit == llm.UnitUSD {
		code = llm.CodeBudget
	}
	return llm.Reason{Code: string(code), Message: "The limit " + l.Name + " on " + l.Scope + " has no room."}
}

// countLimit adds a request that a limit refuses, whose rule after names.
func (d *PolicyDiff) countLimit(r *llm.Record, after *llm.Decision, l *llm.Limit) {
	rule := after.RuleOf(llm.PartLimit, l.Name)
	after.Reasons[0].Rule = rule
	n := slot(d.limits, meterOf{l.Name, l.Scope, l.Window, l.Unit}, meterOf{name: others})
	if n.Refused == 0 || r.Time.Before(n.First) {
		n.First = r.Time
	}
	if r.Time.After(n.Last) {
		n.Last = r.Time
	}
	n.Refused++
	n.Saved, n.Max, n.Rule = llm.Add(n.Saved, known(r)), l.Max, rule
}

// limitCounts returns the limits that would have refused most first.
func (d *PolicyDiff) limitCounts() []LimitCount {
	var all []LimitCount
	for k, n := range d.limits {
		n.Name, n.Scope, n.Window, n.Unit = k.name, k.scope, k.window, k.unit
		all = append(all, *n)
	}
	slices.SortFunc(all, func(a, b LimitCount) int {
		return cmp.Or(cmp.Compare(b.Refused, a.Refused), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Window, b.Window), cmp.Compare(a.Unit, b.Unit))
	})
	return all
}
