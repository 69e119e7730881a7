package llm

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Code names an error that a caller can act on. It is the "code" of an OpenAI error.
type Code string

// The gateway's own codes. Errors that come from a provider keep the provider's.
const (
	CodeInvalidRequest  Code = "invalid_request"
	CodeInvalidJSON     Code = "invalid_json"
	CodeTooLarge        Code = "request_too_large"
	CodeUnauthenticated Code = "invalid_api_key"
	CodeForbidden       Code = "forbidden"
	CodeModelNotFound   Code = "model_not_found"
	CodeNotFound        Code = "not_found"
	CodeDenied          Code = "policy_denied"
	CodePolicyFault     Code = "policy_error"
	CodeBudget          Code = "budget_exceeded"
	CodeRateLimited     Code = "rate_limit_exceeded"
	CodeLimitTooSmall   Code = "limit_too_small"
	CodeContextLength   Code = "context_length_exceeded"
	CodeContentPolicy   Code = "content_policy_violation"
	CodeUnsupported     Code = "unsupported_parameter"
	CodeRejected        Code = "rejected_by_plugin"
	CodeNoTarget        Code = "no_target_available"
	CodeUpstream        Code = "upstream_error"
	CodeUpstreamTimeout Code = "upstream_timeout"
	CodeStreamCut       Code = "stream_interrupted"
	CodeUnavailable     Code = "unavailable"
	CodeOverloaded      Code = "overloaded"
	CodeInternal        Code = "internal_error"
)

// Error is an error that the caller gets, or the reason for which an attempt failed.
type Error struct {
	Code Code
	// Status is the HTTP status; 0 means 500.
	Status int
	// Type is OpenAI's error type; empty means "derive it from Status".
	Type string
	// Message is for the caller: it names no internals and no secrets, and says what to do.
	// Err is for the log.
	Message string
	// Param names the member of the request at fault, such as "messages[2].role".
	Param string
	// RetryAfter is after what time a retry may succeed; 0 means unknown.
	RetryAfter time.Duration
	// Retried says that the gateway has retried already, or that a retry is of no use: the
	// client gets a header that tells it not to.
	Retried bool
	// Exceeded is the limit that refuses the request; nil when none does.
	Exceeded *Exceeded
	// Header has further headers of the reply. Those that the error itself sets win.
	Header http.Header
	// Body, when set, is the provider's own error, to be passed on byte for byte to a
	// client who speaks Dialect; empty means the canonical one.
	Body    []byte
	Dialect Dialect
	// Fault is why an attempt failed, for errors that come from an attempt.
	Fault Fault
	// Credential says that a FaultAuth or FaultQuota concerns the provider's key or account
	// itself, as its status, type or code has it.
	Credential bool
	Err        error
}

// Error implements error, for logs: it includes the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus returns the status to answer with.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusInternalServerError
	}
	return e.Status
}

// AsError returns the Error in err's chain, or wraps err as an internal one whose message
// reveals nothing of it.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Status: http.StatusInternalServerError,
		Message: "The gateway hit an internal error; its log has the details under this request id.", Err: err}
}

// Fault is the class of an attempt's outcome. It decides what happens next.
type Fault string

// The faults, with what the pipeline does about each.
const (
	FaultNone          Fault = ""
	FaultRateLimited   Fault = "rate_limited"   // wait as long as asked, retry, fall back
	FaultQuota         Fault = "quota"          // no retry, long cooldown, fall back
	FaultAuth          Fault = "auth"           // no retry, long cooldown, fall back
	FaultServer        Fault = "server"         // retry, fall back
	FaultNetwork       Fault = "network"        // retry, fall back
	FaultTimeout       Fault = "timeout"        // no retry on the silent target, fall back
	FaultMalformed     Fault = "malformed"      // not a reply, HTML, empty: retry, fall back
	FaultCut           Fault = "cut"            // the reply ended before its end
	FaultTooLarge      Fault = "too_large"      // a reply beyond the gateway's bound: no retry, fall back
	FaultEmpty         Fault = "empty"          // a complete reply without content: no retry, fall back
	FaultInadequate    Fault = "inadequate"     // a complete reply that fails a check: no retry, fall back; the target is healthy
	FaultContextLength Fault = "context_length" // no retry; fall back to a larger context
	FaultContentPolicy Fault = "content_policy" // no retry, no fallback
	FaultNotFound      Fault = "not_found"      // the target does not exist there: fall back
	FaultBadRequest    Fault = "bad_request"    // the caller's own fault: return the error
	FaultUnsupported   Fault = "unsupported"    // the target's format can't express all of it: fall back
	FaultRefused       Fault = "refused"        // the target does not take this request: fall back; the target is healthy
	FaultTransform     Fault = "transform"      // a module failed: fall back
	FaultDiverged      Fault = "diverged"       // a reply that was to go on with another's says something else
	FaultCooling       Fault = "resting"        // it is cooling down and was not asked: fall back
	FaultFull          Fault = "full"           // it takes no more requests now and was not asked: fall back, or wait
	FaultBudget        Fault = "budget"         // a limit has no room for it: a cheaper target may fit
	FaultHeld          Fault = "held"           // requests in flight hold what it needs: wait a little
	FaultOverrun       Fault = "overrun"        // a reply takes more than a limit has room for: it ends; the target is healthy
	FaultCanceled      Fault = "canceled"       // the caller hung up: stop
)

// Retryable reports whether the same target may be tried again.
func (f Fault) Retryable() bool {
	switch f {
	case FaultRateLimited, FaultServer, FaultNetwork, FaultMalformed, FaultCut:
		return true
	}
	return false
}

// OfCredential reports whether the same target may answer with another credential.
func (f Fault) OfCredential() bool {
	switch f {
	case FaultRateLimited, FaultQuota, FaultAuth:
		return true
	}
	return false
}

// Replaceable reports whether another target may do better.
func (f Fault) Replaceable() bool {
	switch f {
	case FaultNone, FaultContentPolicy, FaultBadRequest, FaultOverrun, FaultCanceled:
		return false
	}
	return true
}
