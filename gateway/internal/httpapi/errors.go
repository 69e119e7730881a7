package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
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
	x.log(e)
	switch {
	case e.Status == statusClientGone && !x.reply.sent && x.r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // there is nobody to answer
	case !x.reply.sent:
		x.refuse(e)
	case x.reply.head.Stream && e.Status != statusClientGone:
		_, _ = x.w.Write(append(x.reply.buffered(), x.breaking(e)...))
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
	case e.Code == llm.CodeUnavailable: // it meets every request, and whoever knows why says so once
	case e.HTTPStatus() >= 500 && e.Fault == llm.FaultNone:
		log = x.api.log.Error
	case e.HTTPStatus() >= 500:
		log = x.api.log.Warn
	}
	log("request ended in an error", "request", x.id, "method", x.r.Method, "path", truncate(x.r.URL.Path), "status", e.HTTPStatus(), "error", e)
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
		h["Www-Authenticate"] = []string{"Bearer"}
	}
	for name, values := range x.reply.head.Header {
		if _, ours := h[name]; !ours && name != "Content-Type" && name != "Content-Length" {
			h[name] = values
		}
	}
	body := renderError(x.dialect, e)
	if x.endpoint != nil {
		body = errorObject(x.dialect, e) // a provider's own has another form than the caller's
	}
	r := x.refusal(replyStatus(e), body)
	for name, values := range r.Header {
		h[name] = values
	}
	x.send(r.Status, cmp.Or(r.Header.Get("Content-Type"), "application/json"), r.Body)
}

// replyStatus keeps odd statuses of providers from confusing clients: they know
// what 503 means, but not 529.
func replyStatus(e *llm.Error) int {
	switch s := e.HTTPStatus(); {
	case s == 529:
		return http.StatusServiceUnavailable
	case s < 400 || s > 599:
		return http.StatusInternalServerError
	default:
		return s
	}
}

// renderError is an error reply's body in the client's dialect. A provider's own
// error, which is in that dialect already, passes unchanged.
func renderError(d llm.Dialect, e *llm.Error) []byte {
	if len(e.Body) > 0 {
		return e.Body
	}
	return append(errorObject(d, e), '\n')
}

// streamError is the frame that ends a stream which broke. It is no terminator: a
// client must not take what it has for the whole.
func streamError(d llm.Dialect, e *llm.Error) []byte {
	return append(append([]byte("data: "), errorObject(d, e)...), "\n\n"...)
}

// errorObject is the JSON of an error in one dialect.
func errorObject(d llm.Dialect, e *llm.Error) []byte {
	switch d {
	case llm.OpenAI:
		return openAIError(e)
	}
	return openAIError(e) // the canonical form, for dialects without one of their own
}

// openAIError has all four members that OpenAI's API description requires.
func openAIError(e *llm.Error) []byte {
	type fault struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	f := fault{Message: e.Message, Type: errorType(e)}
	if e.Param != "" {
		f.Param = &e.Param
	}
	if code := string(e.Code); code != "" {
		f.Code = &code
	}
	// Strings always encode, so there is no error to pass on.
	body, _ := json.Marshal(map[string]fault{"error": f})
	return body
}

// errorType is OpenAI's word for the class of a status.
func errorType(e *llm.Error) string {
	if e.Type != "" {
		return e.Type
	}
	switch s := replyStatus(e); {
	case e.Code == llm.CodeBudget:
		return "insufficient_quota"
	case s == http.StatusUnauthorized:
		return "authentication_error"
	case s == http.StatusForbidden:
		return "permission_error"
	case s == http.StatusNotFound:
		return "not_found_error"
	case s == http.StatusTooManyRequests:
		return "rate_limit_error"
	case s < 500:
		return "invalid_request_error"
	}
	return "server_error"
}
