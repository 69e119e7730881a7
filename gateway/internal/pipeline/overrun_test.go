package pipeline

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
)

// metered are the fakes with a real meter.
type metered struct {
	*fakes
	meter *meter.Meter
}

func newMetered(f *fakes) *metered {
	return &metered{f, meter.New(time.Now, nil, meter.Options{})}
}

func (c *metered) Reserve(_ context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (Hold, int64, error) {
	states, output, err := c.meter.Reserve(draft.ID, limits, ask)
	return &leased{c.meter, draft.ID, states}, output, err
}

func (c *metered) Affordable(limits []llm.Limit, ask llm.Ask, at time.Time) (int64, error) {
	return c.meter.Affordable(limits, ask, at)
}

// serveOn serves one request on the meter.
func (c *metered) serveOn(req *llm.Request) (*caller, *llm.Record, error) {
	p, got := c.pipeline(), new(caller)
	p.Meter = c
	req.Received = time.Now()
	err := p.Serve(context.Background(), req, got)
	return got, c.records[len(c.records)-1], err
}

// spent returns what the only meter counts.
func (c *metered) spent(t *testing.T) int64 {
	t.Helper()
	counts := slices.Collect(c.meter.All())
	if len(counts) != 1 || counts[0].Reserved != 0 {
		t.Fatalf("the meters are %+v, want one that holds nothing", counts)
	}
	return counts[0].Spent
}

// tokens is a stream that has so many tokens, whatever it was asked for.
func tokens(n int) action {
	a := stream(slices.Repeat([]string{"x"}, n)...)
	a.counted = true
	return a
}

// ten asks for ten tokens of output. Its prompt costs 0.12 thousandths of a dollar, a token of
// output 0.01 of them.
func ten(stream bool) *llm.Request {
	req := request(stream)
	req.Facts.TextBytes, req.Facts.MaxTokens = 56, 10
	return req
}

const (
	tenPrompt = 120_000
	tenToken  = 10_000
)

// TestStreamsThatOutrunTheirReservation: a target sends more than it was asked for. What
// happens is up to the limit.
func TestStreamsThatOutrunTheirReservation(t *testing.T) {
	for _, tt := range []struct {
		name   string
		action llm.OnExceed
		room   int64 // in tokens of output
		sends  int
		want   int // tokens that the caller gets; all that are sent are booked
		booked int64
	}{
		{"within its reservation", llm.ExceedCut, 10, 10, 10, 10},
		{"the limit has room", llm.ExceedCut, 800, 300, 300, 300},
		{"the limit has room for some", llm.ExceedCut, 25, 300, 25, 26},
		{"the limit has room for nothing", llm.ExceedCut, 10, 300, 10, 11},
		{"a limit that denies", llm.ExceedDeny, 25, 300, 300, 300},
		{"a limit that warns", llm.ExceedWarn, 5, 300, 300, 300},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakes("a")
			f.script["a"] = []action{tokens(tt.sends)}
			limit := hardBudget()
			limit.Window, limit.OnExceed, limit.Max = "rolling 24h", tt.action, tenPrompt+tt.room*tenToken
			f.decision.Limits = []llm.Limit{limit}
			c := newMetered(f)
			got, record, err := c.serveOn(ten(true))
			if n := strings.Count(got.text, "x"); n != tt.want {
				t.Errorf("the caller got %d tokens, want %d", n, tt.want)
			}
			if spent := c.spent(t); spent != tenPrompt+tt.booked*tenToken || int64(record.Cost) != spent {
				t.Errorf("%d are spent and %d recorded, want %d", spent, record.Cost, tenPrompt+tt.booked*tenToken)
			}
			if cut := tt.want < tt.sends; cut != (err != nil) || cut == strings.Contains(got.text, "[DONE]") {
				t.Errorf("the caller got %q and %v", got.text, err)
			}
			if err != nil {
				checkCut(t, err, record, f)
			}
			if _, _, err := c.serveOn(ten(true)); (err == nil) != (tt.action == llm.ExceedWarn || tt.room > 300) {
				t.Errorf("the next request: %v", err)
			}
		})
	}
}

// checkCut checks that a reply is known to be cut, by its limit and not by its target.
func checkCut(t *testing.T, err error, record *llm.Record, f *fakes) {
	t.Helper()
	e := llm.AsError(err)
	if e.Code != llm.CodeBudget || e.Status != 429 || !strings.HasPrefix(e.Message, "this reply was cut off because it takes more than was reserved for it: key/k has used $0.00 of ") {
		t.Errorf("the reply ends with %+v", e)
	}
	if record.Code != llm.CodeBudget || record.Finish != "" || record.Attempts[0].Fault != llm.FaultOverrun {
		t.Errorf("the record has %s, finish %q and %+v", record.Code, record.Finish, record.Attempts)
	}
	if out := f.outcomes["a"][0]; out.Fault != llm.FaultOverrun {
		t.Errorf("the target's health is told %+v", out)
	}
}

// TestCompleteRepliesAreNotCut: what has been paid for is not withheld.
func TestCompleteRepliesAreNotCut(t *testing.T) {
	ended := stream("all of it")
	ended.info.Usage.Output = 500 // reasoning that was not shown, known at the end
	whole := plain("all of it")
	whole.info.Usage.Output = 500
	for name, c := range map[string]struct {
		sends action
		req   *llm.Request
	}{"a stream that says so at its end": {lateUsage(ended), ten(true)}, "a plain reply": {whole, ten(false)}} {
		f := newFakes("a")
		f.script["a"] = []action{c.sends}
		limit := hardBudget()
		limit.OnExceed, limit.Max = llm.ExceedCut, tenPrompt+20*tenToken
		f.decision.Limits = []llm.Limit{limit}
		m := newMetered(f)
		got, record, err := m.serveOn(c.req)
		if err != nil || !strings.Contains(got.text, "all of it") || record.Usage.Output != 500 {
			t.Errorf("%s: %q, %v, %+v", name, got.text, err, record.Usage)
		}
		if spent := m.spent(t); spent != int64(record.Cost) || spent <= limit.Max {
			t.Errorf("%s: %d are spent, want all of the cost, %d", name, spent, record.Cost)
		}
		if _, _, err := m.serveOn(ten(true)); err == nil {
			t.Errorf("%s: the next request was served although the limit is overdrawn", name)
		}
	}
}

// lateUsage makes a stream say what it has used once it has given its reason for ending.
func lateUsage(a action) action { a.usageAtEnd = true; return a }

// TestStreamIsCutByWhatItDoesNotShow: the provider counts reasoning as it goes.
func TestStreamIsCutByWhatItDoesNotShow(t *testing.T) {
	f := newFakes("a")
	thinking := stream("some", "more")
	thinking.info.Usage.Output = 500
	f.script["a"] = []action{thinking}
	limit := hardBudget()
	limit.OnExceed, limit.Max = llm.ExceedCut, tenPrompt+20*tenToken
	f.decision.Limits = []llm.Limit{limit}
	c := newMetered(f)
	got, record, err := c.serveOn(ten(true))
	if err == nil || strings.Contains(got.text, "[DONE]") {
		t.Errorf("the caller got %q, %v", got.text, err)
	}
	if spent := c.spent(t); spent != int64(record.Cost) || record.Usage.Output != 500 {
		t.Errorf("%d are spent, want the cost of 500 tokens, %+v", spent, record.Usage)
	}
}

// TestFallbacksAreReservedAtTheirOwnPrice: one that does not fit is left out for one that does.
// Where none does, nothing is sent to it, and nothing is held.
func TestFallbacksAreReservedAtTheirOwnPrice(t *testing.T) {
	for name, c := range map[string]struct {
		fails, want []string
		served      bool
	}{
		"the dear one is skipped":            {[]string{"a"}, []string{"a", "c"}, true},
		"the dear one is the only one left":  {[]string{"a", "c"}, []string{"a", "c"}, false},
		"the first one serves":               {nil, []string{"a"}, true},
		"the dear one is asked when it fits": {[]string{"a", "dear enough"}, []string{"a", "b"}, true},
	} {
		f := newFakes("a", "b", "c")
		f.route.Retries.Attempts = 1
		f.route.Targets[1].Price.Output = 1000 * llm.USD
		for _, id := range c.fails {
			f.script[id] = []action{failing(llm.FaultServer, 500)}
		}
		limit := hardBudget()
		limit.Max = tenPrompt + 20*tenToken
		if slices.Contains(c.fails, "dear enough") {
			limit.Max = int64(llm.USD)
		}
		f.decision.Limits = []llm.Limit{limit}
		m := newMetered(f)
		_, record, err := m.serveOn(ten(false))
		if (err == nil) != c.served || !slices.Equal(f.sent, c.want) {
			t.Errorf("%s: sent to %v, %v; want %v", name, f.sent, err, c.want)
		}
		if spent := m.spent(t); spent != int64(record.Cost) || (spent > 0) != c.served {
			t.Errorf("%s: %d are spent, %d recorded", name, spent, record.Cost)
		}
	}
}

// TestDearTargetThatDoesNotFitIsRefusedByName: nothing was asked, so the refusal is the answer.
func TestDearTargetThatDoesNotFitIsRefusedByName(t *testing.T) {
	f := newFakes("a", "b")
	for _, target := range f.route.Targets {
		target.Price.Output = 1000 * llm.USD
	}
	limit := hardBudget()
	limit.Max = tenPrompt + 20*tenToken
	f.decision.Limits = []llm.Limit{limit}
	_, _, err := newMetered(f).serveOn(ten(true))
	if e := llm.AsError(err); e.Code != llm.CodeBudget || !strings.Contains(e.Message, "key/k may use $0.00032 today") || len(f.sent) != 0 {
		t.Errorf("Serve = %v after calls %v, want the limit's refusal", err, f.sent)
	}
}
