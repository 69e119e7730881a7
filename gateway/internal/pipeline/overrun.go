package pipeline

import (
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
	if complete || !a.reserved.mayGrow() {
		return nil
	}
	usage := a.own().usage
	usage.Output = llm.Add(min(usage.Output, info.AtLeast()), a.continues())
	if !a.reserved.outrun(a.target.Price.Amounts(usage)) {
		return nil
	}
	return a.reserved.grow(llm.Ask{Least: usage.Output, Most: llm.Add(usage.Output, growStep), Amounts: func(output int64) llm.Amounts {
		u := usage
		u.Output = output
		return a.target.Price.Amounts(u)
	}})
}

// mayGrow reports whether a hard limit depends on what a reply uses.
func (r *reservation) mayGrow() bool {
	return slices.ContainsFunc(r.limits, func(s llm.LimitState) bool {
		return s.Hard() && s.Unit != llm.UnitRequests && s.Unit != llm.UnitConcurrent
	})
}

// outrun reports whether more was used than is reserved on a hard limit.
func (r *reservation) outrun(used llm.Amounts) bool {
	return slices.ContainsFunc(r.limits, func(s llm.LimitState) bool { return s.Hard() && used.Of(s.Unit) > s.Reserved })
}

// grow raises the hold.
func (r *reservation) grow(ask llm.Ask) error {
	output, err := r.hold.Grow(ask)
	if err != nil {
		return err
	}
	held := ask.Amounts(output)
	r.limits = slices.Clone(r.limits) // the hold's own stay as they were
	for i := range r.limits {
		s := &r.limits[i]
		s.Reserved = max(s.Reserved, held.Of(s.Unit))
	}
	return nil
}
