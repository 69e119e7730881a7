package upstream

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestHealthModel walks through random outcomes and pauses, and asserts what must
// hold whatever happens.
func TestHealthModel(t *testing.T) {
	faults := []llm.Fault{"", "", "", llm.FaultServer, llm.FaultNetwork, llm.FaultTimeout, llm.FaultRateLimited,
		llm.FaultQuota, llm.FaultAuth, llm.FaultCanceled, llm.FaultBadRequest, llm.FaultCut}
	rapid.Check(t, func(rt *rapid.T) {
		now := testNow
		h := NewHealth(HealthOptions{}, func() time.Time { return now })
		var flying []Flight
		var lastFault time.Time
		rt.Repeat(map[string]func(*rapid.T){
			"begin": func(rt *rapid.T) {
				why, _ := h.Cooling("p/m")
				f, ok := h.Begin("p/m", Asking{Request: rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(rt, "request")})
				if (why == "") != ok {
					rt.Fatalf("Begin = %v, Cooling = %q", ok, why)
				}
				if ok {
					flying = append(flying, f)
				}
			},
			"done": func(rt *rapid.T) {
				if len(flying) == 0 {
					rt.Skip("nothing flies")
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(rt, "which")
				o := Outcome{Fault: rapid.SampledFrom(faults).Draw(rt, "fault"), Status: rapid.SampledFrom([]int{0, 401, 402, 403, 429, 500}).Draw(rt, "status"),
					Credential: rapid.Bool().Draw(rt, "credential"), RetryAfter: time.Duration(rapid.IntRange(0, 20).Draw(rt, "asked")) * time.Second}
				flying[i].Done(o)
				flying = append(flying[:i], flying[i+1:]...)
				if o.Fault != llm.FaultNone {
					lastFault = now
				}
			},
			"first token": func(rt *rapid.T) {
				if len(flying) > 0 {
					flying[len(flying)-1].FirstToken(0, nil)
				}
			},
			"wait": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 60_000).Draw(rt, "ms")) * time.Millisecond)
			},
			"": func(rt *rapid.T) {
				s := h.Stats("p/m")
				why, until := h.Cooling("p/m")
				ok := why == ""
				if s.Inflight != int64(len(flying)) {
					rt.Fatalf("inflight = %d, want %d", s.Inflight, len(flying))
				}
				if ok != until.IsZero() || !ok && (!until.After(now) || s.CoolingFor != why || s.CoolingUntil.Before(until)) {
					rt.Fatalf("Cooling = %v, %q, %v and Stats %q, %v at %v", ok, why, until, s.CoolingFor, s.CoolingUntil, now)
				}
				if s.ErrorRate < 0 || s.ErrorRate > 1 {
					rt.Fatalf("error rate = %v", s.ErrorRate)
				}
				if !ok && until.After(now.Add(5*time.Minute)) {
					rt.Fatalf("cooling down until %v at %v", until, now)
				}
				// However things went, a target is back five minutes after the last fault
				// and thirty seconds after the last probe.
				if !ok && now.Sub(lastFault) > 5*time.Minute && len(flying) == 0 {
					rt.Fatalf("still cooling down for %q %v after the last fault", why, now.Sub(lastFault))
				}
			},
		})
	})
}

func TestHealthHammer(t *testing.T) {
	var mu sync.Mutex
	now := testNow
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Millisecond)
		return now
	}
	h := NewHealth(HealthOptions{Changes: true, Known: func(id string) bool { return id != "p1/m2" }}, clock)
	states := map[string]string{"p0/m0": Closed, "p1/m1": Closed} // those that are never dropped
	take := func() {
		for _, c := range h.TakeChanges() {
			if was, ok := states[c.Target]; ok {
				if c.From != was || c.To.State == was {
					t.Errorf("%s changes from %s to %s, and was %s", c.Target, c.From, c.To.State, was)
				}
				states[c.Target] = c.To.State
			}
		}
	}
	budget := NewRetryBudget(RetryBudgetOptions{Share: 0.2, PerSecond: 10, Burst: 100}, clock)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range 2000 {
				id := fmt.Sprintf("p%d/m%d", rnd.IntN(2), rnd.IntN(3))
				h.Cooling(id)
				h.Stats(id)
				budget.Deposit()
				if f, ok := h.Begin(id, Asking{Request: fmt.Sprint(g, i)}); ok {
					f.FirstToken(0, nil)
					f.Done(Outcome{Fault: []llm.Fault{"", llm.FaultServer, llm.FaultAuth}[rnd.IntN(3)], Status: 403, Credential: rnd.IntN(2) == 0, FirstToken: time.Duration(rnd.IntN(900)) * time.Millisecond, Duration: time.Second, OutputTokens: 3})
				} else {
					budget.Withdraw()
				}
				if i%500 == 0 {
					if g == 0 {
						take()
					}
					h.Forget("p0")
					h.Retain([]string{"p0", "p1"}, func(id string) bool { return id != "p0/m1" })
				}
			}
		})
	}
	wg.Wait()
	for _, id := range []string{"p0/m0", "p1/m1"} {
		if n := h.Stats(id).Inflight; n != 0 {
			t.Errorf("inflight of %s = %d after all is done", id, n)
		}
		take() // makes room
		s, _ := h.State(id)
		take()
		if states[id] != s.State {
			t.Errorf("%s is %s by its changes, and %s", id, states[id], s.State)
		}
	}
}
