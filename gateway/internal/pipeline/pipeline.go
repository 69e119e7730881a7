// Package pipeline serves one request, from admission to its last byte and its bill.
// Serve shows the steps in their order, which is fixed; what an operator may vary is what
// each step decides. A step hands over to one package through a small interface that is
// declared here, in stages.go.
//
// The package does not parse bodies, speak HTTP or know any provider: it knows requests,
// targets and events as package llm defines them.
package pipeline

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Pipeline serves requests. It is safe for concurrent use.
type Pipeline struct {
	Stages
	mirrors mirrors
}

// New returns a pipeline of these stages.
func New(s Stages) *Pipeline { return &Pipeline{Stages: s} }

// Close ends what goes on beside requests, and returns when it has ended. It is called once
// the last request is served.
func (p *Pipeline) Close() { p.mirrors.close() }

// Serve carries one request from admission to its last byte and its bill. An error is for
// the caller, to be rendered in its dialect. Whatever happens, the request is settled and
// recorded exactly once. An error after w was started is for w's owner to end the reply
// with, never as if it were complete. Serve sets req's Deadline, Class and Record, and changes
// nothing else of it.
func (p *Pipeline) Serve(ctx context.Context, req *llm.Request, w llm.Writer) (err error) {
	x := p.begin(req)
	defer func() { err = x.withHeaders(err) }()
	defer x.settle(ctx, &err) // on every path, once

	if err := x.admit(ctx); err != nil {
		return err
	}
	ctx, cancel := x.deadline(ctx)
	defer cancel()
	out, stop := x.keepAlive(w)
	defer stop()

	began := x.Now()
	slot, err := p.Cache.Find(ctx, x.req, x.route, &x.decision) // a hit, a miss, a follower or off
	if x.took(&x.record.Stages.Cache, began); err != nil {
		return err
	}
	defer func() { slot.Close(err) }()
	reply, err := x.replay(ctx, slot)
	if err != nil {
		return err
	}
	if reply == nil {
		ctx = slot.Context(ctx) // the reply may be wanted by others, too
		x.classify(ctx)
		attempts, err := x.rank(ctx)
		if err != nil {
			return err
		}
		reply, err = attempts.first(ctx) // transform, reserve, send; retry, fall back
		if err != nil {
			return err
		}
		x.mirror() // a copy to a shadow target, which nobody waits for
		reply = attempts.resuming(ctx, reply)
		if attempts.serving.entry.Failed == "" { // else another target may do better the next time
			reply = slot.Fill(reply, attempts.serving.target)
		}
	}
	defer reply.Close()
	return x.relay(ctx, reply, out)
}

// Explain makes every decision about a request that can be made without sending it, and
// returns the record of them. It calls no provider and takes nothing from any limit.
func (p *Pipeline) Explain(ctx context.Context, req *llm.Request) *llm.Record {
	x := p.begin(req)
	x.record.Dry = true
	if !req.At.IsZero() {
		x.record.Time = req.At
	}
	err := x.admit(ctx)
	if err == nil {
		x.record.Similar = x.Cache.ExplainSimilar(ctx, req, x.route, &x.decision)
		x.classify(ctx)
		x.noteMirror()
		var attempts *attempts
		if attempts, err = x.rank(ctx); err == nil {
			err = x.dryRun(ctx, attempts.ranked)
		}
	}
	x.fail(err)
	return x.record
}
