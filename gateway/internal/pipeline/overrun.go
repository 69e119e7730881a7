package pipeline

import (
	"cmp"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// growStep is how many tokens of output are reserved at once for a stream that has outrun
// its reservation.
const growStep = 256

// growHold raises what is held when a stream has used more than that: a target may heed no
// bound on output, or count what it does not show. The error ends the stream, at a limit
// that cuts and has no more room. A reply that is complete is never cut, since all of it has
// been paid for: a plain one, and a stream that has given its reason for ending.
func (a *attempt) growHold(ev *llm.Event, info *llm.ReplyInfo) error {
	complete := ev.Final || !a.req.Facts.Stream || info.Finish != "" && a.req.Facts.Choices <= 1
	if complete || a.reserved.suffices(info, a.continues()) {
		return nil
	}
	usage := a.own().usage
	usage.Output = llm.Add(min(usage.Output, info.AtLeast()), a.continues())
	a.reserved.tier = usage.Tier
	if !a.reserved.outrun(a.target.Price.Amounts(usage)) {
		return nil
	}
	return a.reserved.grow(llm.Ask{Least: usage.Output, Most: llm.Add(usage.Output, growStep), Amounts: func(output int64) llm.Amounts {
		u := usage
		u.Output = output
		return a.target.Price.Amounts(u)
	}})
}

// suffices reports whether a reply that goes on from so many tokens is known to be within what
// is held, without computing what it costs: no token costs more than was reserved for it, unless
// the provider says that it serves in a tier that has not been looked at.
func (r *reservation) suffices(info *llm.ReplyInfo, before int64) bool {
	if !r.bounds {
		return true
	}
	tier, input := info.Tier, int64(0)
	if u := info.Usage; u != nil {
		tier, input = cmp.Or(tier, u.Tier), u.Input
	}
	return llm.Add(info.AtLeast(), before) <= r.held.OutputTokens && input <= r.held.InputTokens && (tier == "" || tier == r.tier)
}

// outrun reports whether more was used than is reserved on a hard limit.
func (r *reservation) outrun(used llm.Amounts) bool {
	for i := range r.limits {
		if s := &r.limits[i]; s.Hard() && used.Of(s.Unit) > s.Reserved {
			return true
		}
	}
	return false
}

// grow raises the hold.
func (r *reservation) grow(ask llm.Ask) error {
	output, err := r.hold.Grow(ask)
	if err != nil {
		return err
	}
	r.held = ask.Amounts(output)
	r.limits = slices.Clone(r.limits) // the hold's own stay as they were
	for i := range r.limits {
		s := &r.limits[i]
		s.Reserved = max(s.Reserved, r.held.Of(s.Unit))
	}
	return nil
}

// bounded reports whether a hard limit depends on what a reply uses.
func bounded(limits []llm.Limit) bool {
	return slices.ContainsFunc(limits, func(l llm.Limit) bool {
		return l.Hard() && l.Unit != llm.UnitRequests && l.Unit != llm.UnitConcurrent
	})
}
