package pipeline

import (
	"context"
	"maps"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// admit finds the route, asks the policy and takes on its obligations.
func (l *life) admit(ctx context.Context) error {
	if err := l.find(l.req.Facts.Model); err != nil {
		return err
	}
	verdict, err := l.Policy.Decide(ctx, l.req, l.route)
	if err != nil {
		return err
	}
	l.verdict = verdict
	l.record.Verdict = &l.verdict
	if !verdict.Allow {
		return denied(verdict)
	}
	return l.oblige(verdict.Obligations)
}

func (l *life) find(model string) error {
	route, err := l.Routes.Find(model)
	if err != nil {
		return err
	}
	l.route, l.record.Route = route, route.Name
	return nil
}

// oblige takes on the duties that change where a request goes and how it is
// booked. The others are read where they matter.
func (l *life) oblige(o llm.Obligations) error {
	if len(o.Tags) > 0 {
		tags := maps.Clone(l.req.Tags)
		if tags == nil {
			tags = make(map[string]string, len(o.Tags))
		}
		maps.Copy(tags, o.Tags)
		l.record.Tags = tags
	}
	switch {
	case o.Route != "":
		return l.find(o.Route)
	case o.Model != "":
		return l.find(o.Model)
	}
	return nil
}

// denied turns a verdict into the caller's error. The first reason speaks: policies
// put the most telling one first by its order.
func denied(v llm.Verdict) error {
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
