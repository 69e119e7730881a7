package pipeline

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// settle concludes a request that did not get as far as its final event. It must be
// deferred directly, so that it sees a panic.
func (x *state) settle(ctx context.Context, err *error) {
	if r := recover(); r != nil {
		x.fail(&llm.Error{Code: llm.CodeInternal})
		x.conclude(ctx)
		panic(r)
	}
	if *err != nil {
		x.fail(callerGone(ctx, *err))
	}
	x.conclude(ctx)
}

// concludeTime bounds the wait for the ledger once the reply is over.
const concludeTime = 10 * time.Second

// conclude replaces the reservation by what was used and writes the record, once. It goes
// on when the caller has hung up.
func (x *state) conclude(ctx context.Context) {
	if x.concluded {
		return
	}
	x.concluded = true
	x.attempts.cancelOpen()
	x.update()
	x.account()
	x.keepTexts()
	x.record.Duration = x.since()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), concludeTime)
	defer stop()
	x.record.Charges = x.charge(ctx)
	x.write(ctx)
	for _, sink := range x.Sinks {
		sink(x.record)
	}
	if x.req.Settled != nil {
		x.req.Settled(x.record)
	}
}

// cancelOpen ends the attempts that are still open.
func (s *attempts) cancelOpen() {
	for _, a := range s.made {
		a.finish(&llm.Error{Fault: llm.FaultCanceled, Message: "The reply was not read to its end."})
	}
}

// update writes what is known so far of the attempts, or of the reply from the cache, into
// the record. Only update and account do.
func (x *state) update() {
	r := x.record
	r.Attempts, r.Upstream = r.Attempts[:0], 0
	r.Queued = llm.Millis(x.req.Queued + x.attempts.queued)
	for _, a := range x.attempts.made {
		if a.asked {
			r.Attempts = append(r.Attempts, a.entry)
		}
		r.Upstream += llm.Millis(a.took)
		x.noteLimits(a.reserved.limits)
	}
	if a := x.attempts.serving; a != nil {
		r.Target = a.target.ID
		x.noteLimits(a.reserved.limits)
		x.recordPart(a)
		if r.Escalated != nil {
			r.Escalated.Passed = a.entry.Failed != ""
		}
	}
	if x.slot != nil {
		r.Similar = x.slot.Similar()
	}
	if x.hit != nil {
		r.Target = x.hit.Target
		x.noteLimits(x.hit.reserved.limits)
	}
}

// noteLimits puts the limits as they were reserved last into the record, and warns of those
// that only warn.
func (x *state) noteLimits(limits []llm.LimitState) {
	if limits == nil {
		return
	}
	x.record.Limits = limits
	x.logged.Warnings = slices.Clip(x.decision.Warnings)
	for _, s := range limits {
		if s.Exceeded {
			x.logged.Warnings = append(x.logged.Warnings, "limit "+s.Name+" of "+s.Scope+" is exceeded")
		}
	}
}

// account writes what the request used and what that costs into the record.
func (x *state) account() {
	if x.hit != nil {
		x.recordHit()
		return
	}
	a := x.attempts.charged()
	if a == nil {
		return
	}
	r, came := x.record, a.result()
	r.Target, r.Provider, r.Price = a.target.ID, a.target.Provider, a.target.Price.At(came.usage.Tier)
	r.Finish, r.Served = came.info.Finish, came.info.Model
	r.Usage, r.Cost = came.usage, came.cost
	r.PromptSaved = r.Price.CacheSaving(came.usage)
	for _, other := range x.attempts.made {
		if other.overtaken {
			r.Cost = llm.Add(r.Cost, other.own().cost)
		}
	}
}

// charge settles all reservations and returns the charges for the record.
func (x *state) charge(ctx context.Context) []llm.Charge {
	if x.hit != nil {
		return x.hit.reserved.settle(ctx, llm.Amounts{Requests: 1})
	}
	var charges []llm.Charge
	for _, a := range x.attempts.made {
		charges = append(charges, a.settle(ctx)...)
	}
	return charges
}

// write stores what may be kept of the record in the ledger. A request without a route is
// not stored: any caller could fill the ledger with names that are not served.
func (x *state) write(ctx context.Context) {
	if x.route == nil {
		return
	}
	err := x.Ledger.Write(ctx, x.record.Kept())
	if err != nil && llm.AsError(err).Code != llm.CodeUnavailable { // which the ledger reports once for all
		// The answer has been made and paid for; the caller gets it all the same.
		x.Log.Error("ledger lost a record", slog.String("request", x.req.ID),
			slog.Int64("cost_nano_usd", int64(x.record.Cost)), slog.Any("err", err))
	}
}
