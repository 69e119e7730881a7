package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxHeldBytes bounds what is held before the first content, eventBytes what an event
// takes beside its frame: a provider that sends nothing but preamble is not answering.
const (
	maxHeldBytes = 1 << 20
	eventBytes   = 128
)

// hold reads up to and including the first event with content, so that a target
// that greets and then says nothing can still be replaced. It is bounded by bytes, and
// by the watchdog's time.
func hold(s llm.Stream) ([]llm.Event, error) {
	var held []llm.Event
	for size := 0; size < maxHeldBytes; {
		ev, err := s.Next()
		if err != nil {
			return nil, unfinished(err)
		}
		if ev.Content || ev.Final {
			return append(held, ev), nil // still valid: nothing is read before it is sent
		}
		if ev.Hidden && len(ev.Frame) == 0 {
			continue
		}
		size += len(ev.Frame) + eventBytes
		held = append(held, kept(ev))
	}
	return nil, &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultMalformed,
		Message: fmt.Sprintf("The provider sent %d bytes of a stream without content.", maxHeldBytes)}
}

// kept is an event that outlives the next one.
func kept(ev llm.Event) llm.Event {
	ev.Frame, ev.Data, ev.More = bytes.Clone(ev.Frame), bytes.Clone(ev.Data), false
	return ev
}

// unfinished gives an early end of a reply its name.
func unfinished(err error) error {
	if errors.Is(err, io.EOF) {
		return &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultMalformed,
			Message: "The provider sent an empty reply."}
	}
	return err
}

// emptyReply is a whole reply that says nothing. It came to its end by itself, and is
// what the caller gets if no other target says more.
type emptyReply struct {
	attempt *attempt
	events  []llm.Event
	info    llm.ReplyInfo
}

// refuseEmpty lets another target try when a whole reply says nothing, if there is one
// and the route allows it. A reply that was ended by its length or a filter is an answer.
func (a *attempt) refuseEmpty(s llm.Stream, held []llm.Event) error {
	t := s.Info()
	if !held[len(held)-1].Final || t.Content || cutShort(t.Finish) || !a.more || a.route.EmptyPass {
		return nil
	}
	if a.spare == nil {
		last := len(held) - 1
		a.spare = &emptyReply{attempt: a, events: append(held[:last:last], kept(held[last])), info: t}
	}
	return &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultEmpty,
		Message: fmt.Sprintf("%s answered with nothing (finish reason %q), so another target was asked (empty: fallback).", a.target.ID, t.Finish)}
}

// cutShort reports whether a finish reason says that something kept the model from
// saying more.
func cutShort(reason string) bool {
	switch reason {
	case "length", "max_tokens", "model_length", "content_filter", "safety", "refusal":
		return true
	}
	return false
}

// lastResort is the empty reply of a target, if there was one and no other target said
// more.
func (l *life) lastResort(ctx context.Context) llm.Stream {
	if l.spare == nil || ctx.Err() != nil || l.reserve(ctx, &l.spare.attempt.exchange) != nil {
		return nil
	}
	a := l.spare.attempt
	a.serve(l.spare.Info)
	return &relayed{Stream: l.spare, held: l.spare.events, attempt: a}
}

// Next implements llm.Stream: the events are all held.
func (e *emptyReply) Next() (llm.Event, error) { return llm.Event{}, io.EOF }

// Info implements llm.Stream.
func (e *emptyReply) Info() llm.ReplyInfo { return e.info }

// Close implements llm.Stream.
func (e *emptyReply) Close() error { return nil }

// relayed is a reply under way: the held events first, then the rest, watched for
// silence and standstill.
type relayed struct {
	llm.Stream
	held    []llm.Event
	attempt *attempt
}

// Next gives the next event and tells the watchdog of progress.
func (r *relayed) Next() (llm.Event, error) {
	if len(r.held) > 0 {
		ev := r.held[0]
		r.held = r.held[1:]
		ev.More = ev.More || len(r.held) > 0
		return ev, nil
	}
	r.attempt.watch.resume()
	ev, err := r.Stream.Next()
	r.attempt.watch.rest()
	if err != nil {
		err = r.attempt.redact(r.attempt.watch.explain(unfinished(err)))
		r.attempt.finish(llm.AsError(err))
		return ev, err
	}
	if ev.Progress {
		r.attempt.watch.progress()
	}
	return ev, nil
}

// Close ends the upstream call. It may be called twice.
func (r *relayed) Close() error {
	err := r.Stream.Close()
	r.attempt.watch.stop()
	return err
}
