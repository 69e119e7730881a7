package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// timeouts are the route's, except for those that the target has of its own.
func (a *attempt) timeouts() llm.Timeouts {
	t, own := a.route.Timeout, a.target.Timeout
	t.Total = a.total()
	t.Connect = cmp.Or(own.Connect, t.Connect)
	t.FirstByte = cmp.Or(own.FirstByte, t.FirstByte)
	t.FirstToken = cmp.Or(own.FirstToken, t.FirstToken)
	t.Idle = cmp.Or(own.Idle, t.Idle)
	t.PingIdle = cmp.Or(own.PingIdle, t.PingIdle)
	return t
}

// plainFactor is how many times longer than a stream's first token a plain reply may take,
// of which nothing comes before it is whole.
const plainFactor = 4

// firstLimit is how long to wait for the first content, and what sets that: the request's
// whole time when no other target could take over, and never more than its caller waits for.
func (a *attempt) firstLimit() (time.Duration, string) {
	t := a.timeouts()
	limit, setting := t.Total, "timeout.total"
	switch {
	case !a.replaceable:
	case a.req.Facts.Stream:
		limit, setting = t.FirstToken, "timeout.first_token"
	case plainFactor*t.FirstToken < t.Total:
		limit, setting = plainFactor*t.FirstToken, fmt.Sprintf("timeout.first_token × %d for a plain reply", plainFactor)
	}
	if own := a.req.FirstTimeout; own > 0 && own < limit {
		return own, ownHeaders
	}
	return limit, setting
}

// firstTokenError reports that the first content did not come in time.
func (a *attempt) firstTokenError() error {
	limit, setting := a.firstLimit()
	e := a.timeoutError("did not begin to answer", limit, setting)
	if setting == ownHeaders {
		e.Err = errImpatient
	}
	return e
}

// ownHeaders are a request's own headers as the setting of a limit.
const ownHeaders = "the request's own headers"

// errImpatient marks an error for a time that the caller has set and the target is not to be
// blamed for.
var errImpatient = errors.New("the caller's own time limit")

// do sends the call, with limits of their own on the connection and on the headers of the
// answer where there are such.
func (a *attempt) do(ctx context.Context) (*llm.Answer, error) {
	t := a.timeouts()
	if t.FirstByte > 0 {
		late := time.AfterFunc(t.FirstByte, func() {
			a.watch.cancel(a.timeoutError("sent no headers", t.FirstByte, "timeout.first_byte"))
		})
		defer late.Stop()
	}
	if t.Connect > 0 {
		late := time.AfterFunc(t.Connect, func() {
			a.watch.cancel(a.timeoutError("did not take a connection", t.Connect, "timeout.connect"))
		})
		defer late.Stop()
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { late.Stop() }})
	}
	return a.Upstream.Do(ctx, a.target, a.call)
}

// stallError reports that the target sent nothing for the given time.
func (a *attempt) stallError() error {
	return a.timeoutError("sent nothing", a.timeouts().Idle, "timeout.idle")
}

// pingsError reports that the target sent nothing but pings for the given time.
func (a *attempt) pingsError() error {
	return a.timeoutError("only kept the connection alive", a.timeouts().PingIdle, "timeout.ping_idle")
}

func (a *attempt) timeoutError(what string, limit time.Duration, setting string) *llm.Error {
	return &llm.Error{Code: llm.CodeUpstreamTimeout, Status: 504, Fault: llm.FaultTimeout,
		Message: fmt.Sprintf("%s %s for %s (%s).", a.target.ID, what, limit, setting)}
}
