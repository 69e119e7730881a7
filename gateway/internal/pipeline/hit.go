package pipeline

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// hit is a reply that the request shares with another one: from the cache, or under way.
type hit struct {
	*llm.StoredReply
	// target is the one that gave it; nil if the route no longer has it.
	target   *llm.Target
	reserved reservation
}

// replay is the reply that the slot has of another request; nil when the request is to be
// sent. It is charged one request and no tokens.
func (x *state) replay(ctx context.Context, slot Slot) (llm.Stream, error) {
	x.slot, x.record.Cache = slot, slot.State()
	for {
		reply, err := x.sharedReply(ctx, slot)
		if reply != nil || err != nil {
			return x.pace(ctx, reply), err
		}
		if stored := x.hit; stored == nil {
			return nil, nil
		}
		// Nothing of it was sent, so the request may have another one, or one of its own.
		x.hit.reserved.release(ctx)
		x.hit, x.record.Cache, x.record.CacheSource = nil, llm.CacheMiss, ""
		slot.Discard()
	}
}

// sharedReply is the slot's reply as the caller asks for it. It leaves the hit set, and is nil,
// if that could not be made of it.
func (x *state) sharedReply(ctx context.Context, slot Slot) (llm.Stream, error) {
	stored, err := x.await(ctx, slot)
	x.record.Cache = slot.State()
	if stored == nil || err != nil {
		return nil, err
	}
	x.record.Cache = llm.CacheMiss // until the limits have room for a hit
	h := &hit{StoredReply: stored, reserved: reservation{terms: &x.terms, draft: x.draft()}}
	if _, err := h.reserved.take(ctx, nil, llm.Exactly(llm.Amounts{Requests: 1})); err != nil {
		stored.Close()
		return nil, err
	}
	for _, t := range x.route.All() {
		if t.ID == stored.Target {
			h.target = t
		}
	}
	x.hit, x.record.Cache, x.record.CacheSource = h, slot.State(), stored.Source
	reply, err := x.Dialects.Replay(ctx, x.req, h.target, stored)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	return reply, nil
}

// await is the slot's reply. The wait for one that is under way is bounded by what the caller
// allows for the first content.
func (x *state) await(ctx context.Context, slot Slot) (*llm.StoredReply, error) {
	if first := x.req.FirstTimeout; first > 0 {
		late := &llm.Error{Code: llm.CodeUpstreamTimeout, Status: 504, Fault: llm.FaultTimeout, Retried: true, Err: errImpatient,
			Message: "The request whose reply this one shares got no answer for " + first.String() + " (" + ownHeaders + ")."}
		timer, stop := context.WithTimeoutCause(ctx, first, late)
		defer stop()
		ctx = timer
	}
	return slot.Reply(ctx)
}

// recordHit writes what came of a shared reply into the record: what it would have cost is
// saved.
func (x *state) recordHit() {
	r, info := x.record, x.hit.Info()
	r.Target, r.Finish, r.Served = x.hit.Target, info.Finish, info.Model
	if t := x.hit.target; t != nil {
		r.Provider, r.Price = t.Provider, t.Price
	}
	saved := info.Billed(x.req.Facts.EstInputTokens, info.Finish != "" || !x.req.Facts.Stream)
	r.Price, r.Saved = r.Price.At(saved.Tier), r.Price.Cost(saved)
}
