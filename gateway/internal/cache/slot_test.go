package cache_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTransformsKeepCallersApart checks that everything a transform reads is part of the
// key of its route, and that without transforms a team shares its replies.
func TestTransformsKeepCallersApart(t *testing.T) {
	base := func() *llm.Request {
		return &llm.Request{ID: "req_1", Dialect: llm.OpenAI, Body: []byte(`{"model":"m","messages":[],"user":"u"}`), Facts: llm.Facts{Model: "m"},
			Principal: llm.Principal{KeyID: "k1", Team: "t", User: "ada"}, Tags: map[string]string{"a": "1"}}
	}
	others := map[string]func(*llm.Request){
		"key":      func(r *llm.Request) { r.Principal.KeyID = "k2" },
		"user":     func(r *llm.Request) { r.Principal.User = "bob" },
		"tag":      func(r *llm.Request) { r.Tags["a"] = "2" },
		"more":     func(r *llm.Request) { r.Tags["b"] = "2" },
		"body":     func(r *llm.Request) { r.Body = []byte(`{"model":"m","messages":[],"user":"v"}`) },
		"metadata": func(r *llm.Request) { r.Body = []byte(`{"model":"m","messages":[],"user":"u","metadata":{"x":"y"}}`) },
	}
	plain, transformed := &llm.Route{Name: "r"}, &llm.Route{Name: "r", Transforms: []string{"redact"}}
	c := open(t, 1<<20)
	key := func(r *llm.Request, route *llm.Route) cache.Key { return c.SlotKey(r, route, &llm.Decision{}) }
	for name, change := range others {
		one, other := base(), base()
		change(other)
		if key(one, plain) != key(other, plain) {
			t.Errorf("%s: without transforms the team does not share", name)
		}
		if key(one, transformed) == key(other, transformed) {
			t.Errorf("%s: a transform sees the difference, and yet the reply is shared", name)
		}
	}
	one, again := base(), base()
	again.ID, again.Body = "req_2", []byte(`{ "user":"u","messages":[],"model":"m", "cache":{"ttl":60}}`)
	if key(one, transformed) != key(again, transformed) {
		t.Error("the same request again is not the same to the cache")
	}
}

// TestDemandsKeepCallersApart wants no reply shared by requests that may go to other targets: by
// another route, or for what key, caller or policy demand.
func TestDemandsKeepCallersApart(t *testing.T) {
	c := open(t, 1<<20)
	type asked struct {
		route   string
		demands llm.Demands
		obliged llm.Obligations
	}
	seen := map[cache.Key]asked{}
	for _, a := range []asked{
		{route: "r"}, {route: "s"},
		{"r", llm.Demands{Classes: []string{"a"}}, llm.Obligations{}}, {"r", llm.Demands{Regions: []string{"a"}}, llm.Obligations{}},
		{"r", llm.Demands{}, llm.Obligations{DataClasses: []string{"a"}}}, {"r", llm.Demands{}, llm.Obligations{Regions: []string{"a"}}},
	} {
		req := &llm.Request{Body: []byte(`{"model":"m"}`), Facts: llm.Facts{Model: "m"}, Demands: a.demands}
		key := c.SlotKey(req, &llm.Route{Name: a.route}, &llm.Decision{Obligations: a.obliged})
		if other, ok := seen[key]; ok {
			t.Errorf("%+v and %+v have the same key", a, other)
		}
		seen[key] = a
	}
}

// TestPolicyBoundsTheAgeOfHits has a reply stored for an hour, and a policy that now allows a
// minute only: it holds for replies that are stored already.
func TestPolicyBoundsTheAgeOfHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := cache.New(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		req := &llm.Request{Body: []byte(`{"model":"m"}`), Facts: llm.Facts{Model: "m"}}
		route := &llm.Route{Name: "r", CacheTTL: time.Hour}
		find := func(seconds int) *cache.Slot {
			d := &llm.Decision{}
			d.Obligations.Cache.TTLSeconds = seconds
			return c.Find(t.Context(), req, route, d)
		}
		slot := find(0)
		drain(t, slot.Fill(&script{events: frames("hello"), err: io.EOF, info: llm.ReplyInfo{Finish: "stop", Content: true}}, &llm.Target{ID: "p/a"}))
		slot.Close(nil)
		c.Wait()
		time.Sleep(2 * time.Minute)
		for seconds, want := range map[int]llm.CacheState{0: llm.CacheHit, 60: llm.CacheMiss, 600: llm.CacheHit} {
			slot := find(seconds)
			if slot.State() != want {
				t.Errorf("with ttl_s %d: %s after two minutes, want %s", seconds, slot.State(), want)
			}
			slot.Close(nil)
		}
	})
}

// TestFind checks who decides on reading and storing: the policy, then the caller, then
// the route.
func TestFind(t *testing.T) {
	for name, tt := range map[string]struct {
		mode         string
		control      llm.CacheControl
		ttl          time.Duration
		first, again llm.CacheState
	}{
		"the route caches":               {ttl: time.Hour, first: llm.CacheMiss, again: llm.CacheHit},
		"the route does not":             {first: llm.CacheOff, again: llm.CacheOff},
		"the policy forbids it":          {mode: "bypass", ttl: time.Hour, first: llm.CacheOff, again: llm.CacheOff},
		"the policy forces it":           {mode: "force", first: llm.CacheMiss, again: llm.CacheHit},
		"the caller wants a fresh reply": {control: llm.CacheControl{NoCache: true}, ttl: time.Hour, first: llm.CacheMiss, again: llm.CacheMiss},
		"the caller forbids storing":     {control: llm.CacheControl{NoStore: true}, ttl: time.Hour, first: llm.CacheMiss, again: llm.CacheMiss},
		"the caller forbids both":        {control: llm.CacheControl{NoCache: true, NoStore: true}, ttl: time.Hour, first: llm.CacheOff, again: llm.CacheOff},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, 1<<20)
			req := &llm.Request{Body: []byte(`{"model":"m"}`), Facts: llm.Facts{Model: "m"}, Cache: tt.control}
			route, d := &llm.Route{Name: "r", CacheTTL: tt.ttl}, &llm.Decision{}
			d.Obligations.Cache.Mode = tt.mode
			slot := c.Find(t.Context(), req, route, d)
			if reply, err := slot.Reply(t.Context()); slot.State() != tt.first || reply != nil || err != nil {
				t.Errorf("first: %s, reply %v, %v; want %s without one", slot.State(), reply, err, tt.first)
			}
			drain(t, slot.Fill(&script{events: frames("hello"), err: io.EOF, info: llm.ReplyInfo{Finish: "stop", Content: true}}, &llm.Target{ID: "p/a"}))
			c.Wait()
			slot = c.Find(t.Context(), req, route, d)
			reply, err := slot.Reply(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if slot.State() != tt.again || (reply != nil) != (tt.again == llm.CacheHit) {
				t.Errorf("again: %s, reply %v; want %s", slot.State(), reply, tt.again)
			}
			if reply != nil && reply.Target != "p/a" {
				t.Errorf("the reply is from %q, want p/a", reply.Target)
			}
		})
	}
}
