package cache

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Recording says how a reply is kept once it is complete.
type Recording struct {
	Key Key
	// TTL is how long it is kept; nothing is recorded unless it is above zero.
	TTL time.Duration
	// ToolCalls allows replies that finish in tool calls to be kept.
	ToolCalls bool
	// Stream, Namespace and Model are the request's, the rest is the target's; see Entry.
	Stream           bool
	Namespace, Model string
	Target           string
}

// Tee passes a reply through and keeps it if it turns out complete: its final event
// was seen, it finished by itself, and it is not too large. A purge that comes while
// the reply is under way applies to it. The caller closes the returned stream, which
// closes s.
func (c *Cache) Tee(s llm.Stream, r Recording) llm.Stream {
	if r.TTL <= 0 {
		return s
	}
	return &tee{Stream: s, cache: c, recording: r, entry: c.NewEntry(r)}
}

// NewEntry is an entry without events. It will be dead on arrival if a purge comes
// before it is put.
func (c *Cache) NewEntry(r Recording) *Entry {
	return &Entry{Stream: r.Stream, Namespace: r.Namespace, Model: r.Model, Target: r.Target, mark: c.purges.now()}
}

// tee is a stream that is listened to. entry becomes nil once there is nothing to
// record any more.
type tee struct {
	llm.Stream
	cache     *Cache
	recording Recording
	entry     *Entry
}

// Next implements llm.Stream.
func (t *tee) Next() (llm.Event, error) {
	ev, err := t.Stream.Next()
	switch {
	case t.entry == nil:
	case err != nil:
		t.entry = nil
	default:
		t.record(ev)
	}
	return ev, err
}

func (t *tee) record(ev llm.Event) {
	if ev.Hidden && len(ev.Frame) == 0 {
		return
	}
	size := t.entry.Size() + int64(len(ev.Frame)+len(ev.Data)+pieceBytes)
	if size > t.cache.maxItem {
		t.entry = nil
		return
	}
	t.entry.Add(ev)
	if ev.Final {
		t.keep()
	}
}

// keep stores a complete reply.
func (t *tee) keep() {
	e := t.entry
	t.entry = nil
	e.Info = t.Info()
	if !t.finished(e.Info) {
		return
	}
	if u := e.Info.Usage; u != nil {
		usage := *u // the stream may go on counting into its own
		e.Info.Usage = &usage
	}
	e.Stored = time.Now()
	e.trim()
	t.cache.Put(t.recording.Key, e, t.recording.TTL)
}

// finished reports whether the reply says something and ended by itself. One that ran into its length
// limit or a filter might do better next time.
func (t *tee) finished(y llm.ReplyInfo) bool {
	if !y.Content {
		return false
	}
	switch y.Finish {
	case "stop":
		return !y.ToolCalls || t.recording.ToolCalls
	case "tool_calls", "function_call":
		return t.recording.ToolCalls
	}
	return false
}
