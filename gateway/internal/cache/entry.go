package cache

import (
	"bytes"
	"io"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Entry is a complete reply as it was sent, event by event. NewEntry returns one; it does
// not change after Put.
type Entry struct {
	// Target is the target that answered.
	Target string
	// Source is the id of the request that the reply was given to.
	Source string
	// Info is the complete reply's.
	Info llm.ReplyInfo
	// Stored is when the reply was complete.
	Stored time.Time

	// groups are what the entry is purged with.
	groups []string
	// dialect is that of the events that are not canonical; empty when all are.
	dialect llm.Dialect
	// asked is how the client asked for the reply.
	asked asking
	// text is the reply's text, for replies that may be compared with another one.
	text string
	// epoch is the number of purges when the recording began.
	epoch uint64
	// buf holds all frames one after the other, and data that is not part of its frame.
	buf    []byte
	events []event
}

// event is one recorded event: the spans of its frame and data in buf, and its flags.
type event struct {
	frame, frameEnd, data, dataEnd int32
	final, content, hidden, native bool
	repeated                       bool
}

// The size of an entry beyond its frames, in bytes.
const (
	// entryBytes is what was measured of an entry with its places in the store.
	entryBytes = 720
	eventBytes = 24
	// stringBytes is a text's size beyond its bytes.
	stringBytes = 16
)

// Age returns how long ago the reply was complete.
func (e *Entry) Age(now time.Time) time.Duration { return max(now.Sub(e.Stored), 0) }

// Size returns about how many bytes the entry takes.
func (e *Entry) Size() int64 {
	size := int64(entryBytes + len(e.buf) + len(e.events)*eventBytes + len(e.Target) + len(e.Source) + len(e.text))
	for _, g := range e.groups {
		size += int64(len(g) + stringBytes)
	}
	return size
}

// Add appends a copy of an event.
func (e *Entry) Add(ev llm.Event) {
	p := event{frame: int32(len(e.buf)), final: ev.Final, content: ev.Content, hidden: ev.Hidden, native: ev.Dialect != "", repeated: ev.Repeated}
	if p.native {
		e.dialect = ev.Dialect // there are none but the client's and the canonical one
	}
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

// trim releases the unused capacity of the buffers.
func (e *Entry) trim() {
	e.buf = append(make([]byte, 0, len(e.buf)), e.buf...)
	e.events = append(make([]event, 0, len(e.events)), e.events...)
}

// Replay returns a stream of the recorded events. Replays are independent of each other.
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
	r.next++
	ev := r.entry.at(r.next - 1)
	ev.More = r.next < len(r.entry.events)
	return ev, nil
}

// at returns a recorded event. It stays valid.
func (e *Entry) at(i int) llm.Event {
	p, b := e.events[i], e.buf
	// The capacities end with the slices, so that an append copies and does not overwrite buf.
	ev := llm.Event{Frame: b[p.frame:p.frameEnd:p.frameEnd], Final: p.final, Content: p.content, Hidden: p.hidden, Repeated: p.repeated}
	if p.native {
		ev.Dialect = e.dialect
	}
	if p.data < p.dataEnd {
		ev.Data = b[p.data:p.dataEnd:p.dataEnd]
	}
	return ev
}

// Info implements llm.Stream. It has only the model until all events have been read.
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
