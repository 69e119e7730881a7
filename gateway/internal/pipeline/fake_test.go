package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// world is a pipeline whose stages are scripted by a test. Every field has a
// working default.
type world struct {
	route    *llm.Route
	routes   map[string]*llm.Route // beside route
	decide   func(model, route string) llm.Decision
	decision llm.Decision
	// script tells what each target does at each of its tries; the last entry
	// repeats.
	script map[string][]play
	cached *llm.StoredReply
	full   map[string]bool // targets that the meter refuses
	// resting targets must not be asked.
	// The value says why; rests is for how long, and opens makes a target rest after its
	// first failure.
	resting, opens map[string]string
	rests          time.Duration
	cooling        map[string]time.Duration // what routing is told
	// transform changes the request on its way to a target.
	transform func(*llm.Request)
	// slow is how long the caller takes to read an event.
	slow  time.Duration
	ranks func(c []llm.Candidate) llm.Ranking

	mu   sync.Mutex
	sent []string
	// sending is the target that a call is being made for, afford the output tokens that
	// limits still have room for; 0 for any number.
	sending  string
	afford   int64
	reserved []llm.Amounts
	// body is what is sent to a target, drops what a target has no equivalent for.
	body  []byte
	drops map[string][]string
	// text is what a tokenizer counts; 0 when there is none. waits is how often the meter
	// says that reservations are in the way, freed how it says that one has ended.
	text     int64
	waits    int
	freed    chan struct{}
	capped   []int64
	outcomes map[string][]Outcome
	leases   map[string]bool
	seen     int64 // the output that a hold was told of last
	settled  []llm.Amounts
	records  []*llm.Record
	filled   []string // the targets whose replies went through a slot
	retries  int
	counted  int
	applied  []llm.Applied
	mends    map[llm.Code]llm.Quirks // by the code of an error
	tried    []llm.Quirks            // at each failed try
	lease    error
	ledger   error
}

// play is what a fake target does with one call.
type play struct {
	// err fails the call; hang waits for the context.
	err  error
	hang bool
	// events is the reply, tail what follows the last of them: io.EOF unless set.
	// pause comes before each event.
	events []llm.Event
	tail   error
	pause  time.Duration
	stuck  bool // after the events, wait for the context
	info   llm.ReplyInfo
}

func target(id string) *llm.Target {
	return &llm.Target{ID: id, Provider: "p", Model: id, Dialect: llm.OpenAI, Weight: 1,
		Price: llm.Price{Known: true, Input: llm.USD, Output: 10 * llm.USD}}
}

func newWorld(targets ...string) *world {
	w := &world{script: map[string][]play{}, full: map[string]bool{}, outcomes: map[string][]Outcome{}, leases: map[string]bool{}, retries: 100,
		resting: map[string]string{}, opens: map[string]string{}, rests: 5 * time.Second}
	w.routes = map[string]*llm.Route{}
	w.route = &llm.Route{Name: "smart", Router: "ordered",
		Retries: llm.Retries{Attempts: 2, Min: 10 * time.Millisecond, Max: time.Second},
		Timeout: llm.Timeouts{FirstToken: 15 * time.Second, Idle: 20 * time.Second, PingIdle: 2 * time.Minute, Total: 10 * time.Minute}}
	for _, id := range targets {
		w.route.Targets = append(w.route.Targets, target(id))
		w.script[id] = []play{whole("hello from " + id)}
	}
	w.decision = llm.Decision{Allow: true, Revision: "r1"}
	return w
}

// whole is a plain reply.
func whole(text string) play {
	return play{events: []llm.Event{{Frame: []byte(text), Final: true, Content: true}},
		info: llm.ReplyInfo{Usage: &llm.Usage{Input: 100, Output: 10}, Finish: "stop", Content: true, Whole: true}}
}

// stream is a reply of several events with a terminator.
func stream(texts ...string) play {
	p := play{info: llm.ReplyInfo{Usage: &llm.Usage{Input: 100, Output: 10}, Finish: "stop", Content: len(texts) > 0}}
	p.events = append(p.events, llm.Event{Frame: []byte("role ")})
	for _, text := range texts {
		p.events = append(p.events, llm.Event{Frame: []byte(text), Content: true, Progress: true})
	}
	p.events = append(p.events, llm.Event{Frame: []byte("usage"), Hidden: true}, llm.Event{Frame: []byte("[DONE]"), Final: true})
	return p
}

// broken is a stream that ends without its terminator.
func broken(err error, texts ...string) play {
	p := stream(texts...)
	p.events, p.tail = p.events[:len(p.events)-2], err
	p.info = llm.ReplyInfo{TextBytes: 40, Content: len(texts) > 0}
	return p
}

func failing(f llm.Fault, status int) play {
	return play{err: &llm.Error{Code: "upstream_said_no", Status: status, Fault: f, Message: string(f)}}
}

func (w *world) pipeline() *Pipeline {
	return New(Stages{Routes: w, Policy: w, Cache: fakeCache{w}, Router: w, Dialects: w, Upstream: w, Health: w, Meter: w, Tokens: w,
		Ledger: w, Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

// serve runs one request and returns what the caller saw.
func (w *world) serve(t *testing.T, ctx context.Context, req *llm.Request) (*page, error) {
	t.Helper()
	got := &page{slow: w.slow}
	req.Received = time.Now()
	err := w.pipeline().Serve(ctx, req, got)
	if len(w.records) != 1 {
		t.Errorf("%d records were booked, want 1", len(w.records))
	}
	for lease, open := range w.leases {
		if open {
			t.Errorf("lease %s is still open", lease)
		}
	}
	return got, err
}

func request(stream bool) *llm.Request {
	return &llm.Request{ID: "req_1", Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI,
		Facts: llm.Facts{Model: "smart", Stream: stream, EstInputTokens: 120, Choices: 1}}
}

// page is a Writer that remembers.
type page struct {
	head *llm.Head
	text string
	fail error
	// slow is how long the caller takes to read an event.
	slow time.Duration
	// comments counts what was sent to keep the connection alive.
	comments int
}

func (p *page) KeepAlive(h llm.Head) (bool, error) {
	if p.head == nil {
		p.head = &h
	}
	p.comments++
	return true, nil
}

func (p *page) Start(h llm.Head) error { p.head = &h; return nil }

func (p *page) Event(e llm.Event) error {
	time.Sleep(p.slow)
	if !e.Hidden {
		p.text += string(e.Frame)
	}
	return p.fail
}

func (w *world) Find(req *llm.Request) (*llm.Route, error) {
	if r, ok := w.routes[req.Facts.Model]; ok {
		return r, nil
	}
	return w.route, nil
}

func (w *world) Decide(_ context.Context, req *llm.Request, route *llm.Route) (llm.Decision, error) {
	if w.decide != nil {
		return w.decide(req.Facts.Model, route.Name), nil
	}
	return w.decision, nil
}

// fakeCache is the world as a Cache.
type fakeCache struct{ *world }

func (c fakeCache) Find(_ context.Context, _ *llm.Request, route *llm.Route, _ *llm.Decision) (Slot, error) {
	switch {
	case c.cached != nil:
		return &fakeSlot{llm.CacheHit, c.world}, nil
	case route.CacheTTL > 0:
		return &fakeSlot{llm.CacheMiss, c.world}, nil
	}
	return &fakeSlot{llm.CacheOff, c.world}, nil
}

type fakeSlot struct {
	state llm.CacheState
	world *world
}

func (s *fakeSlot) State() llm.CacheState   { return s.state }
func (s *fakeSlot) Reply() *llm.StoredReply { return s.world.cached }
func (s *fakeSlot) Fill(reply llm.Stream, t *llm.Target) llm.Stream {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if s.state == llm.CacheMiss {
		s.world.filled = append(s.world.filled, t.ID)
	}
	return reply
}

func (w *world) Rank(_ context.Context, _ *llm.Request, _ *llm.Route, c []llm.Candidate) llm.Ranking {
	if w.ranks != nil {
		return w.ranks(c)
	}
	r := llm.Ranking{Router: "ordered"}
	for i := range c {
		r.Order = append(r.Order, i)
	}
	return r
}

func (w *world) Prepare(_ context.Context, x *llm.Exchange) error {
	w.sending, x.Sent = x.Target.ID, x.Request
	if w.transform != nil {
		sent := *x.Request
		w.transform(&sent)
		x.Sent = &sent
	}
	return nil
}

func (w *world) Call(_ context.Context, x *llm.Exchange) (llm.Call, error) {
	w.capped = append(w.capped, x.MaxOutput)
	x.Applied = append(x.Applied, w.applied...)
	x.Dropped = w.drops[x.Target.ID]
	if x.Route.RejectUnsupported && len(x.Dropped) > 0 {
		return llm.Call{}, &llm.Error{Code: llm.CodeUnsupported, Status: 400, Param: x.Dropped[0], Fault: llm.FaultUnsupported}
	}
	return llm.Call{Path: x.Target.ID, Body: w.body}, nil
}

func (w *world) Do(ctx context.Context, t *llm.Target, call llm.Call) (*llm.Answer, error) {
	w.mu.Lock()
	w.sent = append(w.sent, t.ID)
	p := w.next(t.ID)
	w.mu.Unlock()
	if p.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &llm.Answer{Status: 200, Header: http.Header{}, Body: &playing{play: p, ctx: ctx}}, p.err
}

func (w *world) next(id string) play {
	p := w.script[id][0]
	if len(w.script[id]) > 1 {
		w.script[id] = w.script[id][1:]
	}
	return p
}

func (w *world) Read(_ context.Context, _ *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	body := a.Body.(watchedBody)
	p := body.ReadCloser.(*playing)
	p.heard = body.watch.received // as bytes that arrive do
	return p, nil
}

func (w *world) MayRetry() bool                             { w.retries--; return w.retries >= 0 }
func (w *world) Backoff(_ int, r llm.Retries) time.Duration { return r.Min }

func (w *world) Stats(id string) llm.Stats {
	if d := w.cooling[id]; d > 0 {
		return llm.Stats{CoolingFor: "rate_limited", CoolingUntil: time.Now().Add(d)}
	}
	return llm.Stats{}
}

func (w *world) Mend(x *llm.Exchange, e *llm.Error) llm.Quirks {
	w.tried = append(w.tried, x.Quirks)
	return w.mends[e.Code]
}

func (w *world) Redact(_ *llm.Target, e *llm.Error) *llm.Error {
	clean := *e
	clean.Message = strings.ReplaceAll(e.Message, "secret", "REDACTED")
	return &clean
}

func (w *world) CountRequest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted++
}

func (w *world) Cooling(id string) (string, time.Time) {
	if why := w.resting[id]; why != "" {
		return why, time.Now().Add(w.rests)
	}
	return "", time.Time{}
}

func (w *world) Begin(id, _ string) (Flight, bool) { return flight{w, id}, w.resting[id] == "" }

type flight struct {
	w  *world
	id string
}

func (f flight) FirstToken() {}
func (f flight) Done(o Outcome) {
	f.w.outcomes[f.id] = append(f.w.outcomes[f.id], o)
	if why := f.w.opens[f.id]; why != "" && o.Fault != llm.FaultNone {
		f.w.resting[f.id] = why
	}
}

func (w *world) Affordable(limits []llm.Limit, ask llm.Ask, _ time.Time) (int64, error) {
	if w.full[w.route.Targets[0].ID] {
		return 0, &llm.Error{Code: llm.CodeBudget, Status: 429, Fault: llm.FaultBudget, Message: "over budget"}
	}
	return ask.Most, nil
}

func (w *world) Reserve(_ context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (Hold, int64, error) {
	output := ask.Most
	if w.afford > 0 {
		output = max(min(output, w.afford), ask.Least)
	}
	want := ask.Amounts(output)
	w.reserved = append(w.reserved, want)
	switch {
	case w.full[w.sending]:
		return nil, 0, &llm.Error{Code: llm.CodeBudget, Status: 429, Message: "over budget"}
	case w.waits > 0:
		w.waits--
		return nil, 0, &llm.Error{Code: llm.CodeRateLimited, Status: 429, Fault: llm.FaultHeld, RetryAfter: time.Second, Message: "held"}
	case w.lease != nil:
		return nil, 0, w.lease
	case w.leases[draft.ID]:
		return nil, 0, fmt.Errorf("lease %s is open already", draft.ID)
	}
	w.leases[draft.ID] = true
	h := &held{w: w, id: draft.ID}
	for _, l := range limits {
		h.states = append(h.states, llm.LimitState{Limit: l, WindowID: "w", Reserved: want.Of(l.Unit)})
	}
	return h, output, nil
}

// held is a reservation of the fake meter.
type held struct {
	w      *world
	id     string
	states []llm.LimitState
}

func (h *held) States() []llm.LimitState { return h.states }
func (h *held) Seen(output int64)        { h.w.seen = output }

func (h *held) Settle(_ context.Context, used llm.Amounts) ([]llm.Charge, error) {
	if !h.w.leases[h.id] {
		return nil, errors.New("settled already")
	}
	h.w.leases[h.id] = false
	h.w.settled = append(h.w.settled, used)
	return []llm.Charge{{Scope: "s", Amount: int64(used.USD)}}, nil
}

func (w *world) Freed() <-chan struct{} { return w.freed }

func (w *world) Prompt(string, *llm.Request) (int64, bool) { return w.text, w.text > 0 }

func (w *world) Write(_ context.Context, r *llm.Record) error {
	w.records = append(w.records, r)
	return w.ledger
}

// playing is a reply as its script has it.
type playing struct {
	play
	ctx   context.Context
	next  int
	heard func()
}

func (p *playing) Read([]byte) (int, error) { return 0, io.EOF }

func (p *playing) Next() (llm.Event, error) {
	if p.next == len(p.events) {
		switch {
		case p.stuck:
			<-p.ctx.Done()
			return llm.Event{}, p.ctx.Err()
		case p.tail != nil:
			return llm.Event{}, p.tail
		}
		return llm.Event{}, io.EOF
	}
	if p.pause > 0 {
		select {
		case <-time.After(p.pause):
		case <-p.ctx.Done():
			return llm.Event{}, p.ctx.Err()
		}
	}
	p.next++
	if p.heard != nil {
		p.heard()
	}
	return p.events[p.next-1], nil
}

func (p *playing) Info() llm.ReplyInfo { return p.info }
func (p *playing) Close() error        { return nil }
