package cache_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// shelf is a Remote in memory, which several caches share.
type shelf struct {
	values map[[32]byte]value
	purged map[string]time.Time
	err    error
}

type value struct {
	data           []byte
	created, until time.Time
}

func (s *shelf) Get(_ context.Context, key [32]byte) ([]byte, time.Time, time.Time, bool) {
	v, ok := s.values[key]
	return v.data, v.created, v.until, ok
}

func (s *shelf) Put(key [32]byte, data []byte, ttl time.Duration) {
	s.values[key] = value{data, time.Now(), time.Now().Add(ttl)}
}

func (s *shelf) Delete(key [32]byte) { delete(s.values, key) }

func (s *shelf) Purge(_ context.Context, group string) error {
	s.purged[group] = time.Now()
	return s.err
}

func (s *shelf) Purged(created time.Time, groups ...string) bool {
	return slices.ContainsFunc(append(groups, ""), func(g string) bool { at, ok := s.purged[g]; return ok && !created.After(at) })
}

// sharing opens two caches with one store behind them.
func sharing(t *testing.T) (a, b *cache.Cache, s *shelf) {
	s = &shelf{values: map[[32]byte]value{}, purged: map[string]time.Time{}}
	a, b = open(t, 1<<20), open(t, 1<<20)
	a.UseRemote(s)
	b.UseRemote(s)
	return a, b, s
}

// answer has a cache store the reply to a request.
func answer(t *testing.T, c *cache.Cache, req *llm.Request) {
	t.Helper()
	reply := c.Find(t.Context(), req, caching, &llm.Decision{}).Fill(&script{events: frames("{}", "a\nb"), err: io.EOF,
		info: llm.ReplyInfo{Content: true, Finish: "stop", Model: "m", Usage: &llm.Usage{Input: 3, Output: 4}}}, &llm.Target{ID: "p/m"})
	drain(t, reply)
	_ = reply.Close()
}

// TestOneGatewaysReplyIsAnothersHit has one cache answer what another one has stored, event by
// event, and then without asking the store.
func TestOneGatewaysReplyIsAnothersHit(t *testing.T) {
	a, b, s := sharing(t)
	req := &llm.Request{ID: "req_1", Body: []byte(`{"x":1}`), Facts: llm.Facts{Model: "m"}}
	answer(t, a, req)
	own, err := a.Find(t.Context(), req, caching, &llm.Decision{}).Reply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		slot := b.Find(t.Context(), req, caching, &llm.Decision{})
		if slot.State() != llm.CacheHit {
			t.Fatalf("the other cache has a %s", slot.State())
		}
		got, err := slot.Reply(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(drain(t, own.Stream), drain(t, got.Stream)); diff != "" {
			t.Errorf("its reply (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(own.Stream.Info(), got.Stream.Info()); diff != "" || got.Target != own.Target || got.Source != "req_1" || got.AsItIs != own.AsItIs {
			t.Errorf("its reply is from %s for %s, and says (-want +got)\n%s", got.Target, got.Source, diff)
		}
		clear(s.values)
		own, _ = a.Find(t.Context(), req, caching, &llm.Decision{}).Reply(t.Context())
	}
}

// TestTenantsStayApartInTheStore has one store behind the caches of two teams.
func TestTenantsStayApartInTheStore(t *testing.T) {
	a, b, _ := sharing(t)
	of := func(team string) *llm.Request {
		return &llm.Request{Body: []byte(`{"x":1}`), Facts: llm.Facts{Model: "m"}, Principal: llm.Principal{Team: team}}
	}
	answer(t, a, of("one"))
	if got := b.Find(t.Context(), of("two"), caching, &llm.Decision{}).State(); got != llm.CacheMiss {
		t.Errorf("another team has a %s", got)
	}
}

// TestPurgesReachTheStore purges in one cache what another one would read from the store.
func TestPurgesReachTheStore(t *testing.T) {
	for _, group := range []cache.Group{"", cache.ByModel("m"), cache.ByTeam("search")} {
		a, b, s := sharing(t)
		req := &llm.Request{Body: []byte(`{"x":1}`), Facts: llm.Facts{Model: "m"}, Principal: llm.Principal{Team: "search"}}
		answer(t, a, req)
		purge(t, a, group)
		if got := b.Find(t.Context(), req, caching, &llm.Decision{}).State(); got != llm.CacheMiss {
			t.Errorf("after a purge of %q the other cache has a %s", group, got)
		}
		s.err = errors.New("it does not answer")
		if a.PurgeGroup(t.Context(), cache.ByModel("m")) == nil || a.Purge(t.Context()) == nil {
			t.Error("a purge that the store was not told of is no error")
		}
	}
	a, b, _ := sharing(t)
	req := &llm.Request{Body: []byte(`{"x":1}`), Facts: llm.Facts{Model: "m"}}
	answer(t, a, req)
	b.Find(t.Context(), req, caching, &llm.Decision{}) // it keeps the reply itself now
	a.UseRemote(&shelf{})
	b.UseRemote(&shelf{})
	b.Purged(string(cache.ByModel("m")))
	if got := b.Find(t.Context(), req, caching, &llm.Decision{}).State(); got != llm.CacheMiss {
		t.Errorf("after another gateway's purge the cache has a %s", got)
	}
	if got := a.Find(t.Context(), req, caching, &llm.Decision{}).State(); got != llm.CacheHit {
		t.Errorf("the cache that was not told has a %s", got)
	}
	a.Purged("")
	if got := a.Find(t.Context(), req, caching, &llm.Decision{}).State(); got != llm.CacheMiss {
		t.Errorf("after a purge of everything the cache has a %s", got)
	}
}

// TestOddValues has values in the store that no cache of this version has put there.
func TestOddValues(t *testing.T) {
	a, b, s := sharing(t)
	req := &llm.Request{Body: []byte(`{"x":1}`), Facts: llm.Facts{Model: "m"}}
	answer(t, a, req)
	keys := slices.Collect(maps.Keys(s.values))
	if len(keys) != 1 {
		t.Fatalf("the store has %d values", len(keys))
	}
	good := s.values[keys[0]]
	for what, data := range map[string][]byte{"nothing": {}, "a part": good.data[:len(good.data)-1], "noise": []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		"a length": {200, 1}, "no JSON": headed("{["), "another version": headed(`{"v":9}`), "no events": headed(`{"v":1}`),
		"spans beyond the end": headed(`{"v":1,"events":[0,99,0,99,1]}`), "spans before the start": headed(`{"v":1,"events":[-1,0,0,0,1]}`),
		"a part of an event": headed(`{"v":1,"events":[0,0,0,0,1,0]}`)} {
		s.values[keys[0]] = value{data, good.created, good.until}
		if got := b.Find(t.Context(), req, caching, &llm.Decision{}).State(); got != llm.CacheMiss {
			t.Errorf("with %s in the store the cache has a %s", what, got)
		}
	}
}

// headed is a value with a head and no frames.
func headed(head string) []byte { return append([]byte{byte(len(head))}, head...) }

// FuzzStoredValues reads any value from the store: as a whole reply, or not at all.
func FuzzStoredValues(f *testing.F) {
	f.Add(headed(`{"v":1,"events":[0,0,0,0,1]}`))
	f.Add(append(headed(`{"v":1,"target":"p/m","events":[0,2,0,2,3],"info":{"Finish":"stop"}}`), "{}"...))
	req := &llm.Request{Body: []byte(`{"x":1}`), Facts: llm.Facts{Model: "m"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := cache.New(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.UseRemote(always(data))
		slot := c.Find(t.Context(), req, caching, &llm.Decision{})
		if slot.State() != llm.CacheHit {
			return
		}
		reply, err := slot.Reply(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(drain(t, reply.Stream)) == 0 {
			t.Error("a hit has no events")
		}
	})
}

// always is a store that has one value under every key.
type always []byte

func (a always) Get(context.Context, [32]byte) ([]byte, time.Time, time.Time, bool) {
	return a, time.Now(), time.Now().Add(time.Hour), true
}
func (always) Put([32]byte, []byte, time.Duration) {}
func (always) Delete([32]byte)                     {}
func (always) Purge(context.Context, string) error { return nil }
func (always) Purged(time.Time, ...string) bool    { return false }

// TestClockSetBack reads a reply whose gateway's clock is decades ahead. Its age is not
// negative, and it is over when the store says so.
func TestClockSetBack(t *testing.T) {
	a, _, s := sharing(t)
	req := &llm.Request{ID: "req_1", Body: []byte(`{"x":1}`), Facts: llm.Facts{Model: "m"}}
	answer(t, a, req)
	synctest.Test(t, func(t *testing.T) { // its clock begins in 2000
		for k, v := range s.values {
			s.values[k] = value{v.data, v.created, time.Now().Add(time.Minute)}
		}
		b := open(t, 1<<20)
		b.UseRemote(s)
		find := func() *cache.Slot { return b.Find(t.Context(), req, caching, &llm.Decision{}) }
		reply, err := find().Reply(t.Context())
		if err != nil || reply == nil || reply.Age != 0 {
			t.Fatalf("the reply is %+v, %v, want one of age 0", reply, err)
		}
		clear(s.values)
		if got := find().State(); got != llm.CacheHit {
			t.Errorf("it is not kept: %s", got)
		}
		time.Sleep(time.Minute + time.Second)
		if got := find().State(); got != llm.CacheMiss {
			t.Errorf("after its time it is a %s", got)
		}
	})
}

// TestLifetimesAtTheirEnds stores replies for times that make no sense.
func TestLifetimesAtTheirEnds(t *testing.T) {
	c := open(t, 1<<20)
	for ttl, want := range map[time.Duration]bool{-1: false, math.MinInt64: false, 0: false, time.Hour: true, math.MaxInt64: true} {
		key := cache.NewKey([]byte(ttl.String()))
		c.Put(key, c.NewEntry(cache.Recording{}), ttl)
		if _, ok := c.Get(key); ok != want {
			t.Errorf("a reply that is kept for %v is found: %v", ttl, ok)
		}
	}
}

// TestNamespacesStayApart has namespaces that could be taken for one another.
func TestNamespacesStayApart(t *testing.T) {
	c := open(t, 1<<20)
	of := func(team, namespace string) *llm.Request {
		return &llm.Request{Body: []byte(`{"x":1}`), Facts: llm.Facts{Model: "m"}, Principal: llm.Principal{Team: team}, Cache: llm.CacheControl{Namespace: namespace}}
	}
	for _, name := range []string{"", " ", "a", "a ", "A", "a\x00", "\x00a", "a\nb", "é", "e\u0301", "../a", "*", `"`, `{"x":1}`, "team one", "\u2028"} {
		for _, team := range []string{"one", "two"} {
			if got := c.Find(t.Context(), of(team, name), caching, &llm.Decision{}).State(); got != llm.CacheMiss {
				t.Errorf("namespace %q of team %s is a %s before its first reply", name, team, got)
			}
			answer(t, c, of(team, name))
			if got := c.Find(t.Context(), of(team, name), caching, &llm.Decision{}).State(); got != llm.CacheHit {
				t.Errorf("namespace %q of team %s is a %s after it", name, team, got)
			}
		}
	}
}
