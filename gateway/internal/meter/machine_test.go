package meter

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
	"pgregory.net/rapid"
)

// machine is a meter beside its model.
type machine struct {
	*model
	meter *Meter
	// limits are those of the run: one that refuses for every meter, and some that warn.
	limits []llm.Limit
	// reserved are the limits of the open leases.
	reserved map[string][]llm.LimitState
	// setBack says that the clock was, so that windows may have begun anew.
	setBack bool
}

const ttl = 10 * time.Minute

// moments are when windows of many kinds end: clock changes, the ends of months and years, a
// leap day, and days on which fiscal years begin.
var moments = []string{"2026-03-29T00:59:30Z", "2026-10-25T00:59:30Z", "2026-11-01T03:59:00Z", "2026-12-31T23:59:00Z", "2027-02-28T23:59:59Z",
	"2028-02-28T23:59:00Z", "2028-02-29T23:59:30Z", "2028-04-05T22:59:59Z", "2028-06-30T18:14:59Z", "2029-01-31T23:59:59Z"}

func newMachine(t *rapid.T, zones []*time.Location) *machine {
	mc := &machine{model: &model{now: at0, loc: rapid.SampledFrom(zones).Draw(t, "zone"), meters: map[key]*modelMeter{}}, reserved: map[string][]llm.LimitState{}}
	mc.begin()
	windows := rapid.SampledFrom([]string{"1m", "day", "month", "quarter", "hour", "week from Sunday", "month from 15", "year from 04-06 in Europe/London",
		"day in Asia/Kathmandu", "rolling 1m", "rolling 1h", "rolling 24h", "rolling 30d"})
	for i := range rapid.IntRange(1, 6).Draw(t, "limits") {
		l := llm.Limit{Name: fmt.Sprint(i), Scope: fmt.Sprint("scope", i), Window: windows.Draw(t, "window"), Max: rapid.Int64Range(0, 60).Draw(t, "max"),
			Unit:     rapid.SampledFrom([]llm.Unit{llm.UnitUSD, llm.UnitUSD, llm.UnitTokens, llm.UnitOutputTokens, llm.UnitRequests, llm.UnitConcurrent}).Draw(t, "unit"),
			OnExceed: rapid.SampledFrom([]llm.OnExceed{llm.ExceedDeny, llm.ExceedCut, llm.ExceedWarn}).Draw(t, "on_exceed")}
		if l.Unit == llm.UnitConcurrent {
			l.Window = ""
		}
		mc.limits = append(mc.limits, l)
		if rapid.IntRange(0, 3).Draw(t, "warns") == 0 {
			l.Max, l.OnExceed = l.Max*8/10, llm.ExceedWarn
			mc.limits = append(mc.limits, l)
		}
	}
	return mc
}

var at0 = time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC)

// begin starts a meter like a new process.
func (mc *machine) begin() {
	mc.meter = New(func() time.Time { return mc.now }, mc.loc, Options{Lease: ttl})
}

func drawAmounts(t *rapid.T) llm.Amounts {
	n := rapid.Int64Range(0, 20)
	return llm.Amounts{USD: llm.NanoUSD(n.Draw(t, "usd")), InputTokens: n.Draw(t, "in"), OutputTokens: n.Draw(t, "out"), Requests: 1}
}

// reserve reserves, in place of what is held under the same name.
func (mc *machine) reserve(t *rapid.T) {
	name := rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(t, "lease")
	held := mc.meter.leases[name] != nil
	limits := rapid.SliceOfN(rapid.SampledFrom(mc.limits), 1, 6).Draw(t, "limits")
	for _, l := range mc.limits { // no request leaves out the limit that refuses
		if l.Hard() && !slices.Contains(limits, l) && slices.ContainsFunc(limits, func(o llm.Limit) bool { return keyOf(&o) == keyOf(&l) }) {
			limits = append(limits, l)
		}
	}
	want := drawAmounts(t)
	var before []int64
	for i := range limits {
		spent, reserved, _ := mc.model.meter(keyOf(&limits[i])).sums(mc.now)
		before = append(before, spent+reserved)
	}
	_, expected := mc.meter.Affordable(limits, llm.Exactly(want), mc.now)
	var fits bool
	var states []llm.LimitState
	var err error
	if held {
		fits = mc.model.replace(name, limits, want, ttl)
		states, _, err = mc.meter.Replace(name, name, limits, llm.Exactly(want))
	} else {
		fits = mc.model.reserve(name, limits, want, ttl)
		states, _, err = mc.meter.Reserve(name, limits, llm.Exactly(want))
	}
	if (err == nil) != fits || !held && fmt.Sprint(expected) != fmt.Sprint(err) {
		t.Fatalf("Reserve(%v, %+v) = %v, Affordable = %v, the model says fits = %t", limits, want, err, expected, fits)
	}
	for i, s := range states {
		in := mc.model.meter(keyOf(&limits[i])).cur
		if !held && s.Before != before[i] || s.WindowID != in.id || s.Hard() && s.Before+s.Reserved > s.Max {
			t.Fatalf("state %d = %+v, want before %d in %s, at most %d", i, s, before[i], in.id, s.Max)
		}
	}
	if err == nil {
		mc.reserved[name] = states
	}
}

// held draws a lease that is open.
func (mc *machine) held(t *rapid.T) string {
	var names []string
	for name := range mc.reserved {
		names = append(names, name)
	}
	if len(names) == 0 {
		t.Skip("nothing is held")
	}
	slices.Sort(names)
	return rapid.SampledFrom(names).Draw(t, "held")
}

// grow grows a reservation to what a stream has used.
func (mc *machine) grow(t *rapid.T) {
	name, base := mc.held(t), drawAmounts(t)
	least := rapid.Int64Range(0, 40).Draw(t, "least")
	ask := llm.Ask{Least: least, Most: least + rapid.Int64Range(0, 20).Draw(t, "more"), Amounts: func(output int64) llm.Amounts {
		return llm.Amounts{USD: base.USD + llm.NanoUSD(output), InputTokens: base.InputTokens, OutputTokens: output, Requests: 1}
	}}
	states := mc.reserved[name]
	var limits []llm.Limit
	for _, s := range states {
		limits = append(limits, s.Limit)
	}
	want, ok := mc.model.grow(name, limits, ask)
	got, err := mc.meter.Grow(name, states, ask)
	if got != want || (err == nil) != ok {
		t.Fatalf("Grow(%d to %d) = %d, %v, the model says %d, %t", ask.Least, ask.Most, got, err, want, ok)
	}
}

func (mc *machine) settle(t *rapid.T) { mc.settleOne(t, mc.held(t)) }

func (mc *machine) settleOne(t *rapid.T, name string) {
	used := drawAmounts(t)
	delete(mc.reserved, name)
	got, want := mc.meter.Settle(name, used), mc.model.settle(name, used)
	if d := cmp.Diff(sorted(want), sorted(got)); len(want)+len(got) > 0 && d != "" {
		t.Fatalf("Settle (-want +got):\n%s", d)
	}
	if again := mc.meter.Settle(name, used); again != nil {
		t.Fatalf("a second Settle charges %v", again)
	}
}

func (mc *machine) sweep(t *rapid.T) {
	want, got := mc.model.sweep(), mc.meter.Sweep(mc.now)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Fatalf("Sweep = %v, want %v", got, want)
	}
	for _, name := range got {
		mc.settleOne(t, name)
	}
}

// restart ends the process while requests are under way: the ledger charges them.
func (mc *machine) restart(t *rapid.T) {
	for len(mc.reserved) > 0 {
		mc.settleOne(t, mc.held(t))
	}
	mc.model.restart()
	mc.begin()
	mc.meter.Restore(mc.ledger)
}

// check compares everything that is counted.
func (mc *machine) check(t *rapid.T) {
	for i := range mc.limits {
		l := &mc.limits[i]
		k := keyOf(l)
		var spent, reserved, overrun int64
		if mm := mc.meters[k]; mm != nil {
			spent, reserved, overrun = mm.sums(mc.now)
		}
		var got counts
		if c := mc.meter.counters[k]; c != nil {
			got = c.countsAt(mc.now)
			if len(c.older) > llm.RollingParts {
				t.Fatalf("%v keeps %d older parts", k, len(c.older))
			}
		}
		if got.spent != spent || got.reserved != reserved {
			t.Fatalf("%v has %+v, the model has %d spent and %d reserved", k, got, spent, reserved)
		}
		if l.Hard() && spent+reserved > l.Max+overrun {
			t.Fatalf("%v has %d spent and %d reserved of %d, and only %d were booked beyond", k, spent, reserved, l.Max, overrun)
		}
		if booked := mc.booked(k); !mc.setBack && booked != spent {
			t.Fatalf("%v has %d spent, the ledger has %d", k, spent, booked)
		}
	}
}

func (mc *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"reserve": mc.reserve, "reserve more": mc.reserve, "grow": mc.grow, "settle": mc.settle, "sweep": mc.sweep, "restart": mc.restart, "": mc.check,
		"wait": func(t *rapid.T) {
			mc.now = mc.now.Add(time.Duration(rapid.Int64Range(1, 3000).Draw(t, "seconds")) * time.Second)
		},
		"wait a little": func(t *rapid.T) {
			mc.now = mc.now.Add(time.Duration(rapid.Int64Range(1, 3e9).Draw(t, "ns")))
		},
		"leap": func(t *rapid.T) {
			moment, _ := time.Parse(time.RFC3339, rapid.SampledFrom(moments).Draw(t, "moment"))
			if moment.After(mc.now) {
				mc.now = moment
			}
		},
		"set the clock back": func(t *rapid.T) {
			mc.setBack = true
			mc.now = mc.now.Add(-time.Duration(rapid.Int64Range(1, 7200).Draw(t, "seconds")) * time.Second)
		},
	}
}

// TestMeterAgainstModel runs 10,000 cases: reservations, streams that outrun them, requests that
// are lost, restarts, windows that end meanwhile, and clocks that leap or are set back. Under
// the race detector or with -short it runs a few hundred. The meter must count exactly what
// the model counts, and no limit may be passed but by what was booked beyond it.
func TestMeterAgainstModel(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC, zone(t, "Europe/Berlin"), zone(t, "Asia/Kathmandu"), zone(t, "America/Havana"), zone(t, "Australia/Lord_Howe")}
	rounds := 100 // of 100 cases
	if raced || testing.Short() {
		rounds = 5
	}
	for range rounds {
		rapid.Check(t, func(t *rapid.T) {
			mc := newMachine(t, zones)
			t.Repeat(mc.actions())
		})
	}
}
