package pipeline

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// reserve takes the worst case of a prepared request from every limit. It decides on the
// bound on output that is sent. What an earlier attempt held is given back first.
func (l *life) reserve(ctx context.Context, x *llm.Exchange) error {
	facts := x.Sent.Facts
	if why := l.unbounded(x.Target, &facts); why != "" {
		return &llm.Error{Code: llm.CodeBudget, Status: http.StatusForbidden, Fault: llm.FaultBudget, Retried: true,
			Message: x.Target.ID + ": " + why + "."}
	}
	if x.MaxOutput > 0 {
		facts.MaxTokens = x.MaxOutput
	}
	output, err := l.takeWorst(ctx, x, &facts)
	if err != nil {
		return err
	}
	l.setMaxOutput(x, output)
	return nil
}

// reserveGrowth reserves again when a plugin's wire format has made much more of a request
// than it was: every byte that came is taken for text. Another spelling of the same members
// is no such thing.
func (l *life) reserveGrowth(ctx context.Context, x *llm.Exchange, sent []byte) error {
	grown := int64(len(sent) - len(x.Sent.Body))
	if len(l.decision.Limits) == 0 || grown <= x.Sent.Facts.TextBytes/4+usualGrowth {
		return nil
	}
	larger, exchange := *x.Sent, *x
	larger.Body, larger.Facts.MediaAt = sent, nil
	larger.Facts.TextBytes += grown
	exchange.Sent = &larger
	return l.reserve(ctx, &exchange)
}

// usualGrowth is what a wire format may add to a request of any size, in bytes.
const usualGrowth = 4 << 10

// takeWorst reserves what the request may use at most, and gives the bound on one
// choice's output tokens that this was possible for.
func (l *life) takeWorst(ctx context.Context, x *llm.Exchange, facts *llm.Facts) (int64, error) {
	bound := l.decision.Obligations.MaxOutputTokens
	e := llm.EstimateOf(x.Target, facts, bound, 0)
	output, err := l.take(ctx, l.draftFor(x), e.Ask())
	if err == nil && output == e.Output {
		return output, nil
	}
	// A token a byte does not fit as it should. Counting takes time, so it comes second.
	if text, ok := l.Tokens.Prompt(x.Target.Model, x.Sent); ok && text < facts.TextBytes {
		e = llm.EstimateOf(x.Target, facts, bound, text)
	} else if err == nil {
		return output, nil
	}
	return l.await(ctx, x, e)
}

// draftFor is the draft of a request that is sent to x's target.
func (l *life) draftFor(x *llm.Exchange) *llm.Record {
	draft := l.draft()
	draft.Target, draft.Provider, draft.Price = x.Target.ID, x.Target.Provider, x.Target.Price
	draft.Usage.Input = x.Sent.Facts.EstInputTokens
	return draft
}

// draft is the record of the request in case that nobody gets to settle it: who asked
// for what, without the reasons for every decision.
func (l *life) draft() *llm.Record {
	r := l.record
	return &llm.Record{ID: r.ID, Time: r.Time, Endpoint: r.Endpoint, Dialect: r.Dialect, Stream: r.Stream, Model: r.Model, Route: r.Route,
		KeyID: r.KeyID, KeyName: r.KeyName, Team: r.Team, User: r.User, Session: r.Session, Tags: r.Tags, Cache: r.Cache}
}

// take reserves what is asked for and gives the output that it was reserved for.
func (l *life) take(ctx context.Context, draft *llm.Record, ask llm.Ask) (int64, error) {
	l.release(ctx)
	if len(l.decision.Limits) == 0 {
		return ask.Most, nil
	}
	hold, output, err := l.Meter.Reserve(ctx, draft, l.decision.Limits, ask)
	if err != nil {
		e := *llm.AsError(err)
		if e.Fault != llm.FaultHeld {
			e.Fault = llm.FaultBudget
		}
		return 0, &e
	}
	l.hold, l.record.Limits = hold, hold.States()
	for _, s := range l.record.Limits {
		if s.Exceeded {
			l.decision.Warnings = append(slices.Clip(l.decision.Warnings), "limit "+s.Name+" of "+s.Scope+" is exceeded")
		}
	}
	return output, nil
}

// heldWait is how long a request waits for others to give back what they hold of a limit.
// Most of them use far less of it than they may.
const heldWait = time.Second

// await reserves, and waits a little when only reservations are in the way.
func (l *life) await(ctx context.Context, x *llm.Exchange, e llm.Estimate) (int64, error) {
	timer := time.NewTimer(heldWait)
	defer timer.Stop()
	for {
		freed := l.Meter.Freed()
		output, err := l.take(ctx, l.draftFor(x), e.Ask())
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

// release gives a reservation back unused.
func (l *life) release(ctx context.Context) {
	if l.hold != nil {
		l.discharge(ctx, llm.Amounts{})
	}
}

// discharge settles the reservation and says what the record is to charge.
func (l *life) discharge(ctx context.Context, used llm.Amounts) []llm.Charge {
	charges, err := l.hold.Settle(ctx, used)
	if err != nil {
		l.Log.Error("a reservation was settled before its request", slog.String("request", l.req.ID), slog.Any("err", err))
	}
	l.hold = nil
	return charges
}

// bookingTime bounds the wait for the ledger once the reply is over.
const bookingTime = 10 * time.Second

// settle replaces the reservation by what was used and books the record, once. A
// caller who has hung up does not stop it.
func (l *life) settle(ctx context.Context) {
	if l.settled {
		return
	}
	l.settled = true
	if l.serving != nil {
		l.serving.finish(&llm.Error{Fault: llm.FaultCanceled, Message: "The reply was not read to its end."})
	}
	l.account()
	l.keepTexts()
	l.record.Duration = l.since()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), bookingTime)
	defer stop()
	if l.hold != nil {
		l.record.Charges = l.discharge(ctx, l.record.Used())
	}
	l.write(ctx)
	for _, sink := range l.Sinks {
		sink(l.record)
	}
}

// write puts what may be kept of the record into the ledger. A request without a route is
// only counted: anybody could fill the ledger with names that nobody serves.
func (l *life) write(ctx context.Context) {
	if l.route == nil {
		return
	}
	err := l.Ledger.Write(ctx, l.record.Kept())
	if err != nil && llm.AsError(err).Code != llm.CodeUnavailable { // which the ledger reports once for all
		// The answer has been made and paid for; withholding it would help nobody.
		l.Log.Error("ledger lost a record", slog.String("request", l.req.ID),
			slog.Int64("cost_nano_usd", int64(l.record.Cost)), slog.Any("err", err))
	}
}

// account fills in what the request used and what that costs.
func (l *life) account() {
	r := l.record
	if l.target != nil {
		r.Target, r.Provider, r.Price = l.target.ID, l.target.Provider, l.target.Price
	}
	if l.info == nil {
		l.accountUnanswered()
		return
	}
	t := l.info()
	r.Finish, r.Served = t.Finish, t.Model
	usage := t.Billed(l.promptEstimate(), t.Finish != "" || !l.req.Facts.Stream)
	cost := r.Price.Cost(usage)
	if r.Cache == llm.CacheHit { // nothing was used upstream
		r.Saved = cost
		return
	}
	r.Usage, r.Cost = usage, cost
}

// accountUnanswered books a request to which no reply had begun. Failed attempts
// cost nothing; one that the caller walked away from was being worked on, so its
// prompt is charged, by the provider's count where there is one.
func (l *life) accountUnanswered() {
	n := len(l.record.Attempts)
	if n == 0 || l.record.Attempts[n-1].Fault != llm.FaultCanceled {
		return
	}
	last := l.record.Attempts[n-1].Target
	for _, t := range l.route.Targets {
		if t.ID == last {
			l.record.Target, l.record.Provider, l.record.Price = t.ID, t.Provider, t.Price
		}
	}
	l.record.Usage = l.early.Billed(l.req.Facts.EstInputTokens, false)
	l.record.Cost = l.record.Price.Cost(l.record.Usage)
}

// promptEstimate is the likely size of the prompt that was sent, in tokens.
func (l *life) promptEstimate() int64 {
	if l.serving != nil && l.serving.exchange.Sent != nil {
		return l.serving.exchange.Sent.Facts.EstInputTokens
	}
	return l.req.Facts.EstInputTokens
}
