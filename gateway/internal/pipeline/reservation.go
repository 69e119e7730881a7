package pipeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// reservation is what an attempt, or a reply from the cache, holds of the request's limits.
type reservation struct {
	*terms
	// draft is what is recorded of the request if the reservation is never settled: who asked
	// for what. Attempts share it and only read it; a reply from the cache has its own.
	draft *llm.Record
	// beside says that the request may hold another reservation at the same time.
	beside bool
	// covers says that the reservation is also for what an earlier attempt has used, so that it
	// must not be lost.
	covers bool
	// hold is nil when nothing is held.
	hold Hold
	// limits are the limits with their counters, as they were reserved last; nil before.
	limits []llm.LimitState
	// held is what is reserved. bounds says that a hard limit depends on what the reply uses, and
	// tier is the service tier that it was last compared in.
	held   llm.Amounts
	bounds bool
	tier   llm.Tier
}

// draft is the part of the record that names the request, without the reasons for every
// decision; nil when no limit needs it.
func (x *state) draft() *llm.Record {
	if len(x.decision.Limits) == 0 {
		return nil
	}
	r := x.record
	return &llm.Record{ID: r.ID, Time: r.Time, Endpoint: r.Endpoint, Dialect: r.Dialect, Stream: r.Stream, Model: r.Model, Route: r.Route,
		KeyID: r.KeyID, KeyName: r.KeyName, Team: r.Team, User: r.User, Session: r.Session, Tags: r.Tags, Cache: r.Cache}
}

// take reserves what is asked for, in place of what is held, and returns the output that
// it was reserved for. When it is refused nothing is held, unless it covers what was used. The request goes to x's target; x is nil for a reply from the cache.
func (r *reservation) take(ctx context.Context, x *llm.Exchange, ask llm.Ask) (int64, error) {
	if len(r.decision.Limits) == 0 {
		return ask.Most, nil
	}
	reserve := r.Meter.Reserve
	if r.hold != nil {
		reserve = r.hold.Replace
	}
	hold, output, err := reserve(ctx, r.draftFor(x), r.decision.Limits, ask)
	if err != nil {
		if !r.covers {
			r.release(ctx)
		}
		e := *llm.AsError(err)
		if e.Fault != llm.FaultHeld {
			e.Fault = llm.FaultBudget
		}
		return 0, &e
	}
	r.hold, r.limits = hold, hold.States()
	r.held, r.bounds, r.tier = ask.Amounts(output), bounded(r.decision.Limits), ""
	return output, nil
}

// draftFor is a copy of the draft for a request that is sent to x's target, and the draft
// itself for a reply from the cache.
func (r *reservation) draftFor(x *llm.Exchange) *llm.Record {
	if x == nil {
		return r.draft
	}
	draft := *r.draft
	if r.beside {
		draft.ID = llm.BesideID(draft.ID)
	}
	draft.Target, draft.Provider = x.Target.ID, x.Target.Provider
	draft.Usage.Input = x.Sent.Facts.EstInputTokens
	draft.Usage.Tier = x.Target.Price.TierOf("", x.Sent.Facts.Tier, draft.Usage)
	draft.Price = x.Target.Price.At(draft.Usage.Tier)
	return &draft
}

// heldWait is how long a request waits for others to give back what they hold of a limit.
// Most of them use far less of it than they may.
const heldWait = time.Second

// takeWhenFreed reserves, and waits a little when only reservations are in the way.
func (r *reservation) takeWhenFreed(ctx context.Context, x *llm.Exchange, ask llm.Ask) (int64, error) {
	timer := time.NewTimer(heldWait)
	defer timer.Stop()
	for {
		freed := r.Meter.Freed()
		output, err := r.take(ctx, x, ask)
		if err == nil || llm.AsError(err).Fault != llm.FaultHeld {
			return output, err
		}
		select {
		case <-freed:
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		held := *llm.AsError(err)
		held.Fault = llm.FaultBudget
		return 0, &held
	}
}

// takeOver moves the hold of another reservation to this one, so that no other request can
// have what it holds before the next take.
func (r *reservation) takeOver(from *reservation) { r.hold, from.hold = from.hold, nil }

// release gives the hold back unused.
func (r *reservation) release(ctx context.Context) { r.settle(ctx, llm.Amounts{}) }

// settle replaces the hold, if there is one, by what was used, and returns the charges for
// the record.
func (r *reservation) settle(ctx context.Context, used llm.Amounts) []llm.Charge {
	if r.hold == nil {
		return nil
	}
	charges, err := r.hold.Settle(ctx, used)
	if err != nil {
		r.Log.Error("a reservation was settled before its request", slog.String("request", r.req.ID), slog.Any("err", err))
	}
	r.hold = nil
	return charges
}
