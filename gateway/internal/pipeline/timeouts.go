package pipeline

import (
	"cmp"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// timeouts are the route's, except for those that the target has of its own.
func (a *attempt) timeouts() llm.Timeouts {
	t, own := a.route.Timeout, a.target.Timeout
	t.FirstToken = cmp.Or(own.FirstToken, t.FirstToken)
	t.Idle = cmp.Or(own.Idle, t.Idle)
	t.PingIdle = cmp.Or(own.PingIdle, t.PingIdle)
	return t
}

// plainFactor is how many times longer than a stream's first token a plain reply may take,
// of which nothing comes before it is whole.
const plainFactor = 4

// firstLimit is how long to wait for the first content: the request's whole time when no
// other target could take over.
func (a *attempt) firstLimit() time.Duration {
	t := a.timeouts()
	switch {
	case !a.replaceable:
		return t.Total
	case a.req.Facts.Stream:
		return t.FirstToken
	}
	return min(plainFactor*t.FirstToken, t.Total)
}

// firstTokenError reports that the first content did not come in time.
func (a *attempt) firstTokenError() error {
	setting := "timeout.first_token"
	switch {
	case !a.replaceable:
		setting = "timeout.total"
	case !a.req.Facts.Stream:
		setting += fmt.Sprintf(" × %d for a plain reply", plainFactor)
	}
	return a.timeoutError("did not begin to answer", a.firstLimit(), setting)
}

// stallError reports that the target sent nothing for the given time.
func (a *attempt) stallError() error {
	return a.timeoutError("sent nothing", a.timeouts().Idle, "timeout.idle")
}

// pingsError reports that the target sent nothing but pings for the given time.
func (a *attempt) pingsError() error {
	return a.timeoutError("only kept the connection alive", a.timeouts().PingIdle, "timeout.ping_idle")
}

func (a *attempt) timeoutError(what string, limit time.Duration, setting string) error {
	return &llm.Error{Code: llm.CodeUpstreamTimeout, Status: 504, Fault: llm.FaultTimeout,
		Message: fmt.Sprintf("%s %s for %s (%s).", a.target.ID, what, limit, setting)}
}
