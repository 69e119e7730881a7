package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// state is what is known of one request while it is served. It belongs to the goroutine
// that serves the request, which alone writes the record: attempts share nothing but terms
// with it.
type state struct {
	terms
	record *llm.Record
	// logged is the record's decision: the policy's, and what limits warn of.
	logged llm.Decision
	// hit is the reply that it shares with another request; nil without one.
	hit      *hit
	attempts attempts
	// keepalive writes to the caller of a stream while it waits; nil when nothing does.
	keepalive *keepAlive
	// replyText is what the caller got, for the record; at most llm.MaxText and a byte.
	replyText []byte
	concluded bool
	// begun says that the reply has begun, so that it goes on without its caller.
	begun atomic.Bool
}

// terms are the stages and what was decided about a request before its first attempt. They
// do not change while attempts are made, so attempts may read them at the same time.
type terms struct {
	*Pipeline
	req      *llm.Request
	route    *llm.Route
	decision llm.Decision
	// slot is the request's place in the cache; nil before it was looked up.
	slot Slot
	// media is what was fetched for the request.
	media *llm.Media
	// affinity is what the requests of one conversation share; empty until targets are ranked.
	affinity string
	// allCooling says that all targets cool down, and that one of them is asked all the same.
	allCooling bool
}

func (p *Pipeline) begin(req *llm.Request) *state {
	x := &state{terms: terms{Pipeline: p, req: req, media: &llm.Media{}}, record: &llm.Record{
		ID: req.ID, Time: req.Received, Endpoint: req.Endpoint, Stream: req.Facts.Stream,
		Model: req.Facts.Model, KeyID: req.Principal.KeyID, KeyName: req.Principal.Name,
		Team: req.Principal.Team, User: userOf(req), Session: req.Session, Tags: req.Tags, Cache: llm.CacheOff, Status: 200,
		Priority: req.Priority, Trace: req.Trace,
	}}
	if req.Dialect != llm.OpenAI {
		x.record.Dialect = req.Dialect
	}
	return x
}

// since is the time from the request's arrival.
func (t *terms) since() llm.Millis { return llm.Millis(t.Now().Sub(t.req.Received)) }

// took notes how long a step took.
func (x *state) took(stage *llm.Stage, began time.Time) {
	*stage = llm.Stage{Start: llm.Millis(began.Sub(x.req.Received)), Duration: llm.Millis(x.Now().Sub(began))}
}

// total is how long the request may take: what its caller asks for, if that is less than what
// the route allows.
func (t *terms) total() time.Duration {
	total := t.route.Timeout.Total
	if own := t.req.Timeout; own > 0 && own < total {
		return own
	}
	return total
}

// deadline ends the request after its total timeout.
func (x *state) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if x.route.Drain && x.req.Facts.Stream {
		ctx = x.outlive(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, x.total(), lateRequest{&x.terms})
	x.req.Deadline, _ = ctx.Deadline()
	return ctx, cancel
}

// lateRequest is the cause of a context that ends at a request's total timeout. Few requests take so
// long, so the error is made when somebody asks for it.
type lateRequest struct{ of *terms }

func (l lateRequest) Error() string { return l.Unwrap().Error() }

func (l lateRequest) Unwrap() error { return l.of.totalTimeout() }

// totalTimeout is the error for a request that exceeded timeout.total.
func (t *terms) totalTimeout() error {
	e := &llm.Error{Code: llm.CodeUpstreamTimeout, Status: 504, Fault: llm.FaultTimeout, Retried: true,
		Message: "The answer was not complete within " + t.total().String() +
			", the total time that route " + t.route.Name + " allows (timeout.total)."}
	if t.total() != t.route.Timeout.Total {
		e.Message = "The answer was not complete within " + t.total().String() + ", the time that the request's own headers allow."
		e.Err = errImpatient
	}
	return e
}

// fail notes an error in the record, unless the record was written already.
func (x *state) fail(err error) {
	if err == nil || x.concluded {
		return
	}
	e := llm.AsError(err)
	x.record.Status, x.record.Code, x.record.Error = e.HTTPStatus(), e.Code, x.errorText(e)
	x.record.Exceeded = e.Exceeded
}

// statusClientClosed is recorded, never sent, when the caller hung up; nginx made the
// number common.
const statusClientClosed = 499

// callerGone replaces an error that comes from the caller's hanging up.
func callerGone(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), context.Canceled) {
		return err
	}
	return &llm.Error{Code: "client_closed_request", Status: statusClientClosed, Fault: llm.FaultCanceled,
		Message: "The caller closed the connection before the answer was complete.", Err: err}
}
