// Package holds keeps the reservations of requests under way. It joins the meter and
// the ledger: what is reserved on limits is journalled in the same operation, under the
// same id, so that neither a lost request nor a killed process leaves a limit blocked or
// money uncounted.
package holds

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
	// Lease is how long the meter keeps a reservation that nobody extends. Writing a record
	// takes ten seconds at most.
	Lease = 30 * time.Second
	// Interval is how often Tend is to be called. What the journal knows of a reply is at
	// most this old.
	Interval = time.Second
)

// Holds are the open reservations. It is safe for concurrent use.
type Holds struct {
	meter  *meter.Meter
	ledger *ledger.Ledger
	raised Raised
	sinks  []func(*llm.Record)
	log    *slog.Logger

	mu   sync.Mutex
	open map[string]*hold
}

// Raised returns limits with what raises add to them at that time; zero means now.
type Raised func(limits []llm.Limit, at time.Time) []llm.Limit

func unraised(limits []llm.Limit, _ time.Time) []llm.Limit { return limits }

// New returns holds on a meter whose Options.Lease is Lease. Without a ledger only
// Affordable and LimitStates may be called. The sinks get the records of requests that ended
// without settling their holds. A nil raised raises nothing.
func New(m *meter.Meter, l *ledger.Ledger, raised Raised, sinks []func(*llm.Record), log *slog.Logger) *Holds {
	if raised == nil {
		raised = unraised
	}
	return &Holds{meter: m, ledger: l, raised: raised, sinks: sinks, log: log, open: map[string]*hold{}}
}

// hold is one reservation.
type hold struct {
	in *Holds
	// draft is the record that is written when nobody settles the hold.
	draft *llm.Record
	// ended is closed when the request has ended.
	ended <-chan struct{}
	// durable says that the ledger has journalled the hold.
	durable bool
	// output is how many output tokens have been relayed, journalled how many of them the
	// journal knows.
	output, journalled atomic.Int64
}

// Reserve implements pipeline.Meter.
func (h *Holds) Reserve(ctx context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (pipeline.Hold, int64, error) {
	states, output, err := h.meter.Reserve(draft.ID, h.raised(limits, time.Time{}), ask)
	if err != nil {
		return nil, 0, err
	}
	x, err := h.journalled(ctx, draft, limits, states, ask.Amounts(output))
	if err != nil {
		h.meter.Settle(draft.ID, llm.Amounts{})
		return nil, 0, err
	}
	h.add(x)
	return x, output, nil
}

// Replace implements pipeline.Hold.
func (x *hold) Replace(ctx context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (pipeline.Hold, int64, error) {
	h := x.in
	if !h.remove(x) {
		return nil, 0, errSettled
	}
	states, output, err := h.meter.Replace(x.draft.ID, draft.ID, h.raised(limits, time.Time{}), ask)
	if err != nil {
		h.add(x)
		return nil, 0, err
	}
	next, err := h.journalled(ctx, draft, limits, states, ask.Amounts(output))
	if err != nil { // the meter has replaced it already: this hold goes on with what that holds now
		x.draft.ID, x.draft.Limits = draft.ID, states
		h.add(x)
		return nil, 0, err
	}
	h.add(next)
	return next, output, nil
}

// journalled is a hold on what the meter has reserved, in the journal if it must survive.
func (h *Holds) journalled(ctx context.Context, draft *llm.Record, limits []llm.Limit, states []llm.LimitState, reserved llm.Amounts) (*hold, error) {
	draft.Limits = states
	x := &hold{in: h, draft: draft, ended: ctx.Done(), durable: slices.ContainsFunc(limits, mustSurvive) && !free(draft, reserved)}
	if !x.durable {
		return x, nil
	}
	if err := h.ledger.OpenLease(ctx, draft); err != nil {
		return nil, unavailable(err)
	}
	return x, nil
}

func (h *Holds) add(x *hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[x.draft.ID] = x
}

// Affordable implements pipeline.Meter.
func (h *Holds) Affordable(limits []llm.Limit, ask llm.Ask, at time.Time) (int64, error) {
	return h.meter.Affordable(h.raised(limits, at), ask, at)
}

// LimitStates implements pipeline.Meter.
func (h *Holds) LimitStates(limits []llm.Limit, at time.Time) []llm.LimitState {
	return h.meter.States(h.raised(limits, at), at)
}

// Freed implements pipeline.Meter.
func (h *Holds) Freed() <-chan struct{} { return h.meter.Freed() }

// mustSurvive reports whether a reservation on a limit must survive the process: hard
// limits on money and tokens do.
func mustSurvive(l llm.Limit) bool {
	return l.Hard() && l.Unit != llm.UnitConcurrent && l.Unit != llm.UnitRequests
}

// free reports whether a request spends no money and no tokens and gets nothing before its
// record is written: a whole reply from the cache. Without a lease, one journalled entry is
// enough for it, and what a killed process loses of it, nobody has got.
func free(draft *llm.Record, a llm.Amounts) bool {
	return !draft.Stream && a == llm.Amounts{Requests: a.Requests}
}

// unavailable is the error for a request whose reservation cannot be journalled.
func unavailable(err error) error {
	return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second, Err: err,
		Message: "The ledger can't be written at the moment, so a request with a budget can't be accepted. Try again shortly."}
}

// States implements pipeline.Hold.
func (x *hold) States() []llm.LimitState { return x.draft.Limits }

// Seen implements pipeline.Hold.
func (x *hold) Seen(output int64) { x.output.Store(output) }

// Grow implements pipeline.Hold. The journal knows by Tend how much of a reply has come, so
// that nothing of it needs to be journalled here.
func (x *hold) Grow(ask llm.Ask) (int64, error) {
	return x.in.meter.Grow(x.draft.ID, x.draft.Limits, ask)
}

// errSettled is the error for a hold that Tend has settled already.
var errSettled = errors.New("the reservation was settled as abandoned already")

// Settle implements pipeline.Hold. The lease in the journal ends with the request's
// record.
func (x *hold) Settle(_ context.Context, used llm.Amounts) ([]llm.Charge, error) {
	if !x.in.remove(x) {
		return nil, errSettled
	}
	return x.in.meter.Settle(x.draft.ID, used), nil
}

// remove removes a hold from the open ones and reports whether it was among them.
func (h *Holds) remove(x *hold) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open[x.draft.ID] != x {
		return false
	}
	delete(h.open, x.draft.ID)
	return true
}

// Tend extends the holds of running requests, journals how much of their replies has been
// relayed, and settles the holds whose requests ended without doing so.
func (h *Holds) Tend(ctx context.Context, now time.Time) {
	if err := h.ledger.Extend(ctx, h.extend()); err != nil {
		h.log.Debug("journal the progress of replies", "err", err) // the ledger's health reports the fault
	}
	for _, id := range h.meter.Sweep(now) {
		h.mu.Lock()
		x := h.open[id]
		h.mu.Unlock()
		if x != nil {
			h.settleAbandoned(ctx, x)
		}
	}
}

// extend extends the holds of running requests and returns the progress that the journal
// does not know yet.
func (h *Holds) extend() []ledger.Progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	var progress []ledger.Progress
	for id, x := range h.open {
		select {
		case <-x.ended:
			continue
		default:
		}
		h.meter.Extend(id)
		if output := x.output.Load(); x.durable && output != x.journalled.Swap(output) {
			progress = append(progress, ledger.Progress{ID: id, Output: output})
		}
	}
	return progress
}

// settleAbandoned settles the hold of a request that has ended without doing so, and
// writes its record at an estimate.
func (h *Holds) settleAbandoned(ctx context.Context, x *hold) {
	if !h.remove(x) {
		return
	}
	x.draft.Interrupt(x.output.Load())
	h.meter.Settle(x.draft.ID, x.draft.Used())
	h.log.Error("a request ended without settling its reservation and is booked at an estimate", "request", x.draft.ID, "cost_nano_usd", int64(x.draft.Cost))
	err := h.ledger.Write(ctx, x.draft)
	if err != nil && llm.AsError(err).Code != llm.CodeUnavailable { // the maintenance reports it once, not every request
		h.log.Error("book an abandoned request", "request", x.draft.ID, "err", err)
	}
	for _, sink := range h.sinks {
		sink(x.draft)
	}
}
