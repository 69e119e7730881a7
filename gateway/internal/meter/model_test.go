package meter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
	"pgregory.net/rapid"
)

// model is a simple meter without regard for speed: a list of entries, summed for every
// question.
type model struct {
	now     time.Time
	entries []*entry
}

type entry struct {
	lease, scope, window, id string
	unit                     llm.Unit
	amount                   int64
	open                     bool
	expires                  time.Time
}

func (m *model) used(l llm.Limit, id string) (sum int64) {
	for _, e := range m.entries {
		if e.scope == l.Scope && e.unit == l.Unit && e.window == l.Window && e.id == id {
			sum += e.amount
		}
	}
	return sum
}

// percentBase returns what Percent counts: of money, what is spent and not what is
// reserved.
func (m *model) percentBase(l llm.Limit) (sum int64) {
	for _, e := range m.entries {
		if e.scope == l.Scope && e.unit == l.Unit && e.window == l.Window && e.id == m.id(l) && (!e.open || l.Unit == llm.UnitConcurrent) {
			sum += e.amount
		}
	}
	return sum
}

func (m *model) id(l llm.Limit) string {
	span, _ := llm.ParseWindow(l.Window)
	return windowAt(span, m.now, time.UTC).id
}

func (m *model) fits(limits []llm.Limit, want llm.Amounts) bool {
	for _, l := range limits {
		if l.Hard() && m.used(l, m.id(l))+want.Of(l.Unit) > l.Max {
			return false
		}
	}
	return true
}

func (m *model) reserve(lease string, limits []llm.Limit, want llm.Amounts, ttl time.Duration) {
	taken := map[string]bool{}
	for _, l := range limits {
		k := fmt.Sprint(l.Scope, l.Unit, l.Window)
		if !taken[k] {
			m.entries = append(m.entries, &entry{lease, l.Scope, l.Window, m.id(l), l.Unit, want.Of(l.Unit), true, m.now.Add(ttl)})
		}
		taken[k] = true
	}
}

// settle closes a lease's entries at what was used and returns the sum charged.
func (m *model) settle(lease string, used llm.Amounts) (sum int64) {
	for _, e := range m.entries {
		if !e.open || e.lease != lease {
			continue
		}
		e.open, e.amount = false, used.Of(e.unit)
		if e.unit == llm.UnitConcurrent {
			e.amount = 0
		}
		sum += e.amount
	}
	return sum
}

func (m *model) sweep() []string {
	var expired []string
	for _, e := range m.entries {
		if e.open && !m.now.Before(e.expires) && !slices.Contains(expired, e.lease) {
			expired = append(expired, e.lease)
		}
	}
	slices.Sort(expired)
	return expired
}

func total(charges []llm.Charge) (sum int64) {
	for _, c := range charges {
		sum += c.Amount
	}
	return sum
}

func drawLimits(t *rapid.T) []llm.Limit {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) llm.Limit {
		l := llm.Limit{
			Scope:    rapid.SampledFrom([]string{"a", "b"}).Draw(t, "scope"),
			Unit:     rapid.SampledFrom([]llm.Unit{llm.UnitUSD, llm.UnitTokens, llm.UnitRequests, llm.UnitConcurrent}).Draw(t, "unit"),
			Window:   rapid.SampledFrom([]string{"1m", "1h", "day"}).Draw(t, "window"),
			Max:      rapid.Int64Range(0, 40).Draw(t, "max"),
			OnExceed: rapid.SampledFrom([]llm.OnExceed{llm.ExceedDeny, llm.ExceedDeny, llm.ExceedCut, llm.ExceedWarn}).Draw(t, "on_exceed"),
		}
		if l.Unit == llm.UnitConcurrent {
			l.Window = ""
		}
		return l
	}), 1, 4).Draw(t, "limits")
}

func drawAmounts(t *rapid.T) llm.Amounts {
	n := rapid.Int64Range(0, 20)
	return llm.Amounts{USD: llm.NanoUSD(n.Draw(t, "usd")), InputTokens: n.Draw(t, "in"), OutputTokens: n.Draw(t, "out"), Requests: 1}
}

func TestMeterAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const ttl = 10 * time.Minute
		mod := &model{now: time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)}
		m := New(func() time.Time { return mod.now }, time.UTC, Options{Lease: ttl})
		leases := rapid.SampledFrom([]string{"1", "2", "3", "4", "5"})
		open := func(name string) bool { return m.leases[name] != nil }
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(t *rapid.T) {
				name, limits, want := leases.Draw(t, "lease"), drawLimits(t), drawAmounts(t)
				if open(name) {
					t.Skip("held")
				}
				fits := mod.fits(limits, want)
				states, _, err := m.Reserve(name, limits, llm.Exactly(want))
				if (err == nil) != fits {
					t.Fatalf("Reserve(%v, %+v) = %v, the model says fits = %t", limits, want, err, fits)
				}
				for i, s := range states {
					if before := mod.used(limits[i], mod.id(limits[i])); s.Before != before || s.WindowID != mod.id(limits[i]) {
						t.Fatalf("state %d = %+v, want before %d in %s", i, s, before, mod.id(limits[i]))
					}
				}
				if fits {
					mod.reserve(name, limits, want, ttl)
				}
			},
			"settle": func(t *rapid.T) {
				name, used := leases.Draw(t, "lease"), drawAmounts(t)
				if got, want := total(m.Settle(name, used)), mod.settle(name, used); got != want {
					t.Fatalf("Settle charged %d, want %d", got, want)
				}
			},
			"wait": func(t *rapid.T) {
				mod.now = mod.now.Add(time.Duration(rapid.Int64Range(1, 3000).Draw(t, "seconds")) * time.Second)
			},
			"sweep": func(t *rapid.T) {
				got, want := m.Sweep(mod.now), mod.sweep()
				slices.Sort(got)
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("Sweep (-want +got):\n%s", d)
				}
			},
			"": func(t *rapid.T) {
				for _, l := range []llm.Limit{{Scope: "a", Unit: llm.UnitUSD, Window: "day", Max: 100}, {Scope: "b", Unit: llm.UnitConcurrent, Max: 100}} {
					if got, want := m.Percent(l), int(mod.percentBase(l)); got != want {
						t.Fatalf("Percent(%s %s) = %d, want %d", l.Scope, l.Unit, got, want)
					}
				}
			},
		})
	})
}

// Racing requests never pass a hard limit, and when all is over nothing is held.
func TestHammer(t *testing.T) {
	m := New(time.Now, nil, Options{})
	const most = 100_000
	limits := []llm.Limit{
		{Name: "budget", Scope: "team", Unit: llm.UnitUSD, Window: "month", Max: most},
		{Name: "flight", Scope: "team", Unit: llm.UnitConcurrent, Max: 8},
		{Name: "tokens", Scope: "key", Unit: llm.UnitTokens, Window: "month", Max: most * 10},
	}
	var mu sync.Mutex
	var spent int64
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 2000 {
				lease := fmt.Sprintf("%d.%d", w, i)
				want := llm.Amounts{USD: llm.NanoUSD(rnd.Int64N(50)), InputTokens: rnd.Int64N(50), Requests: 1}
				states, _, err := m.Reserve(lease, limits, llm.Exactly(want))
				if err != nil {
					continue
				}
				if s := states[0]; s.Before+s.Reserved > most || states[1].Before >= 8 {
					t.Errorf("a hard limit was passed: %+v", states)
				}
				used := want
				used.USD = llm.NanoUSD(rnd.Int64N(int64(want.USD) + 1))
				charges := m.Settle(lease, used)
				mu.Lock()
				for _, c := range charges {
					if c.Unit == llm.UnitUSD {
						spent += c.Amount
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for k, c := range m.counters {
		if c.cur.reserved != 0 {
			t.Errorf("%d of %v are still reserved", c.cur.reserved, k)
		}
	}
	if got := m.counters[key{"team", "month", llm.UnitUSD}].cur.spent; got != spent || spent > most || len(m.leases) != 0 {
		t.Errorf("spent = %d, charged = %d of %d, leases = %d", got, spent, most, len(m.leases))
	}
}

func threeWindows() []llm.Limit {
	return []llm.Limit{
		{Name: "day", Scope: "key:abcdefgh", Unit: llm.UnitUSD, Window: "day", Max: 1 << 60},
		{Name: "month", Scope: "team:search", Unit: llm.UnitUSD, Window: "month", Max: 1 << 60},
		{Name: "rate", Scope: "key:abcdefgh", Unit: llm.UnitRequests, Window: "1m", Max: 1 << 60},
	}
}

func BenchmarkReserveSettle(b *testing.B) {
	m := New(time.Now, nil, Options{})
	limits, want := threeWindows(), llm.Amounts{USD: 1000, InputTokens: 10, OutputTokens: 10, Requests: 1}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := m.Reserve("req_01JD3Q", limits, llm.Exactly(want)); err != nil {
			b.Fatal(err)
		}
		m.Settle("req_01JD3Q", want)
	}
}

func BenchmarkReserveSettleParallel(b *testing.B) {
	m := New(time.Now, nil, Options{})
	limits, want := threeWindows(), llm.Amounts{USD: 1000, InputTokens: 10, OutputTokens: 10, Requests: 1}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		lease := fmt.Sprintf("req_%p", pb)
		for pb.Next() {
			if _, _, err := m.Reserve(lease, limits, llm.Exactly(want)); err != nil {
				b.Fatal(err)
			}
			m.Settle(lease, want)
		}
	})
}

func TestReserveAllocations(t *testing.T) {
	m := New(time.Now, nil, Options{})
	limits, want := threeWindows(), llm.Amounts{USD: 1000, Requests: 1}
	got := testing.AllocsPerRun(100, func() {
		if _, _, err := m.Reserve("r", limits, llm.Exactly(want)); err != nil {
			t.Fatal(err)
		}
		m.Settle("r", want)
	})
	if got > 2 { // the states and the charges, which the caller keeps
		t.Errorf("Reserve and Settle allocate %v times, want 2", got)
	}
}
