package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// life is one request on its way: what has been decided so far, and the record of
// it. It belongs to the goroutine that serves the request.
type life struct {
	*Pipeline
	req      *llm.Request
	record   *llm.Record
	route    *llm.Route
	decision llm.Decision

	// hold is the open reservation; nil when there is none.
	hold Hold
	// target is where the answer comes from; nil until one is chosen.
	target *llm.Target
	// answered is the last provider's answer, for its headers.
	answered *llm.Answer
	// serving is the attempt whose reply is being relayed.
	serving *attempt
	// spare is a whole reply that says nothing, for when nobody says more.
	spare *emptyReply
	// waiting keeps the caller of a stream company; nil when nobody does.
	waiting *keepAlive
	// paused is the time spent between tries.
	paused llm.Millis
	// info reads what the reply says about itself; nil before there is a reply.
	info func() llm.ReplyInfo
	// early is what the last attempt that brought no content had said of itself.
	early llm.ReplyInfo
	// age is how old the answer is, when it comes from the cache.
	age     time.Duration
	settled bool
	// replyText is what the caller got, for the record; at most llm.MaxText and a byte.
	replyText []byte
}

func (p *Pipeline) begin(req *llm.Request) *life {
	l := &life{Pipeline: p, req: req, record: &llm.Record{
		ID: req.ID, Time: req.Received, Endpoint: req.Endpoint, Stream: req.Facts.Stream,
		Model: req.Facts.Model, KeyID: req.Principal.KeyID, KeyName: req.Principal.Name,
		Team: req.Principal.Team, User: userOf(req), Session: req.Session, Tags: req.Tags, Cache: llm.CacheOff, Status: 200,
	}}
	if req.Dialect != llm.OpenAI {
		l.record.Dialect = req.Dialect
	}
	return l
}

// since is the time from the request's arrival.
func (l *life) since() llm.Millis { return llm.Millis(l.Now().Sub(l.req.Received)) }

// tooLong is what a request dies of when its total time is over.
func (l *life) tooLong() error {
	return &llm.Error{Code: llm.CodeUpstreamTimeout, Status: 504, Fault: llm.FaultTimeout, Retried: true,
		Message: "The answer was not complete within " + l.route.Timeout.Total.String() +
			", the total time that route " + l.route.Name + " allows (timeout.total)."}
}

// fail notes an error in the record.
func (l *life) fail(err error) {
	if err == nil {
		return
	}
	e := llm.AsError(err)
	l.record.Status, l.record.Code, l.record.Error = e.HTTPStatus(), e.Code, e.Message
}

// end settles a request that did not get as far as settling itself. It must be
// deferred directly, so that it sees a panic.
func (l *life) end(ctx context.Context, err *error) {
	if r := recover(); r != nil {
		l.fail(&llm.Error{Code: llm.CodeInternal})
		l.settle(ctx)
		panic(r)
	}
	if *err != nil {
		l.fail(l.abandoned(ctx, *err))
	}
	l.settle(ctx)
}

// statusClientClosed is what is booked, never sent, when the caller hung up; nginx
// made the number common.
const statusClientClosed = 499

// abandoned tells a caller who hung up from a fault of ours.
func (l *life) abandoned(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), context.Canceled) {
		return err
	}
	return &llm.Error{Code: "client_closed_request", Status: statusClientClosed, Fault: llm.FaultCanceled,
		Message: "The caller closed the connection before the answer was complete.", Err: err}
}

// remaining is the time left until the deadline of ctx.
func remaining(ctx context.Context, now time.Time) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 1<<63 - 1
	}
	return deadline.Sub(now)
}
