package cache

import (
	"bytes"
	"io"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Entry is a complete reply as it was sent, event by event. NewEntry makes one; it
// does not change once it is in a cache.
type Entry struct {
	// Stream says whether the client asked for a stream.
	Stream bool
	// Namespace is the client's, for PurgeNamespace. It must be part of the key too.
	Namespace string
	// Model is what the client asked for, for PurgeModel.
	Model string
	// Target is who answered.
	Target string
	// Info is the whole reply's.
	Info llm.ReplyInfo
	// Stored is when the reply was complete.
	Stored time.Time

	key  Key
	mark uint64
	// buf holds all frames one after the other, and data that is no part of its frame.
	buf    []byte
	events []piece
}

// piece is one event: where frame and data stand in buf, and its flags.
type piece struct {
	frame, frameEnd, data, dataEnd int32
	final, content, hidden         bool
}

// The weight of an entry beyond its frames, in bytes.
const (
	entryBytes = 400
	pieceBytes = 20
)

// Age is how long ago the reply was complete.
func (e *Entry) Age(now time.Time) time.Duration { return max(now.Sub(e.Stored), 0) }

// Size is what the entry takes, in bytes.
func (e *Entry) Size() int64 {
	return int64(entryBytes + len(e.buf) + len(e.events)*pieceBytes + len(e.Namespace) + len(e.Model) + len(e.Target))
}

// Add copies an event to the end.
func (e *Entry) Add(ev llm.Event) {
	p := piece{frame: int32(len(e.buf)), final: ev.Final, content: ev.Content, hidden: ev.Hidden}
	e.buf = append(e.buf, ev.Frame...)
	p.frameEnd = int32(len(e.buf))
	p.data = p.frame
	if at := bytes.Index(ev.Frame, ev.Data); at >= 0 {
		p.data += int32(at)
	} else {
		p.data = p.frameEnd
		e.buf = append(e.buf, ev.Data...)
	}
	p.dataEnd = p.data + int32(len(ev.Data))
	e.events = append(e.events, p)
}

// trim gives back what growing the buffers left over.
func (e *Entry) trim() {
	e.buf = append(make([]byte, 0, len(e.buf)), e.buf...)
	e.events = append(make([]piece, 0, len(e.events)), e.events...)
}

// Replay is a stream of the recorded events. Replays are independent of each other.
func (e *Entry) Replay() llm.Stream { return &replay{entry: e} }

type replay struct {
	entry *Entry
	next  int
}

// Next implements llm.Stream.
func (r *replay) Next() (llm.Event, error) {
	if r.next >= len(r.entry.events) {
		return llm.Event{}, io.EOF
	}
	p, b := r.entry.events[r.next], r.entry.buf
	r.next++
	// Capacities end with the slices, so that appending copies instead of writing on.
	ev := llm.Event{Frame: b[p.frame:p.frameEnd:p.frameEnd], Final: p.final, Content: p.content, Hidden: p.hidden,
		More: r.next < len(r.entry.events)}
	if p.data < p.dataEnd {
		ev.Data = b[p.data:p.dataEnd:p.dataEnd]
	}
	return ev, nil
}

// Info implements llm.Stream: nothing but the model until all events were read.
func (r *replay) Info() llm.ReplyInfo {
	if r.next < len(r.entry.events) {
		return llm.ReplyInfo{Model: r.entry.Info.Model}
	}
	return r.entry.Info
}

// Close implements llm.Stream.
func (r *replay) Close() error {
	r.next = len(r.entry.events)
	return nil
}
