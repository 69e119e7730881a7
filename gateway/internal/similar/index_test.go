package similar

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"
)

// size returns the number of entries, and about how many bytes they take.
func (x *Index) size() (entries int, bytes int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, g := range x.groups {
		entries += len(g.entries)
	}
	return entries, x.bytes
}

// found reports whether a stored reply may answer.
func found(m Match) bool { return m.Similarity > 0 && m.Refused == "" }

// keyOf returns a key that a number determines.
func keyOf(n int) Key { return Key{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }

// lexicalQuery returns the query of a text for the built-in embedder.
func lexicalQuery(t testing.TB, identity Key, s string) *Query {
	t.Helper()
	q, err := NewQuery(identity, s, Embed(s), true)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// clock is a time that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Unix(1_800_000_000, 0)} }

func TestIndex(t *testing.T) {
	c := newClock()
	x := NewIndex(1<<20, c.now)
	mine, other := keyOf(1), keyOf(2)
	x.Add(lexicalQuery(t, mine, "How do I reset my password?"), keyOf(10), time.Hour)
	x.Add(lexicalQuery(t, mine, "Plan 3 days in Rome"), keyOf(11), time.Minute)

	find := func(identity Key, s string) Match { return x.Find(lexicalQuery(t, identity, s), 0.95) }
	if m := find(mine, "Hi, how can I reset my password?"); !found(m) || m.Reply != keyOf(10) || m.Similarity < 0.999 {
		t.Errorf("other words: %+v", m)
	}
	if m := find(other, "How do I reset my password?"); m != (Match{}) {
		t.Errorf("another identity: %+v", m)
	}
	if m := find(mine, "What do otters eat?"); m != (Match{}) {
		t.Errorf("another text: %+v", m)
	}
	if m := x.Find(lexicalQuery(t, mine, "Plan 4 days in Rome"), 0.5); found(m) || m.Refused != "numbers" || m.Reply != keyOf(11) {
		t.Errorf("another number: %+v", m)
	}
	if m := find(mine, "plan three days in Rome!"); !found(m) {
		t.Errorf("the number in words: %+v", m)
	}
	c.at = c.at.Add(time.Minute)
	if m := find(mine, "Plan 3 days in Rome"); m != (Match{}) {
		t.Errorf("after its time: %+v", m)
	}
	c.at = c.at.Add(-time.Hour)
	if m := find(mine, "How do I reset my password?"); !found(m) {
		t.Errorf("with the clock set back: %+v", m)
	}
}

func TestIndexReplacesAndDeletes(t *testing.T) {
	x := NewIndex(1<<20, newClock().now)
	a, b := lexicalQuery(t, keyOf(1), "first text"), lexicalQuery(t, keyOf(1), "second text")
	x.Add(a, keyOf(10), time.Hour)
	x.Add(b, keyOf(10), time.Hour) // the same reply again
	if n, _ := x.size(); n != 1 || found(x.Find(a, 0.95)) || !found(x.Find(b, 0.95)) {
		t.Errorf("%d entries after the same reply again", n)
	}
	x.Add(lexicalQuery(t, keyOf(2), "second text"), keyOf(11), time.Hour)
	if got := x.Delete(keyOf(10).ID()); len(got) != 1 || got[0] != keyOf(10) || found(x.Find(b, 0.95)) {
		t.Errorf("Delete = %v", got)
	}
	if got := x.Delete(keyOf(10).ID()); got != nil {
		t.Errorf("Delete again = %v", got)
	}
	x.Forget(keyOf(2), keyOf(99))
	if n, _ := x.size(); n != 1 {
		t.Errorf("%d entries, want that of the other identity", n)
	}
	x.Forget(keyOf(2), keyOf(11))
	if n, bytes := x.size(); n != 0 || bytes != 0 {
		t.Errorf("%d entries, %d bytes left", n, bytes)
	}
	x.Add(a, keyOf(12), time.Hour)
	x.Clear()
	if n, bytes := x.size(); n != 0 || bytes != 0 || found(x.Find(a, 0.95)) {
		t.Errorf("%d entries, %d bytes after Clear", n, bytes)
	}
}

// TestIndexWithOtherDimensions checks that entries of an embedder whose vectors have got
// another length are dropped.
func TestIndexWithOtherDimensions(t *testing.T) {
	x := NewIndex(1<<20, newClock().now)
	short, err := NewQuery(keyOf(1), "text", []float32{1, 0}, false)
	if err != nil {
		t.Fatal(err)
	}
	x.Add(short, keyOf(10), time.Hour)
	long := lexicalQuery(t, keyOf(1), "text")
	if m := x.Find(long, 0.95); m != (Match{}) {
		t.Errorf("found %+v", m)
	}
	x.Add(long, keyOf(11), time.Hour)
	if m := x.Find(long, 0.95); !found(m) || m.Reply != keyOf(11) {
		t.Errorf("found %+v", m)
	}
	if n, _ := x.size(); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

func TestNewQueryRefuses(t *testing.T) {
	for _, v := range [][]float32{nil, {0, 0}, {float32(math.NaN())}, {float32(math.Inf(-1)), 1}, make([]float32, maxDims+1)} {
		if _, err := NewQuery(Key{}, "text", v, false); err == nil {
			t.Errorf("a vector of %d dimensions is accepted", len(v))
		}
	}
}

// TestIndexBounds checks the limits of entries and bytes, and what is evicted.
func TestIndexBounds(t *testing.T) {
	c := newClock()
	x := NewIndex(1<<40, c.now)
	v := func(i int) *Query {
		q, err := NewQuery(keyOf(1), "text", pseudoRandom(uint64(i), 16), false)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for i := range MaxPerIdentity {
		x.Add(v(i), keyOf(i), time.Hour)
		c.at = c.at.Add(time.Millisecond)
	}
	x.Find(v(0), 0.99) // used
	x.Add(v(MaxPerIdentity), keyOf(MaxPerIdentity), time.Hour)
	if n, _ := x.size(); n != MaxPerIdentity {
		t.Errorf("%d entries, want %d", n, MaxPerIdentity)
	}
	if !found(x.Find(v(0), 0.99)) || found(x.Find(v(1), 0.99)) {
		t.Error("the entry that was not used for the longest time is not the one that was evicted")
	}

	x = NewIndex(10_000, c.now)
	for i := range 1000 {
		c.at = c.at.Add(time.Millisecond)
		x.Add(lexicalQuery(t, keyOf(i%7), fmt.Sprintf("text %d", i)), keyOf(i), time.Hour)
		if n, bytes := x.size(); bytes > 10_000 || n == 0 {
			t.Fatalf("%d entries take %d bytes", n, bytes)
		}
	}
	if x.Add(lexicalQuery(t, keyOf(1), "t"), keyOf(1), 0); found(x.Find(lexicalQuery(t, keyOf(1), "t"), 0.95)) {
		t.Error("an entry without a time is kept")
	}
}

// TestFindAllocatesNothing checks that a lookup takes no memory.
func TestFindAllocatesNothing(t *testing.T) {
	x, q := filled(t, 200, lexicalDims)
	if n := testing.AllocsPerRun(20, func() { x.Find(q, 0.95) }); n != 0 {
		t.Errorf("a lookup allocates %v times", n)
	}
}

// filled returns an index with n entries of one identity, and the query of the last one.
func filled(t testing.TB, n, dims int) (*Index, *Query) {
	t.Helper()
	x := NewIndex(1<<40, time.Now)
	var q *Query
	for i := range n {
		var err error
		if q, err = NewQuery(keyOf(1), fmt.Sprintf("text %d", i), pseudoRandom(uint64(i), dims), false); err != nil {
			t.Fatal(err)
		}
		x.Add(q, keyOf(i), time.Hour)
	}
	return x, q
}

// TestIndexHammer uses an index from many goroutines.
func TestIndexHammer(t *testing.T) {
	x := NewIndex(200_000, time.Now)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 300 {
				n := (i*7 + worker) % 50
				q := lexicalQuery(t, keyOf(n%5), fmt.Sprintf("text number %d", n))
				switch i % 5 {
				case 0, 1:
					x.Add(q, keyOf(n), time.Duration(i%3)*time.Millisecond)
				case 2:
					x.Delete(keyOf(n).ID())
				case 3:
					x.Forget(q.Identity, keyOf(n))
				}
				if m := x.Find(q, 0.95); found(m) && m.Reply != keyOf(n) {
					t.Errorf("found %+v for text %d", m, n)
				}
				x.size()
			}
			x.Clear()
		})
	}
	wg.Wait()
}

func BenchmarkFind(b *testing.B) {
	for _, dims := range []int{256, 1536} {
		b.Run(fmt.Sprintf("%d dims, 10000 entries", dims), func(b *testing.B) {
			x, q := filled(b, MaxPerIdentity, dims)
			b.ReportAllocs()
			for b.Loop() {
				x.Find(q, 0.95)
			}
		})
	}
}

// BenchmarkLookup times all that a lookup does for the built-in embedder: the vector, the
// guards' profile and the search among 10,000 texts that are all similar.
func BenchmarkLookup(b *testing.B) {
	x := NewIndex(1<<40, time.Now)
	text := func(i int) string {
		return fmt.Sprintf("What is the status of my order number %d and when will it arrive?", i)
	}
	for i := range MaxPerIdentity {
		x.Add(lexicalQuery(b, keyOf(1), text(i)), keyOf(i), time.Hour)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.Find(lexicalQuery(b, keyOf(1), text(MaxPerIdentity)), 0.7)
	}
}
