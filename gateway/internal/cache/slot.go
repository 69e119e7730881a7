package cache

import (
	"cmp"
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Slot is one request's place in the cache: a hit, a miss to be filled, a follower of another
// request that is under way, or off. Its keys are computed once. It belongs to the goroutine
// that serves the request, which must close it.
type Slot struct {
	ctx   context.Context // of the request, as this value is
	req   *llm.Request
	cache *Cache
	state llm.CacheState
	asked asking
	// own is the key of the request in its own wire format, shared the one that it has in all
	// formats; zero for none.
	own, shared Key
	// maxAge is how old a stored reply may be by the caller's and the policy's will; zero means
	// any age.
	maxAge time.Duration
	// recording says how the reply is stored; without a TTL, it is not.
	recording Recording
	// coalesces says that the request may share a reply that is under way.
	coalesces bool
	// hit is the stored reply that was found.
	hit *Entry
	// flight is the reply that the slot follows or, if leads says so, makes.
	flight  *flight
	leads   bool
	similar similarity
	// elements are those of a request for embeddings; nil for any other.
	elements *elements
	// rejoined says that the slot has followed a reply that broke off.
	rejoined bool
}

// asking is how a client asks for a reply, as far as the same events can't be sent to all.
type asking struct {
	dialect llm.Dialect
	// stream says that it wants a stream, usage that it wants to see the usage at its end.
	stream, usage bool
	// echoes is a hash of what the reply repeats of the request without being part of its key.
	echoes fingerprint
}

// defaultTTL is how long a reply is kept when only the policy asks for caching.
const defaultTTL = 5 * time.Minute

// Find looks a request up. The policy decides whether the cache is used, then the caller,
// then the route; and the policy, the caller and the route decide in this order how long
// the reply is kept.
func (c *Cache) Find(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision) *Slot {
	s, r := c.open(ctx, req, route, d)
	if s.state == llm.CacheOff {
		return s
	}
	read := !req.Cache.NoCache
	s.elements = c.elementsOf(req, route, d)
	if read && s.look(s.own) || s.coalesces && c.flights.follow(s, s.own) {
		return s
	}
	s.shared = c.shared(ctx, req, route, d, r)
	if read && s.shared != s.own && s.look(s.shared) {
		c.link(s.own, s.shared, s.recording.TTL)
		return s
	}
	if s.coalesces && s.shared != s.own && c.flights.follow(s, s.shared) || read && s.fetch() || s.findSimilar(ctx, req, route, d, read) {
		return s
	}
	c.flights.join(s)
	return s
}

// open makes a request's slot, in which nothing was looked up yet, and reads the request.
func (c *Cache) open(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision) (*Slot, reading) {
	read, write := uses(req, route, d)
	if !read && !write {
		return &Slot{state: llm.CacheOff}, reading{}
	}
	r := c.read(req, route, d)
	if r.stateful || r.varied && !route.CacheVaried {
		return &Slot{state: llm.CacheOff}, r
	}
	s := &Slot{ctx: ctx, cache: c, state: llm.CacheMiss, own: r.key, maxAge: req.Cache.MaxAge, asked: askingOf(req, r),
		coalesces: read && write && route.CacheCoalesce,
		req:       req, recording: Recording{ToolCalls: route.CacheToolCalls, Source: req.ID}}
	ttl := time.Duration(d.Obligations.Cache.TTLSeconds) * time.Second
	if ttl > 0 && (s.maxAge == 0 || ttl < s.maxAge) {
		s.maxAge = ttl // also of what was stored for longer
	}
	if write {
		s.recording.TTL = cmp.Or(ttl, req.Cache.TTL, route.CacheTTL, defaultTTL)
	}
	return s, r
}

// groupsOf are the groups that the reply to a request belongs to.
func groupsOf(req *llm.Request) []Group {
	groups := []Group{ByNamespace(req.Cache.Namespace), ByModel(req.Facts.Model)}
	if team := req.Principal.Team; team != "" {
		groups = append(groups, ByTeam(team))
	}
	if key := req.Principal.KeyID; key != "" {
		groups = append(groups, ByKey(key))
	}
	for name, value := range req.Tags {
		groups = append(groups, ByTag(name, value))
	}
	return groups
}

// askingOf returns how a request asks for its reply. Replies of OpenAI's Responses API repeat
// the request's metadata and its names for the user and the prompt.
func askingOf(req *llm.Request, r reading) asking {
	a := asking{dialect: req.Dialect, stream: req.Facts.Stream}
	a.usage = a.stream && req.Facts.IncludeUsage
	if req.Form == llm.Responses {
		a.echoes = r.dropped
	}
	return a
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

// look looks a key up and reports whether it is a hit.
func (s *Slot) look(k Key) bool {
	if s.elements != nil {
		return k == s.own && s.findVectors()
	}
	if k.IsZero() {
		return false
	}
	e, ok := s.cache.Get(k)
	if !ok || s.maxAge > 0 && e.Age(time.Now()) > s.maxAge {
		return false
	}
	s.state, s.hit = llm.CacheHit, e
	return true
}

// keys are those under which the reply is found.
func (s *Slot) keys() []Key {
	if s.shared.IsZero() || s.shared == s.own {
		return []Key{s.own}
	}
	return []Key{s.shared, s.own}
}

// State returns what the cache does for the request. It is a miss once a reply that was found
// or followed could not be used.
func (s *Slot) State() llm.CacheState { return s.state }

// Reply returns the reply that is stored, or that the slot follows: then it waits until that
// has begun. It is nil when the request is to be sent. Called again, it finds another reply
// than the one before, which could not be used, or none. The error is that of the requests
// that the slot has followed.
func (s *Slot) Reply(ctx context.Context) (*llm.StoredReply, error) {
	for !s.leads && s.flight != nil {
		switch role, err := s.flight.await(ctx, s); {
		case err != nil:
			s.leave()
			return nil, err
		case role == following:
			return s.flight.reply(s), nil
		}
	}
	if s.hit == nil {
		return nil, nil
	}
	e := s.hit
	return &llm.StoredReply{Stream: e.Replay(), Target: e.Target, Age: e.Age(time.Now()), Source: e.Source,
		Dialect: e.dialect, Streamed: e.asked.stream, AsItIs: e.asked == s.asked}, nil
}

// Discard gives up a reply that could not be used, of which nothing was sent. The request may
// follow another one that is under way, once.
func (s *Slot) Discard() {
	followed, similar := s.state == llm.CacheCoalesced, s.state == llm.CacheSimilar
	s.hit, s.state = nil, llm.CacheMiss
	s.leave()
	if followed && !s.rejoined || similar {
		s.rejoined = s.rejoined || followed
		s.cache.flights.join(s)
	}
}

// Fill passes the reply of a target through to those who follow the request, and stores it
// once it is complete if it may be stored. Closing the returned stream closes reply.
func (s *Slot) Fill(reply llm.Stream, t *llm.Target) llm.Stream {
	if s.flight == nil {
		return reply
	}
	s.recording.Target, s.recording.Groups = t.ID, groupsOf(s.req)
	if s.elements != nil {
		s.elements.epoch = s.cache.purges.now()
	}
	s.flight.begin(s.cache, s.recording, s.asked)
	return &recorder{Stream: reply, slot: s, flight: s.flight}
}

// Context returns a context for the target's call: it goes on when the client hangs up as long
// as others wait for the reply.
func (s *Slot) Context(ctx context.Context) context.Context {
	if s.flight == nil || !s.coalesces {
		return ctx
	}
	return s.flight.outlive(ctx, s.cache)
}

// Followed reports whether others wait for the request's reply.
func (s *Slot) Followed() bool { return s.leads && s.flight != nil && s.flight.followers.Load() > 0 }

// Wanted reports whether others wait for the request's reply. Once it has reported false,
// nobody can.
func (s *Slot) Wanted() bool {
	return s.leads && s.flight != nil && s.cache.flights.wanted(s.flight)
}

// Close ends the slot's part in a reply. If the request was the one that was sent, and failed
// with err before its reply began, another one that waits for it is sent. It may be called
// twice.
func (s *Slot) Close(err error) {
	switch {
	case s.flight == nil:
	case s.leads:
		s.flight.leaderGone(err, s.cache)
		s.flight = nil
	default:
		s.leave()
	}
}

// leave stops following.
func (s *Slot) leave() {
	if s.flight != nil && !s.leads {
		s.cache.flights.leave(s.flight)
		s.flight = nil
	}
}
