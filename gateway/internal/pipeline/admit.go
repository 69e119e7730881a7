package pipeline

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// admit finds the route, asks the policy and applies its obligations. The policy sees the model
// that the caller asks for, and the route that the configuration chose for it: a key that may
// use the model may use what its conditions and its canary lead to. A policy that sends
// the request on to another model is asked once more, about that model: what it forbids
// there must not be reached by its own detour.
func (x *state) admit(ctx context.Context) error {
	defer x.took(&x.record.Stages.Admit, x.Now())
	if err := x.find(x.req); err != nil {
		return err
	}
	if err := x.decide(ctx, x.req); err != nil {
		return err
	}
	next := x.decision.Obligations.Destination()
	if next != "" && next != x.req.Facts.Model {
		if err := x.decideAgain(ctx, next); err != nil {
			return err
		}
	}
	x.label(x.decision.Obligations)
	return nil
}

func (x *state) find(req *llm.Request) error {
	route, steps, err := x.Routes.Find(req)
	if err != nil {
		return err
	}
	x.route, x.record.Route, x.record.Chosen = route, route.Name, steps
	return nil
}

// decide asks the policy about a request to the route that was found.
func (x *state) decide(ctx context.Context, req *llm.Request) error {
	decision, err := x.Policy.Decide(ctx, req, x.route)
	if err != nil {
		return err
	}
	x.setDecision(decision)
	if !decision.Allow {
		x.label(decision.Obligations)
		return denied(decision)
	}
	return nil
}

func (x *state) setDecision(d llm.Decision) {
	x.decision, x.logged = d, d
	x.record.Decision = &x.logged
}

// decideAgain decides on the request as if it had asked for another model. What both
// decisions demand holds; where the second one would send it on to is ignored.
func (x *state) decideAgain(ctx context.Context, model string) error {
	onward := *x.req
	onward.Facts.Model = model
	if err := x.find(&onward); err != nil {
		return err
	}
	first := x.decision
	x.record.FirstDecision = &first
	if err := x.decide(ctx, &onward); err != nil {
		return err
	}
	second := x.decision
	if next := second.Obligations.Destination(); next != "" && next != model {
		second.Warnings = append(slices.Clip(second.Warnings), "the policy sends "+model+" on to "+next+", which is ignored: a request is sent on once")
	}
	x.setDecision(first.And(second))
	return nil
}

// label sets the user, session and tags that the request is recorded under: the policy's
// tags beside its own. Where nothing is to be logged, what the caller says about itself is
// left out.
func (x *state) label(o llm.Obligations) {
	r := x.record
	if o.Log == llm.LogNone {
		r.User, r.Session, r.Tags = x.req.Principal.User, "", x.req.Principal.Tags
	}
	if len(o.Tags) == 0 {
		return
	}
	tags := maps.Clone(r.Tags)
	if tags == nil {
		tags = make(map[string]string, len(o.Tags))
	}
	maps.Copy(tags, o.Tags)
	r.Tags = tags
}

// denied turns a decision into the caller's error, which has the code and status of the
// first reason: a policy's order puts the most important one first.
func denied(d llm.Decision) error {
	if len(d.Reasons) == 0 {
		return &llm.Error{Code: llm.CodeDenied, Status: 403, Retried: true,
			Message: "The admission policy denies this request and gives no reason."}
	}
	r := d.Reasons[0]
	e := &llm.Error{Code: llm.Code(r.Code), Status: r.Status, Message: r.Message, Retried: true,
		RetryAfter: time.Duration(r.RetryAfterS) * time.Second}
	if e.Status == 0 {
		e.Status = 403
	}
	if passes := e.Status == 429 || e.Status == 503; passes && e.RetryAfter > 0 && e.RetryAfter < longestRetry {
		e.Retried = false // it is over soon, and the client may come back
	}
	for i, more := range d.Reasons[1:] {
		if left := len(d.Reasons) - 1 - i; i+1 == maxReasons && left > 0 {
			e.Message += " Also " + strconv.Itoa(left) + " more reasons."
			break
		}
		e.Message += " Also: " + more.Message
	}
	return e
}

// longestRetry is from what wait on clients are told not to retry: their SDKs do not wait as long.
const longestRetry = time.Minute

// maxReasons bounds the reasons in one message.
const maxReasons = 8

// userOf returns the key's user, else the one that the body names.
func userOf(req *llm.Request) string {
	if req.Principal.User != "" {
		return req.Principal.User
	}
	return req.Facts.User
}
