package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// coalescing is a route whose equal requests in flight share a reply.
var coalescing = &llm.Route{Name: "r", CacheTTL: time.Hour, CacheCoalesce: true}

var (
	errDown = &llm.Error{Fault: llm.FaultServer, Status: 503, Message: "down"}
	errOwn  = &llm.Error{Fault: llm.FaultBudget, Status: 429, Message: "no money"}
)

// caller is a request that is played by commands while it leads.
type caller struct {
	name     string
	cancel   context.CancelFunc
	commands chan string

	mu sync.Mutex
	// leads says that the request was sent and has not ended.
	leads, over bool
	// text is what came of a reply, err how it ended.
	text  string
	state llm.CacheState
	err   error
}

// call makes a request in a goroutine of its own.
func call(c *cache.Cache, name string) *caller {
	ctx, cancel := context.WithCancel(context.Background())
	r := &caller{name: name, cancel: cancel, commands: make(chan string)}
	slot := c.Find(ctx, &llm.Request{ID: name, Body: []byte("{}"), Facts: llm.Facts{Stream: true, IncludeUsage: true}}, coalescing, &llm.Decision{})
	go func() {
		err := r.serve(ctx, slot)
		slot.Close(err)
		r.set(func() { r.over, r.leads, r.err, r.state = true, false, err, slot.State() })
	}()
	return r
}

func (r *caller) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *caller) serve(ctx context.Context, slot *cache.Slot) error {
	reply, err := slot.Reply(ctx)
	if err != nil {
		return err
	}
	if reply != nil {
		defer reply.Close()
		return r.read(reply)
	}
	r.set(func() { r.leads = true })
	ctx = slot.Context(ctx)
	up := &played{ctx: ctx, commands: r.commands}
	first, err := up.Next() // a reply that is passed on has begun
	if err != nil {
		return err
	}
	up.held = &first
	stream := slot.Fill(up, &llm.Target{ID: "p/m"})
	defer stream.Close()
	return r.read(stream)
}

func (r *caller) read(s llm.Stream) error {
	for {
		ev, err := s.Next()
		if err != nil {
			return err
		}
		r.set(func() { r.text += string(ev.Data) })
		if ev.Final {
			return nil
		}
	}
}

// played is a target's reply by commands: an event, the end or an error.
type played struct {
	ctx      context.Context
	commands chan string
	held     *llm.Event
	ended    bool
}

func (p *played) Next() (llm.Event, error) {
	if e := p.held; e != nil {
		p.held = nil
		return *e, nil
	}
	if p.ended {
		return llm.Event{}, io.EOF
	}
	select {
	case <-p.ctx.Done():
		return llm.Event{}, context.Cause(p.ctx)
	case command := <-p.commands:
		switch command {
		case "down":
			return llm.Event{}, errDown
		case "own":
			return llm.Event{}, errOwn
		case "end":
			p.ended = true
			return llm.Event{Frame: []byte("data: [DONE]\n\n"), Final: true}, nil
		}
		frame := []byte("data: " + command + "\n\n")
		return llm.Event{Frame: frame, Data: frame[6 : len(frame)-2], Content: true}, nil
	}
}
func (p *played) Info() llm.ReplyInfo { return llm.ReplyInfo{Content: true, Finish: "stop"} }
func (p *played) Close() error        { return nil }

// TestFlightsAgainstModel plays random requests, events, failures and hang-ups, and checks
// after each step that one request is sent at a time and that nobody waits in vain.
func TestFlightsAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 40).Draw(rt, "steps")
		picks := rapid.SliceOfN(rapid.IntRange(0, 99), len(steps), len(steps)).Draw(rt, "picks")
		var fault string
		synctest.Test(t, func(t *testing.T) {
			g := &game{cache: open(t, 1<<20)}
			defer g.cache.Close()
			fault = g.play(steps, picks)
		})
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

// game is a model of one flight: its callers, and what the leader has sent.
type game struct {
	cache   *cache.Cache
	callers []*caller
	sent    string
}

func (g *game) play(steps, picks []int) (fault string) {
	for i, step := range steps {
		g.step(i, step, picks[i])
		synctest.Wait()
		if fault = g.check(); fault != "" {
			return fmt.Sprintf("after step %d (%d): %s", i, step, fault)
		}
	}
	for _, r := range g.callers {
		r.cancel()
	}
	synctest.Wait()
	for _, r := range g.callers {
		if !r.over {
			return r.name + " is not over"
		}
	}
	if n, keys := g.cache.Following(), g.cache.Flights(); n != 0 || keys != 0 {
		return fmt.Sprintf("%d follow, %d keys are under way", n, keys)
	}
	return ""
}

func (g *game) step(i, step, pick int) {
	lead := g.leader()
	switch {
	case step < 4:
		g.callers = append(g.callers, call(g.cache, fmt.Sprint("r", i)))
	case step == 4 && len(g.callers) > 0:
		g.callers[pick%len(g.callers)].cancel()
	case lead == nil:
	case step < 7:
		g.sent += fmt.Sprint(i, " ")
		lead.commands <- fmt.Sprint(i, " ")
	case step == 7:
		lead.commands <- "own"
	case step == 8:
		lead.commands <- "down"
	case g.sent != "":
		lead.commands <- "end"
		synctest.Wait()
		_ = g.cache.Purge(context.Background()) // so that the next request is sent
	}
	synctest.Wait()
	if g.leader() != lead {
		g.sent = ""
	}
}

func (g *game) leader() *caller {
	for _, r := range g.callers {
		if r.leads {
			return r
		}
	}
	return nil
}

// check compares the callers with the model. All goroutines wait.
func (g *game) check() string {
	leads, waits := 0, 0
	for _, r := range g.callers {
		switch {
		case r.leads:
			leads++
		case !r.over:
			waits++
			if r.text != g.sent {
				return fmt.Sprintf("%s has %q of %q", r.name, r.text, g.sent)
			}
		case r.err != nil && !errors.Is(r.err, context.Canceled) && !errors.Is(r.err, errDown) && !errors.Is(r.err, errOwn):
			return fmt.Sprintf("%s ended with %v", r.name, r.err)
		}
	}
	switch {
	case leads > 1:
		return fmt.Sprintf("%d requests are sent", leads)
	case waits > 0 && leads == 0:
		return fmt.Sprintf("%d wait for nobody", waits)
	case int(g.cache.Following()) != waits:
		return fmt.Sprintf("%d follow, want %d", g.cache.Following(), waits)
	}
	return ""
}

// TestWhoGetsWhatOfAFailure fails a leader in each way, before its reply begins and after.
func TestWhoGetsWhatOfAFailure(t *testing.T) {
	for _, tt := range []struct {
		name     string
		commands []string
		// leads says that the first follower is sent afterwards, err what it gets if not.
		leads bool
		err   error
	}{
		{"its own fault", []string{"own"}, true, nil},
		{"down once", []string{"down"}, true, nil},
		{"begun", []string{"a", "down"}, false, errDown},
		{"begun, own fault", []string{"a", "own"}, false, errOwn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := open(t, 1<<20)
				defer c.Close()
				first, second := call(c, "first"), call(c, "second")
				synctest.Wait()
				for _, command := range tt.commands {
					first.commands <- command
					synctest.Wait()
				}
				if second.leads != tt.leads || !errors.Is(second.err, tt.err) {
					t.Errorf("leads %v, err %v; want %v and %v", second.leads, second.err, tt.leads, tt.err)
				}
				second.cancel()
				first.cancel()
				synctest.Wait()
			})
		})
	}
}

// TestOutageEndsAFlight has two leaders fail at their target: the third request gets the error
// without being sent.
func TestOutageEndsAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, 1<<20)
		defer c.Close()
		all := []*caller{call(c, "a"), call(c, "b"), call(c, "c"), call(c, "d")}
		for range 2 {
			synctest.Wait()
			for _, r := range all {
				if r.leads {
					r.commands <- "down"
					break
				}
			}
		}
		synctest.Wait()
		for _, r := range all {
			if !r.over || !errors.Is(r.err, errDown) {
				t.Errorf("%s: over %v, %v", r.name, r.over, r.err)
			}
		}
	})
}

// TestSlowFollower has a reply outgrow the log while one follower reads nothing of it: neither
// the leader nor the other follower waits, and the slow one gets an error.
func TestSlowFollower(t *testing.T) {
	c := open(t, 4<<10) // a log of twice 1 KiB
	find := func(id string) *cache.Slot {
		return c.Find(t.Context(), &llm.Request{ID: id, Body: []byte("{}")}, coalescing, &llm.Decision{})
	}
	leader, quick, slow := find("leader"), find("quick"), find("slow")
	defer leader.Close(nil)
	var events []llm.Event
	for i := range 100 {
		events = append(events, frames(fmt.Sprintf("%0100d", i))[0])
	}
	events = append(events, llm.Event{Frame: []byte("data: [DONE]\n\n"), Final: true})
	reply := leader.Fill(&script{events: events, err: io.EOF, info: llm.ReplyInfo{Content: true, Finish: "stop"}}, &llm.Target{ID: "p/m"})
	if _, err := reply.Next(); err != nil {
		t.Fatal(err)
	}
	follow := func(s *cache.Slot) llm.Stream {
		r, err := s.Reply(t.Context())
		if err != nil || r == nil {
			t.Fatalf("%v, %v", r, err)
		}
		return r
	}
	fast, late := follow(quick), follow(slow)
	for i := range events {
		if i > 0 {
			if _, err := reply.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if ev, err := fast.Next(); err != nil || string(ev.Data) != string(events[i].Data) {
			t.Fatalf("event %d: %q, %v", i, ev.Data, err)
		}
	}
	if _, err := late.Next(); llm.AsError(err).Fault != llm.FaultCut {
		t.Errorf("the slow follower gets %v", err)
	}
	if s := find("new"); s.State() != llm.CacheMiss {
		t.Errorf("a request whose reply can't be read from the start is a %s", s.State())
	}
	for _, s := range []llm.Stream{fast, late} {
		_ = s.Close()
		_ = s.Close()
	}
	if n := c.Following(); n != 0 {
		t.Errorf("%d follow at the end", n)
	}
}

// TestFlightsHammer runs many equal requests at once, some of which fail or hang up, for the
// race detector. Whoever gets a reply gets all of it.
func TestFlightsHammer(t *testing.T) {
	c := open(t, 1<<20)
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 100 {
				hammerFlight(t, c, g, i)
			}
		})
	}
	all.Wait()
	if n, keys := c.Following(), c.Flights(); n != 0 || keys != 0 {
		t.Errorf("%d follow, %d keys are under way", n, keys)
	}
}

func hammerFlight(t *testing.T, c *cache.Cache, g, i int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slot := c.Find(ctx, &llm.Request{ID: fmt.Sprint(g, "-", i), Body: fmt.Appendf(nil, `{"x":%d}`, i)}, coalescing, &llm.Decision{})
	if (g+i)%7 == 0 {
		cancel()
	}
	reply, err := slot.Reply(ctx)
	switch {
	case err != nil:
		slot.Close(err)
		return
	case reply == nil && (g+i)%5 == 0:
		slot.Close(errOwn)
		return
	}
	stream := llm.Stream(reply)
	if reply == nil {
		_ = slot.Context(ctx)
		stream = slot.Fill(&script{events: frames("a", "b", "c"), err: io.EOF, info: llm.ReplyInfo{Content: true, Finish: "stop"}}, &llm.Target{ID: "p/m"})
	}
	var text string
	for {
		ev, err := stream.Next()
		if err != nil {
			break
		}
		if !ev.Hidden {
			text += string(ev.Data)
		}
		if ev.Final {
			if text != "abc" {
				t.Errorf("a complete reply says %q", text)
			}
			break
		}
	}
	_ = stream.Close()
	slot.Close(nil)
}
