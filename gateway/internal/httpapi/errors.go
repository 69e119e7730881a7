package httpapi

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// statusClientGone is logged for clients that hung up; nobody receives it.
const statusClientGone = 499

// fail ends the exchange with an error: an error reply if nothing was sent yet, an
// in-band event on a stream, a broken connection on a plain reply.
func (x *exchange) fail(err error) {
	e := x.api.clientError(x.r.Context(), err)
	x.code = e.Code
	x.log(e)
	x.countOverload(e)
	switch {
	case e.Status == statusClientGone && !x.reply.sent && x.r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // there is nobody to answer
	case !x.reply.sent:
		x.refuse(e)
	case x.reply.head.Stream && e.Status != statusClientGone:
		_, _ = x.w.Write(append(x.reply.buffered(), x.format.Break(x.r.Context(), e)...))
		_ = x.rc.Flush()
	default:
		panic(http.ErrAbortHandler) // a cut reply must not look whole
	}
}

// clientError returns the error to send. A request whose context ended was given up either
// by its client or by whoever stops the server, who says so in the context's cause.
func (a *API) clientError(ctx context.Context, err error) *llm.Error {
	e := llm.AsError(err)
	if ctx.Err() == nil || e.Code != llm.CodeInternal && e.Fault != llm.FaultCanceled {
		return e
	}
	var cause *llm.Error
	if errors.As(context.Cause(ctx), &cause) {
		return cause
	}
	return &llm.Error{Code: "client_closed_request", Status: statusClientGone, Message: "The client hung up.", Err: err}
}

func (x *exchange) log(e *llm.Error) {
	log := x.api.log.Debug
	switch {
	case e.Code == llm.CodeUnavailable || e.Code == llm.CodeOverloaded: // it meets every request, and whoever knows why says so once
	case e.HTTPStatus() >= 500 && e.Fault == llm.FaultNone:
		log = x.api.log.Error
	case e.HTTPStatus() >= 500:
		log = x.api.log.Warn
	}
	log("request ended in an error", "request", x.id, "method", x.r.Method, "path", truncate(x.r.URL.Path), "status", e.HTTPStatus(), "error", x.loggedError(e))
}

// loggedError returns what the log says of an error. What a provider says may quote the request:
// it is masked, and left out where the policy wants nothing recorded.
func (x *exchange) loggedError(e *llm.Error) string {
	if e.Fault == llm.FaultNone {
		return e.Error()
	}
	if r := x.record.Load(); r != nil && r.Decision != nil && r.Decision.Obligations.Log == llm.LogNone {
		return string(e.Code) + ": " + string(e.Fault)
	}
	return llm.RedactError(e.Error())
}

// challenge says what the caller should authenticate with, as RFC 6750 has it: with an error
// only where a key or token was sent that is no good, which is of no use to send again.
func challenge(e *llm.Error) string {
	if e.Retried {
		return `Bearer error="invalid_token"`
	}
	return "Bearer"
}

// refuse writes an error reply.
func (x *exchange) refuse(e *llm.Error) {
	h := x.w.Header()
	if e.RetryAfter > 0 {
		h["Retry-After"] = []string{strconv.FormatInt(int64(math.Ceil(e.RetryAfter.Seconds())), 10)}
		h["Retry-After-Ms"] = []string{strconv.FormatInt(e.RetryAfter.Milliseconds(), 10)}
	}
	if e.Retried {
		h["X-Should-Retry"] = []string{"false"}
	}
	if e.HTTPStatus() == http.StatusUnauthorized {
		h["Www-Authenticate"] = []string{challenge(e)}
	}
	for _, more := range [...]http.Header{e.Header, x.reply.head.Header} {
		for name, values := range more {
			if _, ours := h[name]; !ours && name != "Content-Type" && name != "Content-Length" {
				h[name] = values
			}
		}
	}
	r := x.format.Error(x.r.Context(), e)
	for name, values := range r.Header {
		h[name] = values
	}
	x.send(r.Status, cmp.Or(r.Header.Get("Content-Type"), "application/json"), r.Body)
}
