package cache

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Recording says how a reply is stored when it is complete.
type Recording struct {
	Key Key
	// TTL is how long it is stored; nothing is recorded unless it is above zero.
	TTL time.Duration
	// ToolCalls allows replies that finish with tool calls to be stored.
	ToolCalls bool
	// Stream, Namespace and Model are the request's, the rest is the target's; see Entry.
	Stream           bool
	Namespace, Model string
	Target           string
}

// Tee passes a reply through and stores it if it is complete: it has its final event,
// finished by itself, and is not too large. A purge during the reply applies to it. The
// caller closes the returned stream, which closes s.
func (c *Cache) Tee(s llm.Stream, r Recording) llm.Stream {
	if r.TTL <= 0 {
		return s
	}
	return &tee{Stream: s, cache: c, recording: r, entry: c.NewEntry(r)}
}

// NewEntry returns an entry without events. A purge between NewEntry and Put applies to it.
func (c *Cache) NewEntry(r Recording) *Entry {
	return &Entry{Stream: r.Stream, Namespace: r.Namespace, Model: r.Model, Target: r.Target, epoch: c.purges.now()}
}

// tee is a stream that records its events. entry is nil when there is nothing more to
// record.
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
	size := t.entry.Size() + int64(len(ev.Frame)+len(ev.Data)+eventBytes)
	if size > t.cache.maxItem {
		t.entry = nil
		return
	}
	t.entry.Add(ev)
	if ev.Final {
		t.store()
	}
}

// store puts a complete reply into the cache.
func (t *tee) store() {
	e := t.entry
	t.entry = nil
	e.Info = t.Info()
	if !t.finished(e.Info) {
		return
	}
	if u := e.Info.Usage; u != nil {
		usage := *u // the stream may still change its own
		e.Info.Usage = &usage
	}
	e.Stored = time.Now()
	e.trim()
	t.cache.Put(t.recording.Key, e, t.recording.TTL)
}

// finished reports whether the reply has content and ended by itself. One that was cut by
// its length limit or a filter may be better next time, and one that several targets gave is
// no reply of its target's.
func (t *tee) finished(info llm.ReplyInfo) bool {
	if !info.Content || info.Resumed {
		return false
	}
	switch info.Finish {
	case "stop":
		return !info.ToolCalls || t.recording.ToolCalls
	case "tool_calls", "function_call":
		return t.recording.ToolCalls
	}
	return false
}
