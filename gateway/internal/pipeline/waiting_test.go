package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// beats are events that only show that the connection lives.
func beats(n int) []llm.Event { return make([]llm.Event, n) }

// text is an event with content.
func text(s string) llm.Event {
	return llm.Event{Frame: []byte(s), Content: true, Progress: true}
}

var theEnd = llm.Event{Frame: []byte("[DONE]"), Final: true}

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

// TestWaiting tells what comes of a target that is slow, silent, or only keeps the
// connection alive. Target b is there in case only where it has plays.
func TestWaiting(t *testing.T) {
	said := llm.ReplyInfo{Content: true, Finish: "stop", Usage: &llm.Usage{Input: 100, Output: 10}}
	for _, tt := range []struct {
		name    string
		plain   bool
		a, b    *play
		limits  llm.Timeouts // of target a
		want    string
		status  int
		took    time.Duration
		attempt []string
	}{
		{name: "the last target has all the time for its first token", a: &play{events: events(theEnd), pause: 4 * time.Minute, info: said},
			want: "[DONE]", took: 4 * time.Minute, attempt: []string{"a"}},
		{name: "one that can be replaced has not", a: &play{events: events(text("late"), theEnd), pause: time.Minute, info: said},
			b: &play{events: events(text("b"), theEnd), info: said}, want: "b[DONE]", took: 15 * time.Second, attempt: []string{"a", "b"}},
		{name: "a plain reply has four times as long", plain: true, a: &play{events: events(theEnd), pause: time.Hour},
			b: &play{events: whole("b").events, info: whole("").info}, want: "b", took: time.Minute, attempt: []string{"a", "b"}},
		{name: "any number of beats before the first token", a: &play{events: events(beats(5000), text("a"), theEnd), pause: time.Millisecond, info: said},
			want: "a[DONE]", took: 5002 * time.Millisecond, attempt: []string{"a"}},
		{name: "beats do not replace a first token", a: &play{events: events(beats(5000), text("a"), theEnd), pause: time.Second, info: said},
			b: &play{events: events(text("b"), theEnd), info: said}, want: "b[DONE]", took: 15 * time.Second, attempt: []string{"a", "b"}},
		{name: "pings keep a stream open", a: &play{events: events(text("a"), beats(10), text("z"), theEnd), pause: 10 * time.Second, info: said},
			want: "az[DONE]", took: 130 * time.Second, attempt: []string{"a"}},
		{name: "but not for ever", a: &play{events: events(text("a"), beats(100), text("z"), theEnd), pause: 10 * time.Second, info: said},
			want: "a", status: 504, took: 130 * time.Second, attempt: []string{"a"}},
		{name: "silence ends sooner", a: &play{events: events(text("a")), stuck: true, info: said},
			want: "a", status: 504, took: 20 * time.Second, attempt: []string{"a"}},
		{name: "a target's own limits", a: &play{events: events(text("a"), beats(100), theEnd), pause: 10 * time.Second, info: said},
			limits: llm.Timeouts{PingIdle: 45 * time.Second}, want: "a", status: 504, took: 55 * time.Second, attempt: []string{"a"}},
		{name: "a target's own silence", a: &play{events: events(text("a")), stuck: true, info: said},
			limits: llm.Timeouts{Idle: 3 * time.Second}, want: "a", status: 504, took: 3 * time.Second, attempt: []string{"a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("a")
				if tt.b != nil {
					w = newWorld("a", "b")
					w.script["b"] = []play{*tt.b}
				}
				w.script["a"], w.route.Targets[0].Timeout = []play{*tt.a}, tt.limits
				start := time.Now()
				got, err := w.serve(t, t.Context(), request(!tt.plain))
				if took := time.Since(start); took != tt.took || got.text != tt.want {
					t.Errorf("%q after %v, want %q after %v", got.text, took, tt.want, tt.took)
				}
				checkStatus(t, err, tt.status)
				if diff := cmp.Diff(tt.attempt, w.sent); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestDroppedWhileWaiting says what was left out also in headers that are sent before the
// target answers, and that a target is passed over where nothing may be left out.
func TestDroppedWhileWaiting(t *testing.T) {
	said := llm.ReplyInfo{Content: true, Finish: "stop", Usage: &llm.Usage{Input: 100, Output: 10}}
	synctest.Test(t, func(t *testing.T) {
		for _, pause := range []time.Duration{time.Second, 20 * time.Second} {
			w := newWorld("a")
			w.route.Timeout.KeepAlive = 5 * time.Second
			w.drops = map[string][]string{"a": {"seed", "n"}}
			w.script["a"] = []play{{events: events(text("a"), theEnd), pause: pause, info: said}}
			got, err := w.serve(t, t.Context(), request(true))
			if err != nil || got.head.Header.Get("X-Penstock-Dropped") != "seed, n" || len(w.records[0].Attempts[0].Dropped) != 2 {
				t.Errorf("after %s: %v, %v", pause, got.head.Header, err)
			}
		}
		w := newWorld("a", "b")
		w.route.RejectUnsupported, w.drops = true, map[string][]string{"a": {"seed"}}
		got, err := w.serve(t, t.Context(), request(false))
		if err != nil || got.text != "hello from b" || got.head.Header["X-Penstock-Dropped"] != nil {
			t.Errorf("Serve = %q, %v, %v; want b's answer", got.text, got.head.Header, err)
		}
		w.drops["b"], w.records = []string{"n"}, nil
		_, err = w.serve(t, t.Context(), request(false))
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
		a        play
		comments int
		want     string
		started  bool
		status   int
	}{
		{name: "a slow first token", a: play{events: events(text("a"), theEnd), pause: 12 * time.Second}, comments: 4, want: "a[DONE]", started: true},
		{name: "a quick stream", a: play{events: events(text("a"), theEnd), pause: 4 * time.Second}, comments: 0, want: "a[DONE]", started: true},
		{name: "held frames stay held", a: play{events: events(llm.Event{Frame: []byte("role ")}), pause: 6 * time.Second, stuck: true}, comments: 12, started: true, status: 504},
		{name: "a failure in the end", a: play{err: &llm.Error{Status: 503, Fault: llm.FaultServer}}, comments: 0, status: 503},
		{name: "a plain request", plain: true, a: play{events: whole("a").events, pause: time.Minute}, want: "a", started: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("a")
				w.route.Timeout.KeepAlive, w.route.Timeout.Total = 5*time.Second, 62*time.Second
				tt.a.info = llm.ReplyInfo{Content: true, Finish: "stop"}
				w.script["a"] = []play{tt.a}
				got, err := w.serve(t, t.Context(), request(!tt.plain))
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
	empty := func(finish string) play {
		return play{events: events(llm.Event{Frame: []byte("role ")}, theEnd), info: llm.ReplyInfo{Finish: finish, Usage: &llm.Usage{Input: 100}}}
	}
	for _, tt := range []struct {
		name string
		a, b play
		pass bool
		want string
		sent []string
		cost llm.NanoUSD
		left string // the target booked
	}{
		{name: "another target says more", a: empty("stop"), b: stream("b "), want: "role b [DONE]", sent: []string{"a", "b"}, cost: 200_000, left: "b"},
		{name: "the last one's is passed on", a: empty("stop"), b: empty("stop"), want: "role [DONE]", sent: []string{"a", "b"}, cost: 100_000, left: "b"},
		{name: "nobody else answers", a: empty("stop"), b: failing(llm.FaultQuota, 402), want: "role [DONE]", sent: []string{"a", "b"}, cost: 100_000, left: "a"},
		{name: "the route wants it", a: empty("stop"), b: stream("b "), pass: true, want: "role [DONE]", sent: []string{"a"}, cost: 100_000, left: "a"},
		{name: "cut short by its length", a: empty("length"), b: stream("b "), want: "role [DONE]", sent: []string{"a"}, cost: 100_000, left: "a"},
		{name: "a filter", a: empty("content_filter"), b: stream("b "), want: "role [DONE]", sent: []string{"a"}, cost: 100_000, left: "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld("a", "b")
			w.decision.Limits = []llm.Limit{hardBudget()}
			w.route.EmptyPass = tt.pass
			w.script["a"], w.script["b"] = []play{tt.a}, []play{tt.b}
			got, err := w.serve(t, t.Context(), request(true))
			if err != nil || got.text != tt.want || cmp.Diff(tt.sent, w.sent) != "" {
				t.Errorf("Serve = %q, %v after %v; want %q after %v", got.text, err, w.sent, tt.want, tt.sent)
			}
			if r := w.records[0]; r.Cost != tt.cost || r.Target != tt.left {
				t.Errorf("booked %d for %s, want %d for %s", r.Cost, r.Target, tt.cost, tt.left)
			}
		})
	}
}

// TestOverheadLeavesOutPauses waits 500 ms between two tries: that is neither the
// provider's time nor the gateway's.
func TestOverheadLeavesOutPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.script["a"] = []play{{err: &llm.Error{Status: 429, Fault: llm.FaultRateLimited, RetryAfter: 500 * time.Millisecond}}, stream("a")}
		got, err := w.serve(t, t.Context(), request(true))
		if h := got.head.Header.Get("X-Penstock-Overhead-Ms"); err != nil || h != "0" {
			t.Errorf("overhead = %s ms, %v; want 0", h, err)
		}
	})
}

// TestPlainRepliesHaveNoFirstToken holds what health is told of a plain reply.
func TestPlainRepliesHaveNoFirstToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		p := whole("a")
		p.pause = 2 * time.Second
		w.script["a"] = []play{p}
		if _, err := w.serve(t, t.Context(), request(false)); err != nil {
			t.Fatal(err)
		}
		want := []Outcome{{Duration: 2 * time.Second, OutputTokens: 10, Status: 200, Header: w.outcomes["a"][0].Header}}
		if diff := cmp.Diff(want, w.outcomes["a"]); diff != "" {
			t.Errorf("outcome (-want +got):\n%s", diff)
		}
		if first := w.records[0].Attempts[0].FirstToken; first != 0 {
			t.Errorf("the record's first token = %v, want none", first)
		}
	})
}

// TestSlowCaller reads so slowly that more time passes with each event than a target may
// be silent: none of that is the target's.
func TestSlowCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.slow = 90 * time.Second
		w.script["a"] = []play{{events: events(text("a"), text("b"), beats(1), text("c"), theEnd), pause: time.Second,
			info: llm.ReplyInfo{Content: true, Finish: "stop"}}}
		if got, err := w.serve(t, t.Context(), request(true)); err != nil || got.text != "abc[DONE]" {
			t.Errorf("Serve = %q, %v; want all", got.text, err)
		}
		w.script["a"], w.records = []play{{events: events(text("a"), text("b")), stuck: true, info: llm.ReplyInfo{Content: true}}}, nil
		start := time.Now()
		_, err := w.serve(t, t.Context(), request(true))
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
		if err := k.Event(theEnd); err != nil {
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
	page
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
	return p.page.KeepAlive(h)
}
