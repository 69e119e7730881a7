package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxBufferedBytes bounds what is buffered before the first content: a provider that sends
// nothing but preamble is not answering. eventBytes is what an event takes beside its frame.
const (
	maxBufferedBytes = 1 << 20
	eventBytes       = 128
)

// readToContent reads up to and including the first event with content. Nothing is sent
// before that, so a target that opens a stream and then sends nothing can be replaced. It
// is bounded by bytes, and by the watchdog's time.
func readToContent(s llm.Stream) ([]llm.Event, error) {
	var buffered []llm.Event
	for size := 0; size < maxBufferedBytes; {
		ev, err := s.Next()
		if err != nil {
			return nil, unfinished(err)
		}
		if ev.Content || ev.Final {
			return append(buffered, ev), nil // still valid: nothing is read before it is sent
		}
		if ev.Hidden && len(ev.Frame) == 0 {
			continue
		}
		size += len(ev.Frame) + eventBytes
		buffered = append(buffered, cloneEvent(ev))
	}
	return nil, &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultMalformed,
		Message: fmt.Sprintf("The provider sent %d bytes of a stream without content.", maxBufferedBytes)}
}

// cloneEvent returns an event that stays valid when the next one is read.
func cloneEvent(ev llm.Event) llm.Event {
	ev.Frame, ev.Data, ev.Text, ev.More = bytes.Clone(ev.Frame), bytes.Clone(ev.Data), bytes.Clone(ev.Text), false
	return ev
}

// unfinished turns a reply's end without a final event into an error of its own.
func unfinished(err error) error {
	if errors.Is(err, io.EOF) {
		return &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultMalformed,
			Message: "The provider sent an empty reply."}
	}
	return err
}

// refuseEmpty refuses a complete reply without content, if another target could take over
// and the route allows it, and keeps its events in case none has more. A reply that was
// ended by its length or a filter is an answer, unless the route has targets for what a
// filter refuses.
func (a *attempt) refuseEmpty(info llm.ReplyInfo, buffered []llm.Event) error {
	last := len(buffered) - 1
	if !buffered[last].Final || info.Content || a.resume != nil {
		return nil
	}
	filtered := isFiltered(info.Finish) && len(a.route.FallbackOn[llm.FaultContentPolicy]) > 0
	if !filtered && (cutShort(info.Finish) || !a.replaceable || a.route.EmptyPass) {
		return nil
	}
	a.empty = append(buffered[:last:last], cloneEvent(buffered[last]))
	if filtered {
		return &llm.Error{Code: llm.CodeContentPolicy, Status: 400, Fault: llm.FaultContentPolicy,
			Message: fmt.Sprintf("%s gave no answer because of its content filter (finish reason %q).", a.target.ID, info.Finish)}
	}
	return &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultEmpty,
		Message: fmt.Sprintf("%s sent an empty reply (finish reason %q), so another target was asked (empty: fallback).", a.target.ID, info.Finish)}
}

// cutShort reports whether a finish reason means that the model was kept from going on.
func cutShort(reason string) bool {
	switch reason {
	case "length", "max_tokens", "model_length":
		return true
	}
	return isFiltered(reason)
}

// finishRefusal is the finish reason of an answer in which the model declines.
const finishRefusal = "refusal"

// isFiltered reports whether a finish reason means that a filter has kept the answer back.
func isFiltered(reason string) bool {
	switch reason {
	case "content_filter", "safety", finishRefusal:
		return true
	}
	return false
}

// reply is the reply of an attempt under way: the buffered events first, then the rest,
// under the watchdog's limits.
type reply struct {
	llm.Stream
	buffered []llm.Event
	attempt  *attempt
	// ended and counted say that the answer has given its reason for ending, and its usage then.
	ended, counted bool
}

// How long a stream may be silent that has given its reason for ending: its terminator
// follows at once or does not come, and its usage may take a little.
const (
	endedIdle   = 5 * time.Second
	countedIdle = 500 * time.Millisecond
)

// Next implements llm.Stream. An error ends the attempt.
func (r *reply) Next() (llm.Event, error) {
	ev, err := r.next()
	if err != nil || r.attempt.reserved.hold == nil {
		return ev, err
	}
	info := r.Info()
	r.attempt.reserved.hold.Seen(info.Billed(0, false).Output)
	if err := r.attempt.growHold(&ev, &info); err != nil {
		r.attempt.finish(llm.AsError(err))
		return llm.Event{}, err
	}
	return ev, nil
}

func (r *reply) next() (llm.Event, error) {
	if len(r.buffered) > 0 {
		ev := r.buffered[0]
		r.buffered = r.buffered[1:]
		ev.More = ev.More || len(r.buffered) > 0
		return ev, nil
	}
	a := r.attempt
	a.watch.resume()
	ev, err := r.Stream.Next()
	a.watch.suspend()
	if err != nil {
		err = a.redact(a.watch.explain(unfinished(err)))
		a.finish(llm.AsError(err))
		return ev, err
	}
	if ev.Progress {
		a.watch.progressed()
	}
	if !ev.Final && !r.counted && a.req.Facts.Choices <= 1 {
		r.noteEnd()
	}
	return ev, nil
}

// noteEnd shortens the silence that is allowed once the answer has given its reason for
// ending, and once more when its usage is known.
func (r *reply) noteEnd() {
	info := r.Info()
	ended := info.Finish != ""
	counted := ended && info.Usage != nil && info.Usage.Output > 0
	if ended == r.ended && counted == r.counted {
		return
	}
	r.ended, r.counted = ended, counted
	idle := endedIdle
	if counted {
		idle = countedIdle
	}
	a := r.attempt
	if idle < a.timeouts().Idle {
		a.watch.limitIdle(idle, func() error { return a.timeoutError("did not end its stream", idle, "after its last word") })
	}
}

// Close ends the upstream call. It may be called twice.
func (r *reply) Close() error {
	err := r.Stream.Close()
	r.attempt.watch.stop()
	return err
}

// endedReply is the stream of a reply that was read to its end.
type endedReply struct{ info llm.ReplyInfo }

// Next implements llm.Stream.
func (r endedReply) Next() (llm.Event, error) { return llm.Event{}, io.EOF }

// Info implements llm.Stream.
func (r endedReply) Info() llm.ReplyInfo { return r.info }

// Close implements llm.Stream.
func (r endedReply) Close() error { return nil }
