package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// admit finds the route, asks the policy and takes on its obligations. A policy that
// sends the request on is asked once more, about where it goes: what it forbids there
// must not be reached by its own detour.
func (l *life) admit(ctx context.Context) error {
	if err := l.find(l.req); err != nil {
		return err
	}
	if err := l.ask(ctx, l.req); err != nil {
		return err
	}
	onto := destination(l.decision.Obligations)
	if onto != "" && onto != l.req.Facts.Model {
		if err := l.askAgain(ctx, onto); err != nil {
			return err
		}
	}
	l.book(l.decision.Obligations)
	return nil
}

// ask decides on a request to the route that was found.
func (l *life) ask(ctx context.Context, req *llm.Request) error {
	decision, err := l.Policy.Decide(ctx, req, l.route)
	if err != nil {
		return err
	}
	l.decision = decision
	l.record.Decision = &l.decision
	if !decision.Allow {
		l.book(decision.Obligations)
		return denied(decision)
	}
	return nil
}

// destination is the model that a decision sends a request on to; empty when it leaves
// it where it is.
func destination(o llm.Obligations) string {
	if o.Route != "" {
		return o.Route
	}
	return o.Model
}

// askAgain decides on the request as if it had asked for another model. What both
// decisions demand holds; where the second one would send it is not followed.
func (l *life) askAgain(ctx context.Context, model string) error {
	onward := *l.req
	onward.Facts.Model = model
	if err := l.find(&onward); err != nil {
		return err
	}
	first := l.decision
	l.record.FirstDecision = &first
	if err := l.ask(ctx, &onward); err != nil {
		return err
	}
	if next := destination(l.decision.Obligations); next != "" && next != model {
		l.decision.Warnings = append(slices.Clip(l.decision.Warnings), "the policy sends "+model+" on to "+next+", which is not followed: a request is sent on once")
	}
	l.decision = first.And(l.decision)
	return nil
}

func (l *life) find(req *llm.Request) error {
	route, err := l.Routes.Find(req)
	if err != nil {
		return err
	}
	l.route, l.record.Route = route, route.Name
	return nil
}

// book decides what the request is booked under: the policy's tags beside its own. Where
// nothing is to be logged, what the caller has said about itself is not booked.
func (l *life) book(o llm.Obligations) {
	if o.Log == llm.LogNone {
		l.record.User, l.record.Session, l.record.Tags = l.req.Principal.User, "", l.req.Principal.Tags
	}
	if len(o.Tags) == 0 {
		return
	}
	tags := maps.Clone(l.record.Tags)
	if tags == nil {
		tags = make(map[string]string, len(o.Tags))
	}
	maps.Copy(tags, o.Tags)
	l.record.Tags = tags
}

// denied turns a decision into the caller's error. The first reason speaks: policies
// put the most telling one first by its order.
func denied(v llm.Decision) error {
	if len(v.Reasons) == 0 {
		return &llm.Error{Code: llm.CodeDenied, Status: 403, Retried: true,
			Message: "The admission policy denies this request and gives no reason."}
	}
	r := v.Reasons[0]
	e := &llm.Error{Code: llm.Code(r.Code), Status: r.Status, Message: r.Message, Retried: true,
		RetryAfter: time.Duration(r.RetryAfterS) * time.Second}
	if e.Status == 0 {
		e.Status = 403
	}
	for _, more := range v.Reasons[1:] {
		e.Message += " Also: " + more.Message
	}
	return e
}

// userOf is who is behind a request: the key's user, else the one that the body
// names.
func userOf(req *llm.Request) string {
	if req.Principal.User != "" {
		return req.Principal.User
	}
	return req.Facts.User
}
