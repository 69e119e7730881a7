package pipeline

import (
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// paced is a stored stream whose pieces come one after the other, as a target's do. What
// carries no output does not wait.
type paced struct {
	llm.Stream
	ctx   context.Context // of the request, as this value is
	every time.Duration
	begun bool
}

// pace returns a shared reply at the pace that its route sets for stored streams.
func (x *state) pace(ctx context.Context, reply llm.Stream) llm.Stream {
	if reply == nil || x.hit == nil || x.hit.Live || x.route.CachePace <= 0 || !x.req.Facts.Stream {
		return reply
	}
	return &paced{Stream: reply, ctx: ctx, every: time.Second / time.Duration(x.route.CachePace)}
}

// Next implements llm.Stream.
func (p *paced) Next() (llm.Event, error) {
	ev, err := p.Stream.Next()
	if err != nil || !ev.Content {
		return ev, err
	}
	if ev.More = false; !p.begun {
		p.begun = true
		return ev, nil
	}
	timer := time.NewTimer(p.every)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ev, nil
	case <-p.ctx.Done():
		return llm.Event{}, context.Cause(p.ctx)
	}
}
