package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// pings are events that only show that the connection lives.
func pings(n int) []llm.Event { return make([]llm.Event, n) }

// text is an event with content.
func text(s string) llm.Event {
	return llm.Event{Frame: []byte(s), Content: true, Progress: true}
}

var final = llm.Event{Frame: []byte("[DONE]"), Final: true}

func events(parts ...any) (all []llm.Event) {
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Event:
			all = append(all, p)
		case []llm.Event:
			all = append(all, p...)
		}
	}
	return all
}

// TestWaiting checks what comes of a target that is slow, silent, or only keeps the
// connection alive. Target b is there in case only where it has actions.
func TestWaiting(t *testing.T) {
	said := llm.ReplyInfo{Content: true, Finish: "stop", Usage: &llm.Usage{Input: 100, Output: 10}}
	for _, tt := range []struct {
		name    string
		plain   bool
		a, b    *action
		limits  llm.Timeouts // of target a
		want    string
		status  int
		took    time.Duration
		attempt []string
	}{
		{name: "the last target has all the time for its first token", a: &action{events: events(final), pause: 4 * time.Minute, info: said},
			want: "[DONE]", took: 4 * time.Minute, attempt: []string{"a"}},
		{name: "one that can be replaced has not", a: &action{events: events(text("late"), final), pause: time.Minute, info: said},
			b: &action{events: events(text("b"), final), info: said}, want: "b[DONE]", took: 15 * time.Second, attempt: []string{"a", "b"}},
		{name: "a plain reply has four times as long", plain: true, a: &action{events: events(final), pause: time.Hour},
			b: &action{events: plain("b").events, info: plain("").info}, want: "b", took: time.Minute, attempt: []string{"a", "b"}},
		{name: "any number of pings before the first token", a: &action{events: events(pings(5000), text("a"), final), pause: time.Millisecond, info: said},
			want: "a[DONE]", took: 5002 * time.Millisecond, attempt: []string{"a"}},
		{name: "pings do not replace a first token", a: &action{events: events(pings(5000), text("a"), final), pause: time.Second, info: said},
			b: &action{events: events(text("b"), final), info: said}, want: "b[DONE]", took: 15 * time.Second, attempt: []string{"a", "b"}},
		{name: "pings keep a stream open", a: &action{events: events(text("a"), pings(10), text("z"), final), pause: 10 * time.Second, info: said},
			want: "az[DONE]", took: 120*time.Second + countedIdle, attempt: []string{"a"}},
		{name: "but not for ever", a: &action{events: events(text("a"), pings(100), text("z"), final), pause: 10 * time.Second, info: said},
			want: "a", status: 504, took: 130 * time.Second, attempt: []string{"a"}},
		{name: "silence ends sooner", a: &action{events: events(text("a")), stuck: true, info: said},
			want: "a", status: 504, took: 20 * time.Second, attempt: []string{"a"}},
		{name: "a target's own limits", a: &action{events: events(text("a"), pings(100), final), pause: 10 * time.Second, info: said},
			limits: llm.Timeouts{PingIdle: 45 * time.Second}, want: "a", status: 504, took: 55 * time.Second, attempt: []string{"a"}},
		{name: "a target's own silence", a: &action{events: events(text("a")), stuck: true, info: said},
			limits: llm.Timeouts{Idle: 3 * time.Second}, want: "a", status: 504, took: 3 * time.Second, attempt: []string{"a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a")
				if tt.b != nil {
					f = newFakes("a", "b")
					f.script["b"] = []action{*tt.b}
				}
				f.script["a"], f.route.Targets[0].Timeout = []action{*tt.a}, tt.limits
				start := time.Now()
				got, err := f.serve(t, t.Context(), request(!tt.plain))
				if took := time.Since(start); took != tt.took || got.text != tt.want {
					t.Errorf("%q after %v, want %q after %v", got.text, took, tt.want, tt.took)
				}
				checkStatus(t, err, tt.status)
				if diff := cmp.Diff(tt.attempt, f.sent); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestDroppedWhileWaiting checks that what was left out is named also in headers that are sent before the
// target answers, and that a target is passed over where nothing may be left out.
func TestDroppedWhileWaiting(t *testing.T) {
	said := llm.ReplyInfo{Content: true, Finish: "stop", Usage: &llm.Usage{Input: 100, Output: 10}}
	synctest.Test(t, func(t *testing.T) {
		for _, pause := range []time.Duration{time.Second, 20 * time.Second} {
			f := newFakes("a")
			f.route.Timeout.KeepAlive = 5 * time.Second
			f.drops = map[string][]string{"a": {"seed", "n"}}
			f.script["a"] = []action{{events: events(text("a"), final), pause: pause, info: said}}
			got, err := f.serve(t, t.Context(), request(true))
			if err != nil || got.head.Header.Get("X-Penstock-Dropped") != "seed, n" || len(f.records[0].Attempts[0].Dropped) != 2 {
				t.Errorf("after %s: %v, %v", pause, got.head.Header, err)
			}
		}
		f := newFakes("a", "b")
		f.route.RejectUnsupported, f.drops = true, map[string][]string{"a": {"seed"}}
		got, err := f.serve(t, t.Context(), request(false))
		if err != nil || got.text != "hello from b" || got.head.Header["X-Penstock-Dropped"] != nil {
			t.Errorf("Serve = %q, %v, %v; want b's answer", got.text, got.head.Header, err)
		}
		f.drops["b"], f.records = []string{"n"}, nil
		_, err = f.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Status != 400 || e.Code != llm.CodeUnsupported {
			t.Errorf("Serve = %v, want it refused", err)
		}
	})
}

// TestKeepAlive counts the comments that a waiting caller gets: one every so often,
// before the first token and between events, and none once the reply is over.
func TestKeepAlive(t *testing.T) {
	for _, tt := range []struct {
		name     string
		plain    bool
		a        action
		comments int
		want     string
		started  bool
		status   int
	}{
		{name: "a slow first token", a: action{events: events(text("a"), final), pause: 12 * time.Second}, comments: 4, want: "a[DONE]", started: true},
		{name: "a quick stream", a: action{events: events(text("a"), final), pause: 4 * time.Second}, comments: 0, want: "a[DONE]", started: true},
		{name: "held frames stay held", a: action{events: events(llm.Event{Frame: []byte("role ")}), pause: 6 * time.Second, stuck: true}, comments: 12, started: true, status: 504},
		{name: "a failure in the end", a: action{err: &llm.Error{Status: 503, Fault: llm.FaultServer}}, comments: 0, status: 503},
		{name: "a plain request", plain: true, a: action{events: plain("a").events, pause: time.Minute}, want: "a", started: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a")
				f.route.Timeout.KeepAlive, f.route.Timeout.Total = 5*time.Second, 62*time.Second
				tt.a.info = llm.ReplyInfo{Content: true, Finish: "stop"}
				f.script["a"] = []action{tt.a}
				got, err := f.serve(t, t.Context(), request(!tt.plain))
				time.Sleep(time.Minute) // nothing may come any more
				if got.comments != tt.comments || got.text != tt.want || (got.head != nil) != tt.started {
					t.Errorf("%d comments, %q, started %t; want %d, %q, %t", got.comments, got.text, got.head != nil, tt.comments, tt.want, tt.started)
				}
				checkStatus(t, err, tt.status)
				if tt.started && got.head.Header.Get("X-Penstock-Model") != "smart" {
					t.Errorf("headers %v", got.head.Header)
				}
			})
		})
	}
}

// TestEmptyAnswers has targets that end well and say nothing.
func TestEmptyAnswers(t *testing.T) {
	empty := func(finish string) action {
		return action{events: events(llm.Event{Frame: []byte("role ")}, final), info: llm.ReplyInfo{Finish: finish, Usage: &llm.Usage{Input: 100}}}
	}
	for _, tt := range []struct {
		name string
		a, b action
		pass bool
		want string
		sent []string
		cost llm.NanoUSD
		left string // the target recorded
	}{
		{name: "another target says more", a: empty("stop"), b: stream("b "), want: "role b [DONE]", sent: []string{"a", "b"}, cost: 200_000, left: "b"},
		{name: "the last one's is passed on", a: empty("stop"), b: empty("stop"), want: "role [DONE]", sent: []string{"a", "b"}, cost: 100_000, left: "b"},
		{name: "nobody else answers", a: empty("stop"), b: failing(llm.FaultQuota, 402), want: "role [DONE]", sent: []string{"a", "b"}, cost: 100_000, left: "a"},
		{name: "the route wants it", a: empty("stop"), b: stream("b "), pass: true, want: "role [DONE]", sent: []string{"a"}, cost: 100_000, left: "a"},
		{name: "cut short by its length", a: empty("length"), b: stream("b "), want: "role [DONE]", sent: []string{"a"}, cost: 100_000, left: "a"},
		{name: "a filter", a: empty("content_filter"), b: stream("b "), want: "role [DONE]", sent: []string{"a"}, cost: 100_000, left: "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakes("a", "b")
			f.decision.Limits = []llm.Limit{hardBudget()}
			f.route.EmptyPass = tt.pass
			f.script["a"], f.script["b"] = []action{tt.a}, []action{tt.b}
			got, err := f.serve(t, t.Context(), request(true))
			if err != nil || got.text != tt.want || cmp.Diff(tt.sent, f.sent) != "" {
				t.Errorf("Serve = %q, %v after %v; want %q after %v", got.text, err, f.sent, tt.want, tt.sent)
			}
			if r := f.records[0]; r.Cost != tt.cost || r.Target != tt.left {
				t.Errorf("recorded %d for %s, want %d for %s", r.Cost, r.Target, tt.cost, tt.left)
			}
		})
	}
}

// TestOverheadLeavesOutPauses waits 500 ms between two tries: that is neither the
// provider's time nor the gateway's.
func TestOverheadLeavesOutPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("a")
		f.script["a"] = []action{{err: &llm.Error{Status: 429, Fault: llm.FaultRateLimited, RetryAfter: 500 * time.Millisecond}}, stream("a")}
		got, err := f.serve(t, t.Context(), request(true))
		if h := got.head.Header.Get("X-Penstock-Overhead-Ms"); err != nil || h != "0" {
			t.Errorf("overhead = %s ms, %v; want 0", h, err)
		}
	})
}

// TestPlainRepliesHaveNoFirstToken checks what Health is told of a plain reply.
func TestPlainRepliesHaveNoFirstToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("a")
		p := plain("a")
		p.pause = 2 * time.Second
		f.script["a"] = []action{p}
		if _, err := f.serve(t, t.Context(), request(false)); err != nil {
			t.Fatal(err)
		}
		want := []Outcome{{Duration: 2 * time.Second, OutputTokens: 10, Status: 200, Header: f.outcomes["a"][0].Header}}
		if diff := cmp.Diff(want, f.outcomes["a"]); diff != "" {
			t.Errorf("outcome (-want +got):\n%s", diff)
		}
		if first := f.records[0].Attempts[0].FirstToken; first != 0 {
			t.Errorf("the record's first token = %v, want none", first)
		}
	})
}

// TestSlowCaller reads so slowly that more time passes with each event than a target may
// be silent: none of that is the target's.
func TestSlowCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("a")
		f.slow = 90 * time.Second
		f.script["a"] = []action{{events: events(text("a"), text("b"), pings(1), text("c"), final), pause: time.Second,
			info: llm.ReplyInfo{Content: true, Finish: "stop"}}}
		if got, err := f.serve(t, t.Context(), request(true)); err != nil || got.text != "abc[DONE]" {
			t.Errorf("Serve = %q, %v; want all", got.text, err)
		}
		f.script["a"], f.records = []action{{events: events(text("a"), text("b")), stuck: true, info: llm.ReplyInfo{Content: true}}}, nil
		start := time.Now()
		_, err := f.serve(t, t.Context(), request(true))
		if took := time.Since(start); took > 220*time.Second {
			t.Errorf("a silent target ended after %v", took)
		}
		checkStatus(t, err, 504)
	})
}

// TestKeepAliveHammer has events and comments meet all the time: they never overlap, and
// nothing follows the last event.
func TestKeepAliveHammer(t *testing.T) {
	for range 50 {
		p := &lastPage{}
		k := newKeepAlive(p, time.Nanosecond, llm.Head{Stream: true})
		if err := k.Start(llm.Head{Stream: true}); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if err := k.Event(text("x")); err != nil {
				t.Fatal(err)
			}
			k.setHead(llm.Head{Stream: true})
		}
		if err := k.Event(final); err != nil {
			t.Fatal(err)
		}
		k.Close()
		if p.late > 0 {
			t.Fatalf("%d comments followed the end", p.late)
		}
	}
}

// lastPage counts the comments that come after the last event. It is not safe for
// concurrent use, as no Writer is.
type lastPage struct {
	caller
	over bool
	late int
}

func (p *lastPage) Event(e llm.Event) error {
	p.over = p.over || e.Final
	return nil
}

func (p *lastPage) KeepAlive(h llm.Head) (bool, error) {
	if p.over {
		p.late++
	}
	return p.caller.KeepAlive(h)
}
