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

func TestTeeKeepsCompleteReplies(t *testing.T) {
	c := open(t, 1<<20)
	usage := llm.Usage{Input: 1000, Output: 2000}
	s := &script{events: frames(`{"a":1}`, `{"b":2}`), err: io.EOF, info: llm.ReplyInfo{Content: true, Finish: "stop", Usage: &usage, Model: "m-1"}}
	want := frames(`{"a":1}`, `{"b":2}`)
	key := cache.NewKey([]byte("k"))
	tee := c.Tee(s, cache.Recording{Key: key, TTL: time.Minute, Stream: true, Namespace: "n", Target: "p/m"})
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
	if e.Target != "p/m" || !e.Stream || e.Age(e.Stored.Add(time.Second)) != time.Second {
		t.Errorf("entry: target %q stream %v", e.Target, e.Stream)
	}
}

func TestTeeKeepsNothingElse(t *testing.T) {
	done := frames("{}")
	for _, c := range []struct {
		name   string
		events []llm.Event
		err    error
		info   llm.ReplyInfo
		r      cache.Recording
		kept   bool
	}{
		{"complete", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "stop"}, cache.Recording{TTL: time.Hour}, true},
		{"empty", done, io.EOF, llm.ReplyInfo{Finish: "stop"}, cache.Recording{TTL: time.Hour}, false},
		{"no lifetime", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "stop"}, cache.Recording{}, false},
		{"cut", done[:1], errors.New("reset"), llm.ReplyInfo{Content: true, Finish: "stop"}, cache.Recording{TTL: time.Hour}, false},
		{"ended without final", done[:1], io.EOF, llm.ReplyInfo{Content: true, Finish: "stop"}, cache.Recording{TTL: time.Hour}, false},
		{"length", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "length"}, cache.Recording{TTL: time.Hour}, false},
		{"filtered", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "content_filter"}, cache.Recording{TTL: time.Hour}, false},
		{"no finish", done, io.EOF, llm.ReplyInfo{}, cache.Recording{TTL: time.Hour}, false},
		{"tool calls", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "tool_calls", ToolCalls: true}, cache.Recording{TTL: time.Hour}, false},
		{"tool calls that say stop", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "stop", ToolCalls: true}, cache.Recording{TTL: time.Hour}, false},
		{"tool calls allowed", done, io.EOF, llm.ReplyInfo{Content: true, Finish: "tool_calls", ToolCalls: true}, cache.Recording{TTL: time.Hour, ToolCalls: true}, true},
		{"too large", frames(string(make([]byte, 300<<10))), io.EOF, llm.ReplyInfo{Content: true, Finish: "stop"}, cache.Recording{TTL: time.Hour}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := open(t, 1<<20)
			c.r.Key = cache.NewKey([]byte(c.name))
			tee := store.Tee(&script{events: c.events, err: c.err, info: c.info}, c.r)
			if got := len(drain(t, tee)); got != len(c.events) {
				t.Errorf("%d events came through, want %d", got, len(c.events))
			}
			_ = tee.Close()
			store.Wait()
			if _, ok := store.Get(c.r.Key); ok != c.kept {
				t.Errorf("kept: %v, want %v", ok, c.kept)
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
	for name, purge := range map[string]func(){"all": c.Purge, "namespace": func() { c.PurgeNamespace("n") }, "model": func() { c.PurgeModel("asked") }, "target": func() { c.PurgeModel("p/m") }} {
		key := cache.NewKey([]byte(name))
		tee := c.Tee(&script{events: frames("{}"), err: io.EOF, info: llm.ReplyInfo{Content: true, Finish: "stop"}}, cache.Recording{Key: key, TTL: time.Hour, Namespace: "n", Model: "asked", Target: "p/m"})
		purge()
		drain(t, tee)
		_ = tee.Close()
		c.Wait()
		if _, ok := c.Get(key); ok {
			t.Errorf("%s: a reply begun before the purge survived it", name)
		}
	}
}

func TestPurgeOfAModelLeavesTheOthers(t *testing.T) {
	c := open(t, 1<<20)
	for _, model := range []string{"smart", "fast"} {
		c.Put(cache.NewKey([]byte(model)), c.NewEntry(cache.Recording{Model: model, Target: "p/" + model}), time.Hour)
	}
	c.Wait()
	c.PurgeModel("smart")
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
	c.Put(key, c.NewEntry(cache.Recording{Namespace: "kept"}), time.Hour)
	c.Wait()
	for i := range 10_000 {
		c.PurgeNamespace(fmt.Sprint(i))
	}
	if _, ok := c.Get(key); !ok {
		t.Error("an entry of another namespace was purged")
	}
	c.PurgeNamespace("one more")
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
		c.Purge()
	case i%97 == 96:
		c.PurgeNamespace(name)
	case i%3 == 0:
		drain(t, c.Tee(&script{events: frames(name), err: io.EOF, info: llm.ReplyInfo{Content: true, Finish: "stop"}}, cache.Recording{Key: key, TTL: time.Hour, Namespace: name}))
	default:
		if e, ok := c.Get(key); ok {
			if got := string(drain(t, e.Replay())[0].Data); got != name {
				t.Errorf("key %s holds %s", name, got)
			}
		}
	}
}
