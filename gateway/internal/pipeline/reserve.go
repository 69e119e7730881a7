package pipeline

import (
	"context"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// reserve takes the worst case of a prepared request from every limit, in place of what the
// attempt holds, and sets the bound on output that is sent. x is the attempt's exchange, or
// a copy of it.
func (a *attempt) reserve(ctx context.Context, x *llm.Exchange) error {
	facts := x.Sent.Facts
	if why := a.whyUnbounded(x.Target, &facts); why != "" {
		return &llm.Error{Code: llm.CodeBudget, Status: http.StatusForbidden, Fault: llm.FaultBudget, Retried: true,
			Message: x.Target.ID + ": " + why + "."}
	}
	if x.MaxOutput > 0 {
		facts.MaxTokens = x.MaxOutput
	}
	output, err := a.reserveWorst(ctx, x, &facts)
	if err != nil {
		return err
	}
	a.setMaxOutput(x, output)
	return nil
}

// reserveWorst reserves what the request may use at most, and returns the bound on one
// choice's output tokens that there was room for.
func (a *attempt) reserveWorst(ctx context.Context, x *llm.Exchange, facts *llm.Facts) (int64, error) {
	e := a.worstCase(x.Target, facts, 0)
	output, err := a.reserved.take(ctx, x, a.askOf(&e))
	if err == nil && output == e.Output {
		return output, nil
	}
	if counted, ok := a.countedWorstCase(x.Target, x.Sent, facts); ok {
		e = counted
	} else if err == nil {
		return output, nil
	}
	return a.reserved.takeWhenFreed(ctx, x, a.askOf(&e))
}

// askOf is what the attempt asks of limits: its worst case, and the text that it goes on from,
// which is charged with it. If it fails as well, what the broken attempt has used is charged.
func (a *attempt) askOf(e *llm.Estimate) llm.Ask {
	ask := e.Ask()
	if a.broken == nil {
		return ask
	}
	before, used := a.continues(), a.broken.target.Price.Amounts(a.broken.result().usage)
	ask.Amounts = func(output int64) llm.Amounts {
		u := e.Usage(output)
		u.Output = llm.Add(u.Output, before)
		return most(a.target.Price.Amounts(u), used)
	}
	return ask
}

// most is as much as either in every unit.
func most(a, b llm.Amounts) llm.Amounts {
	return llm.Amounts{USD: max(a.USD, b.USD), InputTokens: max(a.InputTokens, b.InputTokens),
		OutputTokens: max(a.OutputTokens, b.OutputTokens), Requests: max(a.Requests, b.Requests)}
}

// usualGrowth is what a wire format may add to a request of any size, in bytes.
const usualGrowth = 4 << 10

// reserveGrowth reserves again when a plugin's wire format has made much more of a request
// than it was: every byte that was added counts as text. Another spelling of the same
// members adds few.
func (a *attempt) reserveGrowth(ctx context.Context, sent []byte) error {
	before := a.exchange.Sent
	grown := int64(len(sent) - len(before.Body))
	if len(a.decision.Limits) == 0 || grown <= before.Facts.TextBytes/4+usualGrowth {
		return nil
	}
	larger, x := *before, a.exchange
	larger.Body, larger.Facts.MediaAt = sent, nil
	larger.Facts.TextBytes += grown
	x.Sent = &larger
	return a.reserve(ctx, &x)
}
