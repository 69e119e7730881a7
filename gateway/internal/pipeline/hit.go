package pipeline

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// hit is a reply from the cache.
type hit struct {
	*llm.StoredReply
	// target is the one that gave it; nil if the route no longer has it.
	target   *llm.Target
	reserved reservation
}

// replay is the stored reply of a slot; nil unless it is a hit. A hit is charged one
// request and no tokens.
func (x *state) replay(ctx context.Context, slot Slot) (llm.Stream, error) {
	x.record.Cache = slot.State()
	stored := slot.Reply()
	if stored == nil {
		return nil, nil
	}
	x.record.Cache = llm.CacheMiss // until the limits have room for a hit
	h := &hit{StoredReply: stored, reserved: reservation{terms: &x.terms, draft: x.draft()}}
	if _, err := h.reserved.take(ctx, nil, llm.Exactly(llm.Amounts{Requests: 1})); err != nil {
		return nil, err
	}
	for _, t := range x.route.All() {
		if t.ID == stored.Target {
			h.target = t
		}
	}
	x.hit, x.record.Cache = h, llm.CacheHit
	return stored, nil
}

// recordHit writes what came of a reply from the cache into the record: what it would have
// cost is saved.
func (x *state) recordHit() {
	r, info := x.record, x.hit.Info()
	r.Target, r.Finish, r.Served = x.hit.Target, info.Finish, info.Model
	if t := x.hit.target; t != nil {
		r.Provider, r.Price = t.Provider, t.Price
	}
	saved := info.Billed(x.req.Facts.EstInputTokens, info.Finish != "" || !x.req.Facts.Stream)
	r.Price, r.Saved = r.Price.At(saved.Tier), r.Price.Cost(saved)
}
