package cache

import (
	"context"
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// flights are the replies that are under way, by each key under which they will be found.
type flights struct {
	mu    sync.Mutex
	byKey map[Key]*flight
	// following is the number of slots that follow.
	following int64
}

// Following returns the number of requests that share the reply to another one that is under
// way.
func (c *Cache) Following() int64 {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	return c.flights.following
}

// follow lets a slot follow the reply with a key, and reports whether there is one.
func (fs *flights) follow(s *Slot, k Key) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.followLocked(s, k)
}

func (fs *flights) followLocked(s *Slot, k Key) bool {
	f := fs.byKey[k]
	if f == nil || f.full.Load() {
		return false
	}
	f.followers.Add(1)
	fs.following++
	s.flight, s.state = f, llm.CacheCoalesced
	return true
}

// join lets a slot follow a reply that is under way if it may and there is one, or else lead a
// flight of its own.
func (fs *flights) join(s *Slot) {
	f := &flight{source: s.recording.Source}
	if !s.coalesces {
		s.flight, s.leads = f, true
		return
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, k := range s.keys() {
		// A flight may have ended, and been stored, since the slot was looked up.
		if fs.followLocked(s, k) || s.look(k) {
			return
		}
	}
	if fs.byKey == nil {
		fs.byKey = map[Key]*flight{}
	}
	for _, k := range s.keys() {
		fs.byKey[k] = f
	}
	f.keys = s.keys()
	s.flight, s.leads = f, true
}

// lead gives a slot the lead of the flight that it follows.
func (fs *flights) lead(f *flight, s *Slot) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.followers.Add(-1)
	fs.following--
	f.leaderless, f.orphaned = false, nil
	s.leads, s.state = true, llm.CacheMiss
}

// leave ends the part of a follower. The last one ends the call of a leader whose client is
// gone.
func (fs *flights) leave(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.followers.Add(-1)
	fs.following--
	if f.followers.Load() > 0 || f.orphaned == nil && !f.leaderless {
		return
	}
	fs.removeLocked(f)
	if f.orphaned != nil {
		f.orphaned(context.Canceled)
	}
}

// orphan notes that the client of a flight's leader is gone, and what cancels the call. It
// reports false if nobody follows: then nobody can any more.
func (fs *flights) orphan(f *flight, cancel context.CancelCauseFunc) bool {
	return fs.ifFollowed(f, func() { f.orphaned = cancel })
}

// vacate notes that a flight has no leader. It reports false if nobody follows: then nobody
// can any more.
func (fs *flights) vacate(f *flight) bool {
	return fs.ifFollowed(f, func() { f.leaderless = true })
}

// wanted reports whether somebody follows a flight. If not, nobody can any more.
func (fs *flights) wanted(f *flight) bool { return fs.ifFollowed(f, func() {}) }

// ifFollowed calls note, with the lock held, if somebody follows a flight, and else makes it one
// that nobody new can follow. It reports which.
func (fs *flights) ifFollowed(f *flight, note func()) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.followers.Load() == 0 {
		fs.removeLocked(f)
		return false
	}
	note()
	return true
}

// remove makes a flight one that nobody new can follow.
func (fs *flights) remove(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.removeLocked(f)
}

func (fs *flights) removeLocked(f *flight) {
	for _, k := range f.keys {
		if fs.byKey[k] == f {
			delete(fs.byKey, k)
		}
	}
}
