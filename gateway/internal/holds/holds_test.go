package holds

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
)

// holdTest is a meter and a ledger with a clock that the test moves.
type holdTest struct {
	*Holds
	now time.Time
	url string
}

func newHoldTest(t *testing.T) *holdTest {
	t.Helper()
	h := &holdTest{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), url: "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")}
	h.Holds = h.reopen(t)
	return h
}

// reopen is what the next process begins with.
func (h *holdTest) reopen(t *testing.T) *Holds {
	t.Helper()
	if h.Holds != nil {
		if err := h.ledger.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := ledger.Open(t.Context(), h.url, ledger.Options{Now: func() time.Time { return h.now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	totals, err := l.Totals(t.Context(), h.now)
	if err != nil {
		t.Fatal(err)
	}
	m := meter.New(func() time.Time { return h.now }, nil, meter.Options{Lease: Lease})
	m.Restore(totals)
	return New(m, l, nil, nil, slog.New(slog.DiscardHandler))
}

func (h *holdTest) pass(t *testing.T, d time.Duration) {
	t.Helper()
	for range d / time.Second {
		h.now = h.now.Add(time.Second)
		h.Tend(t.Context(), h.now)
	}
}

func (h *holdTest) cost(t *testing.T) llm.NanoUSD {
	t.Helper()
	report, err := h.ledger.Spend(t.Context(), ledger.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Total.Cost
}

var (
	oneUSD    = llm.Limit{Name: "budget", Scope: "key:a", Unit: llm.UnitUSD, Window: "day", Max: int64(llm.USD)}
	oneAtOnce = llm.Limit{Name: "slot", Scope: "key:a", Unit: llm.UnitConcurrent, Max: 1}
)

// hundredth is a draft whose prompt costs a hundredth of a dollar, as each of its
// tokens of output does.
func hundredth(id string) *llm.Record {
	return &llm.Record{ID: id, Model: "m", KeyID: "a", Target: "p/m", Usage: llm.Usage{Input: 1},
		Price: llm.Price{Known: true, Input: 10_000 * llm.USD, Output: 10_000 * llm.USD}}
}

// A stream that lives long keeps its hold; a request that is gone without settling
// loses it within a minute, and is booked once as what was seen of it.
func TestAbandonedHold(t *testing.T) {
	h := newHoldTest(t)
	ctx, gone := context.WithCancel(t.Context())
	limits, want := []llm.Limit{oneUSD, oneAtOnce}, llm.Amounts{USD: llm.USD, Requests: 1}
	x, _, err := h.Reserve(ctx, hundredth("req_1"), limits, llm.Exactly(want))
	if err != nil {
		t.Fatal(err)
	}
	x.Seen(7)
	h.pass(t, time.Hour)
	if _, _, err := h.Reserve(ctx, hundredth("req_2"), limits[1:], llm.Exactly(want)); err == nil {
		t.Fatal("the slot of a stream under way was given away")
	}
	gone()
	h.pass(t, time.Minute)
	if got := h.meter.Percent(oneAtOnce); got != 0 {
		t.Errorf("a minute after its request ended, %d %% of the slots are taken, want 0", got)
	}
	if charges, err := x.Settle(t.Context(), want); err == nil || charges != nil {
		t.Errorf("Settle after that = %v, %v, want an error: it has been booked", charges, err)
	}
	late := hundredth("req_1") // what the pipeline would write
	if err := h.ledger.Write(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if percent, cost := h.meter.Percent(oneUSD), h.cost(t); percent != 8 || cost != 8*llm.USD/100 {
		t.Errorf("the budget says %d %%, spend says %v; want 8 %% and $0.08", percent, cost)
	}
	if next := h.reopen(t); next.meter.Percent(oneUSD) != 8 {
		t.Errorf("after a restart %d %% are spent, want 8: nothing is charged twice", next.meter.Percent(oneUSD))
	}
}

// What a killed process had reserved is booked by the next one, and the budget and
// spend agree about it.
func TestHoldsAfterACrash(t *testing.T) {
	h := newHoldTest(t)
	for i, seen := range []int64{0, 3, 5} {
		x, _, err := h.Reserve(t.Context(), hundredth("req_"+string(rune('a'+i))), []llm.Limit{oneUSD}, llm.Exactly(llm.Amounts{USD: llm.USD / 4}))
		if err != nil {
			t.Fatal(err)
		}
		x.Seen(seen)
	}
	h.pass(t, time.Second)
	h.Holds = h.reopen(t) // the holds are lost with their process
	if percent, cost := h.meter.Percent(oneUSD), h.cost(t); percent != 11 || cost != 11*llm.USD/100 {
		t.Errorf("the budget says %d %%, spend says %v; want 11 %% and $0.11", percent, cost)
	}
}

// A fallback reserves anew under the same id, in the meter and in the journal.
func TestHoldsReserveAgain(t *testing.T) {
	h := newHoldTest(t)
	limits := []llm.Limit{oneUSD}
	for range 3 {
		x, _, err := h.Reserve(t.Context(), hundredth("req_1"), limits, llm.Exactly(llm.Amounts{USD: llm.USD}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Settle(t.Context(), llm.Amounts{}); err != nil {
			t.Fatal(err)
		}
	}
	x, _, err := h.Reserve(t.Context(), hundredth("req_1"), limits, llm.Exactly(llm.Amounts{USD: llm.USD}))
	if err != nil {
		t.Fatal(err)
	}
	r := hundredth("req_1")
	r.Cost = 2 * llm.USD / 100
	if r.Charges, err = x.Settle(t.Context(), r.Used()); err != nil {
		t.Fatal(err)
	}
	if err := h.ledger.Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	next := h.reopen(t)
	if got := next.meter.Percent(oneUSD); got != 2 {
		t.Errorf("after a restart %d %% are spent, want 2", got)
	}
	if d := cmp.Diff(0, len(h.open)); d != "" {
		t.Errorf("holds are left open (-want +got):\n%s", d)
	}
}

// A stream that has outrun its reservation, in a rolling window, is booked as what was seen of
// it, whether its request is lost or its process.
func TestGrownHoldIsBookedOnce(t *testing.T) {
	limit := oneUSD
	limit.Window, limit.OnExceed = "rolling 1h", llm.ExceedCut
	for name, end := range map[string]func(*holdTest, context.CancelFunc){
		"the request is gone": func(h *holdTest, gone context.CancelFunc) { gone(); h.pass(t, time.Minute) },
		"the process is gone": func(h *holdTest, _ context.CancelFunc) { h.pass(t, time.Second); h.Holds = h.reopen(t) },
	} {
		h := newHoldTest(t)
		ctx, gone := context.WithCancel(t.Context())
		defer gone()
		x, _, err := h.Reserve(ctx, hundredth("req_1"), []llm.Limit{limit}, llm.Exactly(llm.Amounts{USD: llm.USD / 10}))
		if err != nil {
			t.Fatal(err)
		}
		ask := func(least int64) llm.Ask {
			return llm.Ask{Least: least, Most: least + 10, Amounts: func(output int64) llm.Amounts { return llm.Amounts{USD: llm.NanoUSD(output+1) * llm.USD / 100} }}
		}
		if output, err := x.Grow(ask(50)); err != nil || output != 60 {
			t.Errorf("%s: Grow = %d, %v, want 60", name, output, err)
		}
		x.Seen(70)
		if _, err := x.Grow(ask(100)); llm.AsError(err).Fault != llm.FaultOverrun {
			t.Errorf("%s: Grow beyond the limit = %v", name, err)
		}
		end(h, gone)
		if percent, cost := h.meter.Percent(limit), h.cost(t); percent != 71 || cost != 71*llm.USD/100 {
			t.Errorf("%s: the budget says %d %%, spend says %v; want 71 %% and $0.71", name, percent, cost)
		}
		h.now = h.now.Add(62 * time.Minute)
		if percent := h.meter.Percent(limit); percent != 0 {
			t.Errorf("%s: an hour later %d %% are used", name, percent)
		}
	}
}

// A request that was made to a second target beside a slow one has two holds, which both end
// with its one record.
func TestHoldsBesideEachOther(t *testing.T) {
	h := newHoldTest(t)
	limits, quarter := []llm.Limit{oneUSD}, llm.Exactly(llm.Amounts{USD: llm.USD / 4})
	x, _, err := h.Reserve(t.Context(), hundredth("req_1"), limits, quarter)
	if err != nil {
		t.Fatal(err)
	}
	beside, _, err := h.Reserve(t.Context(), hundredth(llm.BesideID("req_1")), limits, quarter)
	if err != nil {
		t.Fatal(err)
	}
	r := hundredth("req_1")
	r.Attempts = []llm.Attempt{{Target: "p/m"}, {Target: "p/n", Hedge: true}}
	r.Cost = 2 * llm.USD / 100
	charges, err := beside.Settle(t.Context(), llm.Amounts{})
	if err != nil || len(charges) != 0 {
		t.Errorf("Settle = %v, %v", charges, err)
	}
	if r.Charges, err = x.Settle(t.Context(), r.Used()); err != nil {
		t.Fatal(err)
	}
	if err := h.ledger.Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	h.Holds = h.reopen(t)
	if percent, cost := h.meter.Percent(oneUSD), h.cost(t); percent != 2 || cost != 2*llm.USD/100 {
		t.Errorf("after a restart %d %% are spent and %v recorded, want 2 %% and $0.02", percent, cost)
	}
}

// What is refused in place of a hold leaves it as it is: because a limit has no room, or because
// the ledger can't be written.
func TestReplaceKeepsWhatIsHeld(t *testing.T) {
	h := newHoldTest(t)
	limits, half := []llm.Limit{oneUSD}, llm.Exactly(llm.Amounts{USD: llm.USD / 2})
	x, _, err := h.Reserve(t.Context(), hundredth("req_1"), limits, half)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Replace(t.Context(), hundredth("req_1"), limits, llm.Exactly(llm.Amounts{USD: 2 * llm.USD})); llm.AsError(err).Code != llm.CodeBudget {
		t.Errorf("Replace by too much = %v", err)
	}
	if x, _, err = x.Replace(t.Context(), hundredth("req_1"), limits, llm.Exactly(llm.Amounts{USD: llm.USD})); err != nil {
		t.Errorf("Replace by all of the limit = %v: it has room for that, but not beside what was held", err)
	}
	if err := h.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Replace(t.Context(), hundredth("req_1"), limits, half); llm.AsError(err).Code != llm.CodeUnavailable {
		t.Errorf("Replace without a ledger = %v", err)
	}
	if charges, err := x.Settle(t.Context(), llm.Amounts{USD: llm.USD / 4}); err != nil || len(charges) != 1 {
		t.Errorf("Settle = %v, %v, want a charge of what was used", charges, err)
	}
	if percent := h.meter.Percent(oneUSD); percent != 25 {
		t.Errorf("%d %% are spent, want 25", percent)
	}
}

// A whole reply from the cache is recorded before anybody gets it and spends nothing, so a
// killed process leaves nothing of it. A stream may have been sent in part.
func TestReplyFromTheCacheAfterACrash(t *testing.T) {
	h := newHoldTest(t)
	one := llm.Exactly(llm.Amounts{Requests: 1})
	for id, stream := range map[string]bool{"req_plain": false, "req_stream": true} {
		draft := &llm.Record{ID: id, Model: "m", KeyID: "a", Stream: stream}
		if _, _, err := h.Reserve(t.Context(), draft, []llm.Limit{oneUSD}, one); err != nil {
			t.Fatal(err)
		}
	}
	h.Holds = h.reopen(t)
	var left []string
	for _, id := range []string{"req_plain", "req_stream"} {
		if _, err := h.ledger.Get(t.Context(), id); err == nil {
			left = append(left, id)
		}
	}
	if diff := cmp.Diff([]string{"req_stream"}, left); diff != "" {
		t.Errorf("records after a crash (-want +got):\n%s", diff)
	}
}

// A hold that another target takes over has the room of a raise as well.
func TestReplaceIsRaised(t *testing.T) {
	h := newHoldTest(t)
	h.raised = func(limits []llm.Limit, _ time.Time) []llm.Limit {
		raised := slices.Clone(limits)
		for i := range raised {
			raised[i].Max, raised[i].Raised = raised[i].Max+2*int64(llm.USD), 2*int64(llm.USD)
		}
		return raised
	}
	limits := []llm.Limit{oneUSD}
	x, _, err := h.Reserve(t.Context(), hundredth("req_1"), limits, llm.Exactly(llm.Amounts{USD: 2 * llm.USD}))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Replace(t.Context(), hundredth("req_1"), limits, llm.Exactly(llm.Amounts{USD: 3 * llm.USD})); err != nil {
		t.Errorf("Replace by all that a raise gives = %v", err)
	}
}
