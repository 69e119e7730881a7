package cache

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Slot is one request's place in the cache: a hit, a miss to be filled, or off. Its key is
// computed once. It belongs to the goroutine that serves the request.
type Slot struct {
	cache *Cache
	state llm.CacheState
	reply *llm.StoredReply
	// recording says how the reply is stored; without a TTL, it is not.
	recording Recording
}

// defaultTTL is how long a reply is kept when only the policy asks for caching.
const defaultTTL = 5 * time.Minute

// Find looks a request up. The policy decides whether the cache is used, then the caller,
// then the route; and the policy, the caller and the route decide in this order how long
// the reply is kept.
func (c *Cache) Find(req *llm.Request, route *llm.Route, d *llm.Decision) *Slot {
	read, write := uses(req, route, d)
	if !read && !write {
		return &Slot{state: llm.CacheOff}
	}
	s := &Slot{cache: c, state: llm.CacheMiss, recording: Recording{Key: c.slotKey(req, route, d),
		Stream: req.Facts.Stream, Namespace: req.Cache.Namespace, Model: req.Facts.Model}}
	if write {
		s.recording.TTL = cmp.Or(time.Duration(d.Obligations.Cache.TTLSeconds)*time.Second, req.Cache.TTL, route.CacheTTL, defaultTTL)
	}
	if !read {
		return s
	}
	now := time.Now()
	if e, ok := c.Get(s.recording.Key); ok && (req.Cache.MaxAge <= 0 || e.Age(now) <= req.Cache.MaxAge) {
		s.state, s.reply = llm.CacheHit, &llm.StoredReply{Stream: e.Replay(), Target: e.Target, Age: e.Age(now)}
	}
	return s
}

// uses reports whether a request may be answered from the cache, and whether its reply may
// be stored.
func uses(req *llm.Request, route *llm.Route, d *llm.Decision) (read, write bool) {
	on := route.CacheTTL > 0
	switch d.Obligations.Cache.Mode {
	case "bypass":
		return false, false
	case "force":
		on = true
	}
	return on && !req.Cache.NoCache, on && !req.Cache.NoStore
}

// State returns whether the slot is a hit, a miss or off.
func (s *Slot) State() llm.CacheState { return s.state }

// Reply returns the stored reply; nil unless the slot is a hit.
func (s *Slot) Reply() *llm.StoredReply { return s.reply }

// Fill passes the reply of a target through, and stores it once it is complete if it may
// be stored. Closing the returned stream closes reply.
func (s *Slot) Fill(reply llm.Stream, t *llm.Target) llm.Stream {
	if s.recording.TTL <= 0 {
		return reply
	}
	s.recording.Target = t.ID
	return s.cache.Tee(reply, s.recording)
}

// slotKey separates replies by tenant, namespace, route, targets and what is demanded of them
// before it looks at the request itself.
func (c *Cache) slotKey(req *llm.Request, route *llm.Route, d *llm.Decision) Key {
	o := &d.Obligations
	targets := make([]byte, 0, 256)
	for _, t := range route.All() {
		targets = append(append(targets, t.ID...), 0)
	}
	for _, list := range [][]string{o.AllowTargets, o.DenyTargets, req.Demands.Classes, req.Demands.Regions, o.DataClasses, o.Regions} {
		targets = append(append(targets, strings.Join(list, "\x00")...), 1)
	}
	targets = strconv.AppendInt(targets, o.MaxOutputTokens, 10)
	parts := [][]byte{[]byte(tenant(req, route, d)), []byte(req.Cache.Namespace), []byte(route.Name), targets,
		[]byte(route.Revision), []byte(req.Endpoint), []byte(req.Dialect), []byte(req.Query),
		[]byte(req.Facts.Model)} // the body need not name it
	for _, name := range slices.Sorted(maps.Keys(req.Header)) { // the provider answers by them
		parts = append(parts, []byte(name), []byte(strings.Join(req.Header[name], "\x00")))
	}
	if len(route.Transforms) == 0 {
		return c.RequestKey(req.Body, req.Facts, parts...)
	}
	return c.WholeRequestKey(req.Body, req.Facts, append(parts, transformInputs(req)...)...)
}

// transformInputs returns what a route's transforms read besides the body, so that the
// answer may depend on it: callers share a reply only if these are equal. The request's id
// is left out, since no two requests have the same.
func transformInputs(req *llm.Request) [][]byte {
	who := &req.Principal
	inputs := [][]byte{[]byte(who.KeyID), []byte(who.Team), []byte(who.User), []byte(req.Facts.Model)}
	for _, name := range slices.Sorted(maps.Keys(req.Tags)) {
		inputs = append(inputs, []byte(name), []byte(req.Tags[name]))
	}
	return inputs
}

// tenant names who may share replies: by default a team, else the holder of a key, else
// all anonymous callers.
func tenant(req *llm.Request, route *llm.Route, d *llm.Decision) string {
	switch {
	case d.Obligations.Cache.Scope != "":
		return "policy:" + d.Obligations.Cache.Scope
	case route.CacheShared:
		return "shared"
	case req.Principal.Team != "":
		return "team:" + req.Principal.Team
	case req.Principal.KeyID != "":
		return "key:" + req.Principal.KeyID
	}
	return "anonymous"
}
