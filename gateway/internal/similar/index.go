package similar

import (
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of an index.
const (
	// MaxPerIdentity is the most entries of one identity.
	MaxPerIdentity = 10_000
	// maxDims is the longest vector that is kept.
	maxDims = 8192
	// entryBytes and groupBytes are the sizes of an entry beyond its vector and profile, and of
	// an identity.
	entryBytes, groupBytes = 448, 256
	// evictionSample is how many identities are looked at to find one that was not used for
	// long.
	evictionSample = 16
)

// tolerance is for equal vectors, whose product may be rounded below 1.
const tolerance = 1e-5

// Key is a hash: of an identity, or of the request that a reply was stored for.
type Key [32]byte

// ID is how a key is written where people read it: its first eight bytes in hexadecimal.
func (k Key) ID() string { return hex.EncodeToString(k[:8]) }

// Query is a text to look up, or to add.
type Query struct {
	// Identity is everything of the request but the text.
	Identity Key
	Profile  Profile
	// Vector has length 1.
	Vector []float32
	// SameWords says that the embedder does not know what words mean.
	SameWords bool

	sketch sketch
}

// NewQuery returns the query of a text with its vector, which is scaled to length 1 and
// belongs to the query afterwards.
func NewQuery(identity Key, text string, vector []float32, sameWords bool) (*Query, error) {
	if len(vector) > maxDims {
		return nil, errors.New("the embedding has more than 8192 dimensions")
	}
	if !normalize(vector) {
		return nil, errors.New("the embedding is zero or has a part that is no number")
	}
	return &Query{Identity: identity, Profile: NewProfile(text), Vector: vector, SameWords: sameWords, sketch: sketchOf(vector)}, nil
}

// Match is the result of a lookup. Without a candidate it is zero.
type Match struct {
	// Reply is the key of the request that the candidate's reply was stored for.
	Reply Key
	// Similarity is the candidate's cosine.
	Similarity float64
	// Refused names the guard that refused the candidate; empty for one that may answer.
	Refused string
}

// Index holds the texts that replies were stored for, by identity. It is safe for concurrent
// use.
type Index struct {
	maxBytes int64
	now      func() time.Time

	mu     sync.RWMutex
	groups map[Key]*group
	bytes  int64
}

// group is the texts of one identity. A lookup reads all sketches, and few entries.
type group struct {
	dims     int
	sketches []sketch
	entries  []entry
	// used is when the group was last looked up or added to, in Unix nanoseconds.
	used atomic.Int64
}

type entry struct {
	reply   Key
	vector  []float32
	profile Profile
	expires time.Time
	// used is when it last answered or was added, in Unix nanoseconds.
	used *atomic.Int64
}

// NewIndex returns an index of at most about maxBytes. Time comes from now, which should be monotonic, as time.Now is: then clocks that are set back do not keep
// an entry beyond its time.
func NewIndex(maxBytes int64, now func() time.Time) *Index {
	return &Index{maxBytes: maxBytes, now: now, groups: map[Key]*group{}}
}

// Find returns the candidate of the query's identity with the largest cosine of at least the
// threshold that no guard refuses; if there is none, the one with the largest cosine that a
// guard refused.
func (x *Index) Find(q *Query, threshold float64) Match {
	x.mu.RLock()
	defer x.mu.RUnlock()
	g := x.groups[q.Identity]
	if g == nil || g.dims != len(q.Vector) {
		return Match{}
	}
	now := x.now()
	g.used.Store(now.UnixNano())
	found, at := g.find(q, threshold, now)
	if at >= 0 {
		g.entries[at].used.Store(now.UnixNano())
	}
	return found
}

// find also returns the position of a match that may answer, else -1.
func (g *group) find(q *Query, threshold float64, now time.Time) (best Match, at int) {
	limit, least := maxDistance(threshold), float32(threshold)
	at = -1
	for i := range g.sketches {
		if g.sketches[i].distance(&q.sketch) > limit {
			continue
		}
		e := &g.entries[i]
		cosine := min(dot(q.Vector, e.vector), 1)
		if cosine < least-tolerance || at >= 0 && float64(cosine) <= best.Similarity || !e.expires.After(now) {
			continue
		}
		refused := e.profile.Refuses(&q.Profile, q.SameWords)
		switch {
		case refused == "":
			best, at = Match{Reply: e.reply, Similarity: float64(cosine)}, i
		case at < 0 && float64(cosine) > best.Similarity:
			best = Match{Reply: e.reply, Similarity: float64(cosine), Refused: refused}
		}
	}
	return best, at
}

// Add adds the text of a stored reply for ttl. It replaces an entry of the same reply. When
// the embedder's vectors have got another length, the identity's other entries are dropped.
func (x *Index) Add(q *Query, reply Key, ttl time.Duration) {
	size := sizeOf(len(q.Vector), &q.Profile)
	if ttl <= 0 || size+groupBytes > x.maxBytes {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	now := x.now()
	g := x.groupFor(q)
	x.removeReply(g, reply)
	if len(g.entries) >= MaxPerIdentity {
		x.remove(g, g.leastUseful(now))
	}
	used := new(atomic.Int64)
	used.Store(now.UnixNano())
	g.used.Store(now.UnixNano())
	g.sketches = append(g.sketches, q.sketch)
	g.entries = append(g.entries, entry{reply: reply, vector: q.Vector, profile: q.Profile, expires: now.Add(ttl), used: used})
	x.bytes += size
	for x.bytes > x.maxBytes {
		x.evict(now)
	}
}

// groupFor returns the group of an identity, empty if the vectors have another length.
func (x *Index) groupFor(q *Query) *group {
	g := x.groups[q.Identity]
	if g != nil && g.dims == len(q.Vector) {
		return g
	}
	if g != nil {
		x.drop(q.Identity, g)
	}
	g = &group{dims: len(q.Vector)}
	x.groups[q.Identity] = g
	x.bytes += groupBytes
	return g
}

// evict removes the least useful entry of an identity that was not used for long.
func (x *Index) evict(now time.Time) {
	var key Key
	var oldest *group
	looked := 0
	for k, g := range x.groups { // the order is random: a sample
		if oldest == nil || g.used.Load() < oldest.used.Load() {
			key, oldest = k, g
		}
		if looked++; looked == evictionSample {
			break
		}
	}
	if len(oldest.entries) > 0 {
		x.remove(oldest, oldest.leastUseful(now))
	}
	if len(oldest.entries) == 0 {
		x.drop(key, oldest)
	}
}

// leastUseful returns the position of an expired entry, else of the one that was not used for
// the longest time.
func (g *group) leastUseful(now time.Time) int {
	at := 0
	for i := range g.entries {
		if !g.entries[i].expires.After(now) {
			return i
		}
		if g.entries[i].used.Load() < g.entries[at].used.Load() {
			at = i
		}
	}
	return at
}

// Delete removes the entries whose reply has this ID, and returns their replies' keys.
func (x *Index) Delete(id string) []Key {
	x.mu.Lock()
	defer x.mu.Unlock()
	var replies []Key
	for k, g := range x.groups {
		for i := len(g.entries) - 1; i >= 0; i-- {
			if reply := g.entries[i].reply; reply.ID() == id {
				replies = append(replies, reply)
				x.remove(g, i)
			}
		}
		if len(g.entries) == 0 {
			x.drop(k, g)
		}
	}
	return replies
}

// Forget removes the entry of an identity whose reply is gone.
func (x *Index) Forget(identity, reply Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if g := x.groups[identity]; g != nil {
		x.removeReply(g, reply)
		if len(g.entries) == 0 {
			x.drop(identity, g)
		}
	}
}

// Clear removes all entries.
func (x *Index) Clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.groups, x.bytes = map[Key]*group{}, 0
}

func (x *Index) removeReply(g *group, reply Key) {
	for i := range g.entries {
		if g.entries[i].reply == reply {
			x.remove(g, i)
			return
		}
	}
}

// remove removes an entry; the last one takes its place.
func (x *Index) remove(g *group, at int) {
	x.bytes -= sizeOf(g.dims, &g.entries[at].profile)
	last := len(g.entries) - 1
	g.entries[at], g.sketches[at] = g.entries[last], g.sketches[last]
	g.entries[last] = entry{}
	g.entries, g.sketches = g.entries[:last], g.sketches[:last]
}

// drop removes an identity with all its entries.
func (x *Index) drop(identity Key, g *group) {
	for i := range g.entries {
		x.bytes -= sizeOf(g.dims, &g.entries[i].profile)
	}
	x.bytes -= groupBytes
	delete(x.groups, identity)
}

// sizeOf returns about how many bytes an entry takes.
func sizeOf(dims int, p *Profile) int64 { return int64(entryBytes + 4*dims + p.size()) }
