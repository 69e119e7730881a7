package cache_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a stream of given events, then of err.
type script struct {
	events []llm.Event
	err    error
	info   llm.ReplyInfo
	closed bool
}

func (s *script) Next() (llm.Event, error) {
	if len(s.events) == 0 {
		return llm.Event{}, s.err
	}
	e := s.events[0]
	s.events = s.events[1:]
	return e, nil
}
func (s *script) Info() llm.ReplyInfo { return s.info }
func (s *script) Close() error        { s.closed = true; return nil }

func frames(texts ...string) []llm.Event {
	var all []llm.Event
	for _, t := range texts {
		f := []byte("data: " + t + "\n\n")
		all = append(all, llm.Event{Frame: f, Data: f[6 : 6+len(t)], Content: true})
	}
	return append(all, llm.Event{Frame: []byte(": usage\n\n"), Data: []byte(`{"usage":1}`), Hidden: true},
		llm.Event{Frame: []byte("data: [DONE]\n\n"), Final: true})
}

func open(t testing.TB, size int64) *cache.Cache {
	t.Helper()
	c, err := cache.New(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func drain(t testing.TB, s llm.Stream) []llm.Event {
	t.Helper()
	var all []llm.Event
	for {
		e, err := s.Next()
		if err != nil {
			return all
		}
		e.Frame, e.Data = bytes.Clone(e.Frame), bytes.Clone(e.Data)
		all = append(all, e)
	}
}

// caching is a route with a cache.
var caching = &llm.Route{Name: "r", CacheTTL: time.Minute}

func TestCompleteRepliesAreKept(t *testing.T) {
	c := open(t, 1<<20)
	usage := llm.Usage{Input: 1000, Output: 2000}
	s := &script{events: frames(`{"a":1}`, `{"b":2}`), err: io.EOF, info: llm.ReplyInfo{Content: true, Finish: "stop", Usage: &usage, Model: "m-1"}}
	want := frames(`{"a":1}`, `{"b":2}`)
	req, route := &llm.Request{ID: "req_1", Body: []byte(`{"stream":true}`), Facts: llm.Facts{Stream: true}, Cache: llm.CacheControl{Namespace: "n"}}, caching
	key := c.SlotKey(req, route, &llm.Decision{})
	tee := c.Find(t.Context(), req, route, &llm.Decision{}).Fill(s, &llm.Target{ID: "p/m"})
	if d := cmp.Diff(want, drain(t, tee)); d != "" {
		t.Errorf("through the tee (-want +got):\n%s", d)
	}
	if err := tee.Close(); err != nil || !s.closed {
		t.Errorf("Close = %v, source closed %v", err, s.closed)
	}
	usage.Input = 7 // the stored reply must not change
	c.Wait()
	e, ok := c.Get(key)
	if !ok {
		t.Fatal("the reply was not kept")
	}
	for range 2 {
		r := e.Replay()
		if got := r.Info(); got.Usage != nil || got.Model != "m-1" {
			t.Errorf("info before the first event: %+v", got)
		}
		got := drain(t, r)
		for i := range got {
			if more := i < len(got)-1; got[i].More != more {
				t.Errorf("event %d: More is %v", i, got[i].More)
			}
			got[i].More = false
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("replayed (-want +got):\n%s", d)
		}
		if got := r.Info(); got.Usage == nil || *got.Usage != (llm.Usage{Input: 1000, Output: 2000}) || got.Finish != "stop" {
			t.Errorf("info at the end: %+v", got)
		}
	}
	if e.Target != "p/m" || e.Source != "req_1" || e.Age(e.Stored.Add(time.Second)) != time.Second {
		t.Errorf("entry: target %q, source %q", e.Target, e.Source)
	}
}

func TestNothingElseIsKept(t *testing.T) {
	done := frames("{}")
	stop := llm.ReplyInfo{Content: true, Finish: "stop"}
	toolCalls := func(r *llm.Route) { r.CacheToolCalls = true }
	for _, c := range []struct {
		name   string
		events []llm.Event
		err    error
		info   llm.ReplyInfo
		set    func(*llm.Route)
		kept   bool
	}{
		{"complete", done, io.EOF, stop, nil, true},
		{"empty", done, io.EOF, llm.ReplyInfo{Finish: "stop"}, nil, false},
		{"resumed", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "stop", Resumed: true}, nil, false},
		{"cut", done[:1], errors.New("reset"), stop, nil, false},
		{"ended without final", done[:1], io.EOF, stop, nil, false},
		{"length", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "length"}, nil, false},
		{"filtered", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "content_filter"}, nil, false},
		{"no finish", done, io.EOF, llm.ReplyInfo{}, nil, false},
		{"tool calls", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "tool_calls", ToolCalls: true}, nil, false},
		{"tool calls that say stop", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "stop", ToolCalls: true}, nil, false},
		{"tool calls allowed", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "tool_calls", ToolCalls: true}, toolCalls, true},
		{"too large", frames(string(make([]byte, 300<<10))), io.EOF, stop, nil, false},
		{"large in all", frames(string(make([]byte, 200<<10)), string(make([]byte, 200<<10))), io.EOF, stop, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := open(t, 1<<20)
			req, route := &llm.Request{Body: []byte("{}")}, *caching
			if c.set != nil {
				c.set(&route)
			}
			slot := store.Find(t.Context(), req, &route, &llm.Decision{})
			reply := slot.Fill(&script{events: c.events, err: c.err, info: c.info}, &llm.Target{ID: "p/m"})
			if got := len(drain(t, reply)); got != len(c.events) {
				t.Errorf("%d events came through, want %d", got, len(c.events))
			}
			_ = reply.Close()
			slot.Close(nil)
			if again := store.Find(t.Context(), req, &route, &llm.Decision{}); again.State() == llm.CacheHit != c.kept {
				t.Errorf("again: %s, want a hit: %v", again.State(), c.kept)
			}
		})
	}
}

func TestEntriesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := cache.New(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		key := cache.NewKey([]byte("k"))
		c.Put(key, c.NewEntry(cache.Recording{}), time.Minute)
		c.Wait()
		time.Sleep(59 * time.Second)
		if _, ok := c.Get(key); !ok {
			t.Error("gone before its time")
		}
		time.Sleep(2 * time.Second)
		if _, ok := c.Get(key); ok {
			t.Error("outlived its time")
		}
	})
}

func TestPurgeAppliesToRepliesUnderWay(t *testing.T) {
	c := open(t, 1<<20)
	for name, group := range map[string]cache.Group{"all": "", "namespace": cache.ByNamespace("n"), "model": cache.ByModel("asked"), "target": cache.ByModel("p/m"),
		"team": cache.ByTeam("search"), "key": cache.ByKey("key_1"), "tag": cache.ByTag("usecase", "faq")} {
		req := &llm.Request{Body: []byte(`{"x":"` + name + `"}`), Facts: llm.Facts{Model: "asked"}, Cache: llm.CacheControl{Namespace: "n"},
			Principal: llm.Principal{Team: "search", KeyID: "key_1"}, Tags: map[string]string{"usecase": "faq", "app": "x"}}
		reply := c.Find(t.Context(), req, caching, &llm.Decision{}).Fill(&script{events: frames("{}"), err: io.EOF, info: llm.ReplyInfo{Content: true, Finish: "stop"}}, &llm.Target{ID: "p/m"})
		purge(t, c, group)
		drain(t, reply)
		_ = reply.Close()
		if again := c.Find(t.Context(), req, caching, &llm.Decision{}); again.State() == llm.CacheHit {
			t.Errorf("%s: a reply begun before the purge survived it", name)
		}
	}
}

// purge purges a group, or everything.
func purge(t testing.TB, c *cache.Cache, g cache.Group) {
	t.Helper()
	err := c.PurgeGroup(t.Context(), g)
	if g == "" {
		err = c.Purge(t.Context())
	}
	if err != nil {
		t.Error(err)
	}
}

func TestPurgeOfAModelLeavesTheOthers(t *testing.T) {
	c := open(t, 1<<20)
	for _, model := range []string{"smart", "fast"} {
		c.Put(cache.NewKey([]byte(model)), c.NewEntry(cache.Recording{Groups: []cache.Group{cache.ByModel(model)}, Target: "p/" + model}), time.Hour)
	}
	c.Wait()
	purge(t, c, cache.ByModel("smart"))
	if _, ok := c.Get(cache.NewKey([]byte("smart"))); ok {
		t.Error("the purged model's entry stayed")
	}
	if _, ok := c.Get(cache.NewKey([]byte("fast"))); !ok {
		t.Error("another model's entry went")
	}
}

func TestManyPurgedNamespacesStayBounded(t *testing.T) {
	c := open(t, 1<<20)
	key := cache.NewKey([]byte("k"))
	c.Put(key, c.NewEntry(cache.Recording{Groups: []cache.Group{cache.ByNamespace("kept")}}), time.Hour)
	c.Wait()
	for i := range 10_000 {
		purge(t, c, cache.ByNamespace(fmt.Sprint(i)))
	}
	if _, ok := c.Get(key); !ok {
		t.Error("an entry of another namespace was purged")
	}
	purge(t, c, cache.ByNamespace("one more"))
	if _, ok := c.Get(key); ok {
		t.Error("past the bound everything must go, but an entry stayed")
	}
}

func TestNewKeyFramesItsParts(t *testing.T) {
	seen := map[cache.Key]string{}
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"}, {}} {
		var in [][]byte
		for _, p := range parts {
			in = append(in, []byte(p))
		}
		k := cache.NewKey(in...)
		if other, ok := seen[k]; ok {
			t.Errorf("%q and %s have the same key", parts, other)
		}
		seen[k] = fmt.Sprintf("%q", parts)
	}
}

func TestNewRefusesNoSize(t *testing.T) {
	if _, err := cache.New(0); err == nil {
		t.Error("a cache of size 0 was made")
	}
}

func TestClosedCacheIsEmpty(t *testing.T) {
	c := open(t, 1<<20)
	key := cache.NewKey()
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c.Put(key, c.NewEntry(cache.Recording{}), time.Hour)
	c.Wait()
	if _, ok := c.Get(key); ok {
		t.Error("a closed cache has an entry")
	}
}

// TestHammer calls all methods concurrently, for the race detector, and checks that Get
// never returns another entry than the one that was put.
func TestHammer(t *testing.T) {
	c := open(t, 256<<10)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				hammer(t, c, (g*7+i)%64, i)
			}
		})
	}
	wg.Wait()
}

func hammer(t *testing.T, c *cache.Cache, n, i int) {
	name := fmt.Sprint(n)
	key := cache.NewKey([]byte(name))
	switch {
	case i%500 == 499:
		purge(t, c, "")
	case i%97 == 96:
		purge(t, c, cache.ByNamespace(name))
	case i%3 == 0:
		e := c.NewEntry(cache.Recording{Groups: []cache.Group{cache.ByNamespace(name)}})
		for _, ev := range frames(name) {
			e.Add(ev)
		}
		c.Put(key, e, time.Hour)
	default:
		if e, ok := c.Get(key); ok {
			if got := string(drain(t, e.Replay())[0].Data); got != name {
				t.Errorf("key %s holds %s", name, got)
			}
		}
	}
}
