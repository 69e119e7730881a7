package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// fakes are the stages of a pipeline, as a test scripts them, and what they were asked to
// do. Every field has a working default.
type fakes struct {
	route  *llm.Route
	steps  []llm.Choice
	routes map[string]*llm.Route // by model, beside route
	// unknown is the error for a model without a route.
	unknown error
	// decision is the policy's, unless decide is set.
	decision llm.Decision
	decide   func(model, route string) llm.Decision
	// script holds what each target does in each of its tries; the last one repeats.
	script map[string][]action
	cached *llm.StoredReply
	// part is what targets are asked for; nil for the whole request.
	part *llm.Part
	full map[string]bool // targets that the meter refuses
	// cooling targets must not be asked; the value says why. opens are those that begin to
	// cool down with their first failure, cools is for how long.
	cooling, opens map[string]string
	cools          time.Duration
	stats          map[string]time.Duration // how long targets cool down, as routing sees it
	// credentials are those of targets with several ones.
	credentials map[string][]string
	// capacity bounds the attempts in flight; none has a bound of its own here.
	capacity *fakeCapacity
	// transform changes the request on its way to a target.
	transform func(*llm.Request)
	// inline puts media into the request; nil where the gateway fetches none.
	inline func(context.Context, *llm.Request) error
	// slow is how long the caller takes to read an event.
	slow  time.Duration
	ranks func(c []llm.Candidate) llm.Ranking
	// body is what is sent to a target, drops what a target has no equivalent for.
	body  []byte
	drops map[string][]string
	// afford is the output tokens that limits still have room for; 0 for any number.
	afford int64
	// text is what a tokenizer counts; 0 when there is none.
	text int64
	// waits is how often the meter says that reservations are in the way; freed is closed
	// when one has ended.
	waits       int
	freed       chan struct{}
	applied     []llm.Applied
	workarounds map[llm.Code]llm.Quirks // by the code of an error
	reserveErr  error
	writeErr    error
	retries     int // left in the retry budget
	// prefixes are the tokens that targets have cached, by key, session and target.
	prefixes map[string]int64

	// expects is how many output tokens a reply has, outputs those that were noted.
	expects int64
	outputs []string
	// askedTokens is how many tokens the last attempt was begun with.
	askedTokens int64
	// hastens lets a request without another target ask one that cools down.
	hastens bool

	// p95 is the 95th percentile of all targets' times to the first token.
	p95 time.Duration
	// fixed is why a reply can't be gone on with; prefills are the targets that continue a text.
	fixed    string
	prefills map[string]bool

	mu       sync.Mutex
	sent     []string // the targets that were asked
	signed   []string // the credentials that they were asked with
	sending  string   // the target that a call is being made for
	reserved []llm.Amounts
	capped   []int64 // the bounds on output that were sent
	outcomes map[string][]Outcome
	leases   map[string]bool // open or settled
	seen     int64           // the output that a hold was told of last
	settled  []llm.Amounts
	records  []*llm.Record
	order    []string // of writing a record and telling the sink
	filled   []string // the targets whose replies went through a slot
	counted  int      // requests, for the retry budget
	tried    []llm.Quirks
}

func target(id string) *llm.Target {
	return &llm.Target{ID: id, Provider: "p", Model: id, Dialect: llm.OpenAI, Weight: 1,
		Price: llm.Price{Known: true, Input: llm.USD, Output: 10 * llm.USD}}
}

func newFakes(targets ...string) *fakes {
	f := &fakes{script: map[string][]action{}, full: map[string]bool{}, outcomes: map[string][]Outcome{}, leases: map[string]bool{}, retries: 100,
		capacity: &fakeCapacity{in: map[string]int{}, free: make(chan string, 10)}, cooling: map[string]string{}, opens: map[string]string{}, cools: 5 * time.Second}
	f.routes = map[string]*llm.Route{}
	f.route = &llm.Route{Name: "smart", Router: "ordered",
		Retries: llm.Retries{Attempts: 2, Total: 10, Min: 10 * time.Millisecond, Max: time.Second},
		Timeout: llm.Timeouts{FirstToken: 15 * time.Second, Idle: 20 * time.Second, PingIdle: 2 * time.Minute, Total: 10 * time.Minute}}
	for _, id := range targets {
		f.route.Targets = append(f.route.Targets, target(id))
		f.script[id] = []action{plain("hello from " + id)}
	}
	f.decision = llm.Decision{Allow: true, Revision: "r1"}
	return f
}

func (f *fakes) pipeline() *Pipeline {
	return New(Stages{Routes: f, Policy: f, Cache: fakeCache{f}, Classifier: f, Router: f, Dialects: f, Upstream: f, Health: f, Capacity: f.capacity, Prompts: f, Outputs: f, Meter: f, Tokens: f,
		Ledger: f, Sinks: []func(*llm.Record){f.sink}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

// serve runs one request and returns what the caller saw.
func (f *fakes) serve(t *testing.T, ctx context.Context, req *llm.Request) (*caller, error) {
	t.Helper()
	got := &caller{slow: f.slow}
	req.Received = time.Now()
	err := f.pipeline().Serve(ctx, req, got)
	if len(f.records) != 1 {
		t.Errorf("%d records were written, want 1", len(f.records))
	}
	for id, n := range f.capacity.in {
		if n != 0 {
			t.Errorf("%d attempts are still counted at %s", n, id)
		}
	}
	for lease, open := range f.leases {
		if open {
			t.Errorf("lease %s is still open", lease)
		}
	}
	return got, err
}

func (f *fakes) Find(req *llm.Request) (*llm.Route, []llm.Choice, error) {
	if r, ok := f.routes[req.Facts.Model]; ok {
		return r, nil, nil
	}
	return f.route, f.steps, f.unknown
}

func (f *fakes) Decide(_ context.Context, req *llm.Request, route *llm.Route) (llm.Decision, error) {
	if f.decide != nil {
		return f.decide(req.Facts.Model, route.Name), nil
	}
	return f.decision, nil
}

// fakeCache is the fakes as a Cache, whose Find is not that of Routes.
type fakeCache struct{ *fakes }

func (c fakeCache) Find(_ context.Context, _ *llm.Request, route *llm.Route, _ *llm.Decision) (Slot, error) {
	switch {
	case c.cached != nil:
		return &fakeSlot{llm.CacheHit, c.fakes}, nil
	case route.CacheTTL > 0:
		return &fakeSlot{llm.CacheMiss, c.fakes}, nil
	}
	return &fakeSlot{llm.CacheOff, c.fakes}, nil
}

func (fakeCache) ExplainSimilar(context.Context, *llm.Request, *llm.Route, *llm.Decision) *llm.SimilarLookup {
	return nil
}

type fakeSlot struct {
	state llm.CacheState
	fakes *fakes
}

func (s *fakeSlot) State() llm.CacheState                           { return s.state }
func (s *fakeSlot) Reply(context.Context) (*llm.StoredReply, error) { return s.fakes.cached, nil }
func (s *fakeSlot) Discard()                                        { s.state, s.fakes.cached = llm.CacheMiss, nil }
func (s *fakeSlot) Context(ctx context.Context) context.Context     { return ctx }
func (s *fakeSlot) Part(*llm.Target) (*llm.Part, error)             { return s.fakes.part, nil }
func (s *fakeSlot) Similar() *llm.SimilarLookup                     { return nil }
func (s *fakeSlot) Wanted() bool                                    { return false }
func (s *fakeSlot) Followed() bool                                  { return false }
func (s *fakeSlot) Close(error)                                     {}
func (s *fakeSlot) Fill(reply llm.Stream, t *llm.Target) llm.Stream {
	s.fakes.mu.Lock()
	defer s.fakes.mu.Unlock()
	if s.state == llm.CacheMiss {
		s.fakes.filled = append(s.fakes.filled, t.ID)
	}
	return reply
}

func (f *fakes) Rank(_ context.Context, _ *llm.Request, _ *llm.Route, c []llm.Candidate) llm.Ranking {
	if f.ranks != nil {
		return f.ranks(c)
	}
	r := llm.Ranking{Router: "ordered"}
	for i := range c {
		r.Order = append(r.Order, i)
	}
	return r
}

func (f *fakes) Inline(ctx context.Context, x *llm.Exchange) error {
	if f.inline == nil {
		return nil
	}
	sent := *x.Sent
	err := f.inline(ctx, &sent)
	x.Sent = &sent
	return err
}

func (f *fakes) Inlines(*llm.Request, *llm.Target) bool { return f.inline != nil }

func (f *fakes) Prepare(_ context.Context, x *llm.Exchange) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sending, x.Sent = x.Target.ID, x.Request
	if f.transform != nil {
		sent := *x.Request
		f.transform(&sent)
		x.Sent = &sent
	}
	return nil
}

func (f *fakes) Call(_ context.Context, x *llm.Exchange) (llm.Call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capped = append(f.capped, x.MaxOutput)
	x.Applied = append(x.Applied, f.applied...)
	x.Dropped = f.drops[x.Target.ID]
	if x.Route.RejectUnsupported && len(x.Dropped) > 0 {
		return llm.Call{}, &llm.Error{Code: llm.CodeUnsupported, Status: 400, Param: x.Dropped[0], Fault: llm.FaultUnsupported}
	}
	return llm.Call{Path: x.Target.ID, Body: f.body}, nil
}

func (f *fakes) Do(ctx context.Context, t *llm.Target, call llm.Call) (*llm.Answer, error) {
	f.mu.Lock()
	f.sent = append(f.sent, t.ID)
	f.signed = append(f.signed, call.Credential)
	p := f.next(t.ID)
	f.mu.Unlock()
	if p.connected {
		connect(ctx)
	}
	if p.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &llm.Answer{Status: 200, Header: http.Header{}, Body: &fakeStream{action: p, ctx: ctx}}, p.err
}

func (f *fakes) next(id string) action {
	p := f.script[id][0]
	if len(f.script[id]) > 1 {
		f.script[id] = f.script[id][1:]
	}
	return p
}

func (f *fakes) Read(_ context.Context, _ *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	body := a.Body.(*watchedBody)
	p := body.ReadCloser.(*fakeStream)
	p.received = body.watch.received // as bytes that arrive do
	return p, nil
}

func (f *fakes) MayRetry() bool                             { f.retries--; return f.retries >= 0 }
func (f *fakes) Backoff(_ int, r llm.Retries) time.Duration { return r.Min }

func (f *fakes) Stats(id string) llm.Stats {
	if d := f.stats[id]; d > 0 {
		return llm.Stats{CoolingFor: cmp.Or(f.cooling[id], "rate_limited"), CoolingUntil: time.Now().Add(d)}
	}
	return llm.Stats{TTFTP95: llm.Millis(f.p95)}
}

func (f *fakes) LastUserText(context.Context, *llm.Request) string { return "why?" }

func (f *fakes) Question(instructions, text string, tokens int64) (*llm.Request, error) {
	return &llm.Request{Body: []byte(instructions + "\n" + text), Facts: llm.Facts{MaxTokens: tokens, Choices: 1}}, nil
}

// Label has the target asked, and takes what it says.
func (f *fakes) Label(_ context.Context, c *llm.Classify, _ llm.Question, ask func() (string, error)) llm.Classified {
	label, err := ask()
	if err != nil {
		return llm.Classified{Fault: llm.AsError(err).Message}
	}
	return llm.Classified{Label: label}
}

// AnswerText joins the frames of events with content.
func (f *fakes) AnswerText(events []llm.Event) (out llm.AnswerText) {
	for _, e := range events {
		if e.Content {
			out.Text += string(e.Frame)
		}
	}
	return out
}

// WhyNotJSON takes text that begins with a brace for JSON.
func (f *fakes) WhyNotJSON(_ context.Context, req *llm.Request, text string) string {
	if req.Facts.Features.Has(llm.JSONObject) && !strings.HasPrefix(text, "{") {
		return "it is not JSON"
	}
	return ""
}

func (f *fakes) WorkAround(x *llm.Exchange, e *llm.Error) llm.Quirks {
	f.tried = append(f.tried, x.Quirks)
	return f.workarounds[e.Code]
}

func (f *fakes) Redact(_ *llm.Target, e *llm.Error) *llm.Error {
	clean := *e
	clean.Message = strings.ReplaceAll(e.Message, "secret", "REDACTED")
	return &clean
}

func (f *fakes) CountRequest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counted++
}

func (f *fakes) Cooling(id string) (string, time.Time) {
	if why := f.cooling[id]; why != "" {
		return why, time.Now().Add(f.cools)
	}
	return "", time.Time{}
}

func (f *fakes) Begin(id string, a Asking) (Flight, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.askedTokens = a.Tokens
	return flight{f, id, f.credential(id, a)}, f.cooling[id] == "" || a.LastResort && f.hastens
}

func (f *fakes) Spare(id string, a Asking) bool { return f.credential(id, a) != "" }

// credential is the first of a target's credentials that the request was not refused with.
func (f *fakes) credential(id string, a Asking) string {
	for _, c := range f.credentials[id] {
		if !slices.Contains(a.Not, c) {
			return c
		}
	}
	return ""
}

func (f *fakes) Sent(key, session, target string, tokens int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.prefixes == nil {
		f.prefixes = map[string]int64{}
	}
	f.prefixes[key+" "+session+" "+target] = tokens
}

// Replay gives a stored reply as it is.
func (f *fakes) Replay(_ context.Context, _ *llm.Request, _ *llm.Target, stored *llm.StoredReply) (llm.Stream, error) {
	return stored, nil
}

func (f *fakes) Cached(key, session, target string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.prefixes[key+" "+session+" "+target]
}

func (f *fakes) Note(route, target string, tokens int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outputs = append(f.outputs, fmt.Sprint(route, " ", target, " ", tokens))
}

func (f *fakes) Expected(string, string) int64 { return f.expects }

// flight is an attempt of the fake Health.
type flight struct {
	*fakes
	id         string
	credential string
}

func (l flight) Credential() string { return l.credential }

func (l flight) FirstToken(time.Duration, http.Header) {}
func (l flight) Done(o Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes[l.id] = append(l.outcomes[l.id], o)
	all := l.credentials[l.id]
	if why := l.opens[l.id]; why != "" && o.Fault != llm.FaultNone && (len(all) == 0 || l.credential == all[len(all)-1]) {
		l.cooling[l.id] = why
	}
}

func (f *fakes) LimitStates(limits []llm.Limit, _ time.Time) (states []llm.LimitState) {
	for _, l := range limits {
		states = append(states, llm.LimitState{Limit: l})
	}
	return states
}

func (f *fakes) Affordable(limits []llm.Limit, ask llm.Ask, _ time.Time) (int64, error) {
	if f.full[f.route.Targets[0].ID] {
		return 0, &llm.Error{Code: llm.CodeBudget, Status: 429, Fault: llm.FaultBudget, Message: "over budget"}
	}
	return ask.Most, nil
}

func (f *fakes) Reserve(_ context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (Hold, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	output := ask.Most
	if f.afford > 0 {
		output = max(min(output, f.afford), ask.Least)
	}
	want := ask.Amounts(output)
	f.reserved = append(f.reserved, want)
	switch {
	case f.full[f.sending]:
		return nil, 0, &llm.Error{Code: llm.CodeBudget, Status: 429, Message: "over budget"}
	case f.waits > 0:
		f.waits--
		return nil, 0, &llm.Error{Code: llm.CodeRateLimited, Status: 429, Fault: llm.FaultHeld, RetryAfter: time.Second, Message: "held"}
	case f.reserveErr != nil:
		return nil, 0, f.reserveErr
	case f.leases[draft.ID]:
		return nil, 0, fmt.Errorf("lease %s is open already", draft.ID)
	}
	f.leases[draft.ID] = true
	h := &held{fakes: f, id: draft.ID}
	for _, l := range limits {
		h.states = append(h.states, llm.LimitState{Limit: l, WindowID: "w", Reserved: want.Of(l.Unit), Exceeded: !l.Hard()})
	}
	return h, output, nil
}

// held is a reservation of the fake meter.
type held struct {
	*fakes
	id     string
	states []llm.LimitState
}

func (h *held) States() []llm.LimitState { return h.states }
func (h *held) Seen(output int64)        { h.seen = output }

// Replace reserves anew in place of the hold, and leaves it when that is refused.
func (h *held) Replace(ctx context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (Hold, int64, error) {
	h.mu.Lock()
	h.leases[h.id] = false
	h.mu.Unlock()
	next, output, err := h.Reserve(ctx, draft, limits, ask)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.leases[h.id] = true
		return nil, 0, err
	}
	h.settled = append(h.settled, llm.Amounts{}) // it was given back unused
	return next, output, nil
}

// Grow raises the reservation without bound.
func (h *held) Grow(ask llm.Ask) (int64, error) { return ask.Most, nil }

func (h *held) Settle(_ context.Context, used llm.Amounts) ([]llm.Charge, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.leases[h.id] {
		return nil, errors.New("settled already")
	}
	h.leases[h.id] = false
	h.settled = append(h.settled, used)
	charges := []llm.Charge{{Scope: "s", Amount: int64(used.USD)}}
	for _, l := range h.states {
		if l.Unit == llm.UnitRequests {
			charges = append(charges, llm.Charge{Scope: l.Scope, Unit: l.Unit, Window: l.Window, WindowID: l.WindowID, Amount: used.Requests})
		}
	}
	return charges, nil
}

func (f *fakes) Freed() <-chan struct{} { return f.freed }

func (f *fakes) Prompt(string, *llm.Request) (int64, bool) { return f.text, f.text > 0 }

func (f *fakes) Write(_ context.Context, r *llm.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records, f.order = append(f.records, r), append(f.order, "write")
	return f.writeErr
}

func (f *fakes) sink(*llm.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.order = append(f.order, "sink")
}
