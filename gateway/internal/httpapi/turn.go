package httpapi

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/queue"
)

// everybody is the name of the place that all requests in flight take.
const everybody = ""

// The reasons for which requests are refused, besides the queue's own.
const (
	// tooMany is for callers that have as many requests as they may.
	tooMany queue.Refusal = "key_limit"
	// noMemory is for requests whose bodies there is no memory for.
	noMemory queue.Refusal = "memory"
	// targetFull is for requests that no target has a place for.
	targetFull queue.Refusal = "target_full"
)

// enter waits for the request's turn. It comes after authentication, so that nobody without
// a key fills the queue, and before the body is read, so that waiting takes no memory: the
// body stays with its client. The price is that a client who hangs up meanwhile is noticed
// only when its turn comes. leave must be called, also after an error.
func (x *exchange) enter() (err error) {
	if x.priority, err = priority(x.who.Tags[llm.PriorityTag], x.r.Header[priorityHeader]); err != nil {
		return err
	}
	total, first, err := timeouts(x.r.Header)
	if err != nil {
		return err
	}
	limits, caller := &x.api.limits, x.memoryHolder()
	if limits.RequestsPerCaller > 0 {
		// A caller's requests are all alike here: no class of them leaves room for another.
		if x.counted = x.api.callers.Try(llm.PriorityHigh, x.callersPlace()); !x.counted {
			return refusal(tooMany)
		}
	}
	began := time.Now()
	_, err = x.api.queue.Enter(x.r.Context(), queue.Entry{Priority: x.priority, Holder: caller, Wait: shorter(total, first)},
		[]queue.Place{{Name: everybody, Max: int(limits.Requests)}})
	if err != nil {
		return refusal(err)
	}
	x.entered = true
	if now := time.Now(); now.Sub(began) > time.Millisecond {
		x.admit(now, now.Sub(began))
	}
	return nil
}

// admit begins the time that the body may take, after a wait.
func (x *exchange) admit(now time.Time, waited time.Duration) {
	x.admitted, x.waited = now, waited
	if !x.bodyRead {
		x.bodyDeadline = now.Add(x.api.limits.BodyStall)
		_ = x.rc.SetReadDeadline(x.bodyDeadline)
	}
}

// leave ends what enter began, if it did.
func (x *exchange) leave() {
	if x.entered {
		x.api.queue.Leave([]queue.Place{{Name: everybody}})
	}
	if x.counted {
		x.api.callers.Leave(x.callersPlace())
	}
	x.entered, x.counted = false, false
}

// callersPlace is the place that each request of one caller takes.
func (x *exchange) callersPlace() []queue.Place {
	return []queue.Place{{Name: x.memoryHolder(), Max: x.api.limits.RequestsPerCaller}}
}

// priorityHeader is by which callers lower the class of a request, canonical form.
const priorityHeader = "X-Penstock-Priority"

// priority returns the class of a request: the key's, normal if it has none, or a lower one
// that the caller asks for. What asks for a higher one changes nothing.
func priority(tag string, header []string) (llm.Priority, error) {
	p, _ := llm.ParsePriority(tag) // a tag of older keys may have any value
	for _, value := range header {
		asked, ok := llm.ParsePriority(strings.ToLower(strings.TrimSpace(value)))
		if !ok {
			return p, badHeader(strings.ToLower(priorityHeader), "it must be high, normal or low")
		}
		p = min(p, asked)
	}
	return p, nil
}

// refusal is the error for a request that has no turn. Another error than a queue.Refusal
// comes from its context, and stays what it is.
func refusal(err error) error {
	var r queue.Refusal
	if !errors.As(err, &r) {
		return err
	}
	e := &llm.Error{Code: llm.CodeOverloaded, Status: http.StatusServiceUnavailable, RetryAfter: retryAfter(), Err: r}
	switch r {
	case tooMany, queue.Crowded:
		e.Code, e.Status = llm.CodeRateLimited, http.StatusTooManyRequests
		e.Message = "You have as many requests in flight as one caller may; try again when some of them have ended."
	case queue.Late:
		e.Message = "The gateway is serving as many requests as it may, and none of them ended while this one waited; try again in a moment."
	default:
		e.Message = "The gateway is serving as many requests as it may, and as many wait as may; try again in a moment."
	}
	return e
}

// retryAfter is when a client should retry that found no place: after one to three seconds,
// so that those who were refused together do not come back together.
func retryAfter() time.Duration {
	return time.Second + time.Duration(rand.Int64N(int64(2*time.Second)))
}

// countOverload counts an error that says that there is not enough capacity.
func (x *exchange) countOverload(e *llm.Error) {
	r := targetFull
	if x.api.operators == nil || e.Fault != llm.FaultFull && !errors.As(e, &r) {
		return
	}
	x.api.operators.CountOverload(string(r), x.priority)
}

// shorter returns the shorter of two bounds; zero is no bound.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// remaining returns what is left of a bound of the caller's after a wait; zero is no bound.
func remaining(bound, waited time.Duration) time.Duration {
	if bound == 0 {
		return 0
	}
	return max(bound-waited, time.Millisecond)
}
