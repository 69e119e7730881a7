package pipeline

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
)

// sharedBudget is a pipeline with a real meter, for many callers at once. Every reply takes a
// second.
type sharedBudget struct {
	*fakes // the route, the policy and the router
	meter  *meter.Meter
	served atomic.Int64
	sent   atomic.Int64
	least  atomic.Int64 // the smallest bound on output that was sent
	most   atomic.Int64 // the largest one
	mu     sync.Mutex
	spent  llm.NanoUSD
}

func (c *sharedBudget) pipeline() *Pipeline {
	return New(Stages{Routes: c, Policy: c, Cache: fakeCache{c.fakes}, Router: c, Dialects: c, Upstream: c, Health: c, Capacity: c.capacity, Prompts: c, Outputs: c, Meter: c, Tokens: c,
		Ledger: c, Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

func (c *sharedBudget) Prepare(_ context.Context, x *llm.Exchange) error {
	x.Sent = x.Request
	return nil
}

func (c *sharedBudget) Call(_ context.Context, x *llm.Exchange) (llm.Call, error) {
	for {
		had := c.least.Load()
		if x.MaxOutput >= had && had != 0 || c.least.CompareAndSwap(had, x.MaxOutput) {
			break
		}
	}
	for {
		had := c.most.Load()
		if x.MaxOutput <= had || c.most.CompareAndSwap(had, x.MaxOutput) {
			break
		}
	}
	return llm.Call{}, nil
}

func (c *sharedBudget) Do(context.Context, *llm.Target, llm.Call) (*llm.Answer, error) {
	c.sent.Add(1)
	time.Sleep(time.Second) // synctest's clock
	return &llm.Answer{Status: 200, Header: http.Header{}, Body: http.NoBody}, nil
}

func (c *sharedBudget) Read(ctx context.Context, _ *llm.Exchange, _ *llm.Answer) (llm.Stream, error) {
	return &fakeStream{action: plain("hello"), ctx: ctx}, nil
}

func (c *sharedBudget) Begin(string, Asking) (Flight, bool)       { return idle{}, true }
func (c *sharedBudget) Freed() <-chan struct{}                    { return c.meter.Freed() }
func (c *sharedBudget) Prompt(string, *llm.Request) (int64, bool) { return 0, false }

func (c *sharedBudget) Reserve(_ context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (Hold, int64, error) {
	states, output, err := c.meter.Reserve(draft.ID, limits, ask)
	return &leased{c.meter, draft.ID, states}, output, err
}

func (c *sharedBudget) Write(_ context.Context, r *llm.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spent += r.Cost
	return nil
}

type idle struct{}

func (idle) Credential() string                    { return "" }
func (idle) FirstToken(time.Duration, http.Header) {}
func (idle) Done(Outcome)                          {}

// leased is a reservation of a real meter.
type leased struct {
	meter  *meter.Meter
	id     string
	states []llm.LimitState
}

func (l *leased) States() []llm.LimitState { return l.states }
func (l *leased) Seen(int64)               {}
func (l *leased) Replace(_ context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (Hold, int64, error) {
	states, output, err := l.meter.Replace(l.id, draft.ID, limits, ask)
	return &leased{l.meter, draft.ID, states}, output, err
}

func (l *leased) Grow(ask llm.Ask) (int64, error) {
	return l.meter.Grow(l.id, l.states, ask)
}
func (l *leased) Settle(_ context.Context, used llm.Amounts) ([]llm.Charge, error) {
	return l.meter.Settle(l.id, used), nil
}

// TestManyClientsShareABudget: 64 clients and 1 USD, on a model whose longest reply alone
// would cost more. They are served, and the budget holds to the end.
func TestManyClientsShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &sharedBudget{fakes: newFakes("gpt-5"), meter: meter.New(time.Now, nil, meter.Options{})}
		gpt5 := c.route.Targets[0]
		gpt5.Context, gpt5.MaxOutput = 400_000, 128_000
		gpt5.Price = llm.Price{Known: true, Input: 125 * llm.USD / 100, Output: 10 * llm.USD}
		c.decision.Limits = []llm.Limit{hardBudget()}
		p := c.pipeline()
		var wg sync.WaitGroup
		for client := range 64 {
			wg.Go(func() {
				for n := range 20 {
					req := request(false)
					req.ID, req.Received = requestID(client, n), time.Now()
					req.Facts.TextBytes = 100
					if p.Serve(context.Background(), req, &caller{}) == nil {
						c.served.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if served := c.served.Load(); served < 1200 {
			t.Errorf("%d of 1,280 requests were served, want nearly all of them", served)
		}
		if c.spent > llm.USD || c.least.Load() < llm.LeastOutput || c.most.Load() < 40_000 {
			t.Errorf("spent %v with bounds of %d to %d tokens, want at most $1.00 and at least %d", c.spent, c.least.Load(), c.most.Load(), llm.LeastOutput)
		}
		t.Logf("%d served, %v spent, bounds of %d to %d tokens", c.served.Load(), c.spent, c.least.Load(), c.most.Load())
	})
}

func requestID(client, n int) string {
	return "req_" + string(rune('A'+client)) + "_" + string(rune('A'+n))
}

// TestTwoAttemptsAtOnce makes two attempts of one request at the same time, to their end,
// for the race detector: they share nothing that changes, and each has its own result.
func TestTwoAttemptsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &sharedBudget{fakes: newFakes("a", "b"), meter: meter.New(time.Now, nil, meter.Options{})}
		req := request(true)
		req.Received = time.Now()
		x := c.pipeline().begin(req)
		if err := x.admit(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := x.rank(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		both := make([]*attempt, 2)
		var wg sync.WaitGroup
		for i, target := range x.route.Targets {
			a := s.attempt(task{target: target, try: 1})
			both[i] = a
			wg.Go(func() { finishAlone(t, a) })
		}
		wg.Wait()
		for i, a := range both {
			came := a.result()
			if a.entry.Target != x.route.Targets[i].ID || a.entry.Status != 200 || came.usage.Output != 10 || came.cost != 200_000 {
				t.Errorf("attempt %d came to %+v, %+v", i, a.entry, came)
			}
		}
		if len(x.record.Attempts) != 0 || x.record.Target != "" {
			t.Errorf("an attempt wrote to the record: %+v", x.record)
		}
	})
}

// finishAlone carries out one attempt without its request.
func finishAlone(t *testing.T, a *attempt) {
	if err := a.begin(t.Context()); err != nil {
		t.Error(err)
		return
	}
	if err := a.prepare(); err != nil {
		t.Error(err)
		return
	}
	reply, err := a.send()
	if err != nil {
		t.Error(err)
		return
	}
	defer reply.Close()
	if ev, err := reply.Next(); err != nil || !ev.Final {
		t.Errorf("Next = %+v, %v; want the whole reply", ev, err)
	}
	a.finish(nil)
	a.settle(t.Context())
}
