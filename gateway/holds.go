package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
	"github.com/penstock/penstock/gateway/internal/pipeline"
)

const (
	// holdLife is how long a reservation outlives its request without being settled.
	// Booking a record takes ten seconds at most.
	holdLife = 30 * time.Second
	// holdEvery is how often reservations are looked after: what a killed gateway
	// remembers of a reply is so old at most.
	holdEvery = time.Second
)

// holds are the open reservations. They join the meter and the ledger: what is
// reserved is journalled in the same operation, under one id. One loop extends those
// whose requests are alive and books those whose requests are gone. Safe for
// concurrent use.
type holds struct {
	meter  *meter.Meter
	ledger *ledger.Ledger
	// sinks are told of the records that the loop books.
	sinks []func(*llm.Record)
	log   *slog.Logger

	mu   sync.Mutex
	open map[string]*hold
}

// hold is one reservation.
type hold struct {
	in *holds
	// draft is what the request is booked as when nobody settles the hold.
	draft *llm.Record
	// alive ends when the request does.
	alive <-chan struct{}
	// durable says that the ledger has journalled the hold.
	durable bool
	// seen is how many tokens of output have come, told what the journal knows of that.
	seen, told atomic.Int64
}

// Reserve implements pipeline.Meter.
func (h *holds) Reserve(ctx context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (pipeline.Hold, int64, error) {
	states, output, err := h.meter.Reserve(draft.ID, limits, ask)
	if err != nil {
		return nil, 0, err
	}
	draft.Limits = states
	x := &hold{in: h, draft: draft, alive: ctx.Done(), durable: slices.ContainsFunc(limits, mustLast)}
	if x.durable {
		if err := h.ledger.OpenLease(ctx, draft); err != nil {
			h.meter.Settle(draft.ID, llm.Amounts{})
			return nil, 0, unbooked(err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[draft.ID] = x
	return x, output, nil
}

// Affordable implements pipeline.Meter.
func (h *holds) Affordable(limits []llm.Limit, ask llm.Ask, at time.Time) (int64, error) {
	return h.meter.Affordable(limits, ask, at)
}

// Freed implements pipeline.Meter.
func (h *holds) Freed() <-chan struct{} { return h.meter.Freed() }

// mustLast reports whether a limit bounds money or tokens for certain, so that what
// was reserved of it must survive the process.
func mustLast(l llm.Limit) bool {
	return !l.Warn && l.Unit != llm.UnitConcurrent && l.Unit != llm.UnitRequests
}

// unbooked refuses to spend what nobody could account for afterwards.
func unbooked(err error) error {
	return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second, Err: err,
		Message: "The ledger can't be written at the moment, so a request with a budget can't be accepted. Try again shortly."}
}

// States implements pipeline.Hold.
func (x *hold) States() []llm.LimitState { return x.draft.Limits }

// Seen implements pipeline.Hold.
func (x *hold) Seen(output int64) { x.seen.Store(output) }

// errGone says that the maintenance loop has booked a hold that it took for abandoned.
var errGone = errors.New("the reservation was booked as abandoned already")

// Settle implements pipeline.Hold. The lease in the journal ends with the request's
// record.
func (x *hold) Settle(_ context.Context, used llm.Amounts) ([]llm.Charge, error) {
	if !x.in.forget(x) {
		return nil, errGone
	}
	return x.in.meter.Settle(x.draft.ID, used), nil
}

// forget takes a hold out of the open ones. It reports whether it was among them.
func (h *holds) forget(x *hold) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open[x.draft.ID] != x {
		return false
	}
	delete(h.open, x.draft.ID)
	return true
}

// tend extends the holds of requests that are alive, journals how far these have come,
// and books the holds that nobody has settled in time.
func (h *holds) tend(ctx context.Context, now time.Time) {
	if err := h.ledger.Extend(ctx, h.progress()); err != nil {
		h.log.Debug("journal the progress of replies", "err", err) // the ledger reports that it is out of order
	}
	for _, id := range h.meter.Sweep(now) {
		h.mu.Lock()
		x := h.open[id]
		h.mu.Unlock()
		if x != nil {
			h.abandon(ctx, x)
		}
	}
}

// progress extends the holds that are alive, and says how far those have come of which
// the journal doesn't know that yet.
func (h *holds) progress() []ledger.Progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	var news []ledger.Progress
	for id, x := range h.open {
		select {
		case <-x.alive:
			continue
		default:
		}
		h.meter.Extend(id)
		if seen := x.seen.Load(); x.durable && seen != x.told.Swap(seen) {
			news = append(news, ledger.Progress{ID: id, Output: seen})
		}
	}
	return news
}

// abandon books a request that is gone and has not settled its hold.
func (h *holds) abandon(ctx context.Context, x *hold) {
	if !h.forget(x) {
		return
	}
	x.draft.Interrupt(x.seen.Load())
	h.meter.Settle(x.draft.ID, x.draft.Used())
	h.log.Error("a request ended without settling its reservation and is booked at an estimate", "request", x.draft.ID, "cost_nano_usd", int64(x.draft.Cost))
	err := h.ledger.Write(ctx, x.draft)
	if err != nil && llm.AsError(err).Code != llm.CodeUnavailable { // which the ledger reports once for all
		h.log.Error("book an abandoned request", "request", x.draft.ID, "err", err)
	}
	for _, sink := range h.sinks {
		sink(x.draft)
	}
}
