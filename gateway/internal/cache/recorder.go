package cache

import (
	"io"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Recording says how a reply is stored when it is complete.
type Recording struct {
	// TTL is how long it is stored; nothing is stored unless it is above zero.
	TTL time.Duration
	// ToolCalls allows replies that finish with tool calls to be stored.
	ToolCalls bool
	// Groups are what the reply is purged with, besides its target. Source is the id of the
	// request, Target that of the target.
	Groups         []Group
	Source, Target string
}

// NewEntry returns an entry without events. A purge between NewEntry and Put applies to it.
func (c *Cache) NewEntry(r Recording) *Entry {
	e := &Entry{Source: r.Source, Target: r.Target, epoch: c.purges.now()}
	for _, g := range append(r.Groups[:len(r.Groups):len(r.Groups)], ByModel(r.Target)) {
		e.groups = append(e.groups, string(g))
	}
	return e
}

// recorder passes the reply of a target through. It logs the events for those who follow, and
// stores the reply if it is complete: if it has its final event, finished by itself, and is
// not too large.
type recorder struct {
	llm.Stream
	slot   *Slot
	flight *flight
	ended  bool
}

// Next implements llm.Stream.
func (r *recorder) Next() (llm.Event, error) {
	ev, err := r.Stream.Next()
	switch {
	case r.ended:
	case err == io.EOF:
		r.end(errGone)
	case err != nil:
		r.end(err)
	case ev.Hidden && len(ev.Frame) == 0 && !ev.Repeated:
	default:
		if !ev.Repeated {
			r.slot.keepText(ev)
		}
		r.flight.add(r.slot.cache, ev)
		if ev.Final {
			r.complete(ev)
		}
	}
	return ev, err
}

// complete stores a complete reply. Until that is done, the flight can be followed, so that
// no request comes between the two.
func (r *recorder) complete(last llm.Event) {
	r.ended = true
	info := r.Info()
	e := r.flight.complete(info)
	switch {
	case !r.slot.recording.finished(info):
	case r.slot.elements != nil:
		r.slot.storeElements(last, info)
	case e != nil:
		r.slot.compare(e)
		r.slot.store(e)
	}
	r.slot.cache.flights.remove(r.flight)
}

// end ends the flight with an error.
func (r *recorder) end(err error) {
	r.ended = true
	r.slot.cache.flights.remove(r.flight)
	r.flight.fail(err)
}

// store puts a complete reply into the cache.
func (s *Slot) store(e *Entry) {
	e.Stored = time.Now()
	keys := s.keys()
	s.cache.keep(keys, e, s.recording.TTL)
	s.share(e)
	s.addText(keys[0])
}

// share puts a complete reply into the store behind the cache.
func (s *Slot) share(e *Entry) {
	if r := s.cache.remote; r != nil && s.recording.TTL > 0 {
		r.Put(s.keys()[0], e.encode(), s.recording.TTL)
	}
}

// finished reports whether the reply has content and ended by itself. One that was cut by
// its length limit or a filter may be better next time, and one that several targets gave is
// no reply of its target's.
func (r *Recording) finished(info llm.ReplyInfo) bool {
	if !info.Content || info.Resumed {
		return false
	}
	switch info.Finish {
	case "stop":
		return !info.ToolCalls || r.ToolCalls
	case "tool_calls", "function_call":
		return r.ToolCalls
	}
	return false
}
