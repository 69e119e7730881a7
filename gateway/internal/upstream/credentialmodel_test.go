package upstream

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestCredentialsModel walks through random outcomes with four credentials at two targets.
// The last credential is never refused: whatever befalls the others, calls can be made with
// it.
func TestCredentialsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := testNow
		h := NewHealth(HealthOptions{}, func() time.Time { return now })
		all := keys(1, 3, 1, 1)
		open := map[string]time.Time{} // by an operator
		last, calls := all[3].ID, 0
		var flying []Flight
		target := func(rt *rapid.T) string { return rapid.SampledFrom([]string{"p/m", "p/n"}).Draw(rt, "target") }
		rt.Repeat(map[string]func(*rapid.T){
			"begin": func(rt *rapid.T) {
				calls++
				id := target(rt)
				a := Asking{Request: fmt.Sprint(calls), Session: rapid.SampledFrom([]string{"", "s1", "s2"}).Draw(rt, "session"), Credentials: all}
				for _, c := range all[:3] {
					if rapid.Bool().Draw(rt, "not "+c.ID) {
						a.Not = append(a.Not, c.ID)
					}
				}
				why, _ := h.Cooling(id, all...)
				_, states := h.State(id, all...)
				f, ok := h.Begin(id, a)
				if ok != (why == "") {
					rt.Fatalf("Begin = %v, Cooling = %q", ok, why)
				}
				if !ok {
					return
				}
				i := slices.IndexFunc(all, func(c *Credential) bool { return c.ID == f.Credential() })
				if slices.Contains(a.Not, f.Credential()) || states[i].State.State == Open {
					rt.Fatalf("chosen %s, not among %v, in %+v", f.Credential(), a.Not, states[i])
				}
				flying = append(flying, f)
			},
			"refuse": func(rt *rapid.T) {
				o := rapid.SampledFrom([]Outcome{refused, broke, busy, {Fault: llm.FaultQuota, Status: 429}, {Fault: llm.FaultAuth, Status: 403}, {Fault: llm.FaultRateLimited}}).Draw(rt, "refusal")
				if len(flying) > 0 && flying[0].Credential() != last {
					flying[0].Done(o)
					flying = flying[1:]
				}
			},
			"end": func(rt *rapid.T) {
				if len(flying) > 0 {
					flying[0].Done(Outcome{Fault: rapid.SampledFrom([]llm.Fault{"", llm.FaultCanceled, llm.FaultBadRequest}).Draw(rt, "fault"), Status: 400})
					flying = flying[1:]
				}
			},
			"callers' faults": func(rt *rapid.T) {
				id := target(rt)
				before, _ := h.State(id, all...)
				for range 30 {
					calls++
					if f, ok := h.Begin(id, Asking{Request: fmt.Sprint(calls), Credentials: all[3:]}); ok {
						f.Done(Outcome{Fault: rapid.SampledFrom([]llm.Fault{llm.FaultBadRequest, llm.FaultContextLength, llm.FaultContentPolicy}).Draw(rt, "fault"), Status: 400})
					}
				}
				if after, _ := h.State(id, all...); before != after {
					rt.Fatalf("requests that are wrong have changed %+v to %+v", before, after)
				}
			},
			"operator": func(rt *rapid.T) {
				id := target(rt)
				if rapid.Bool().Draw(rt, "open") {
					open[id] = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(rt, "for")) * time.Second)
					h.Open(id, open[id])
					return
				}
				delete(open, id)
				h.CloseTarget(id, all...)
			},
			"first token": func(rt *rapid.T) {
				if len(flying) > 0 {
					flying[len(flying)-1].FirstToken(0, nil)
				}
			},
			"wait": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 400_000).Draw(rt, "ms")) * time.Millisecond)
			},
			"": func(rt *rapid.T) {
				for _, id := range []string{"p/m", "p/n"} {
					why, until := h.Cooling(id, all...)
					if want := open[id].After(now); want != (why == llm.CoolingForOperator) || want && !until.Equal(open[id]) {
						rt.Fatalf("%s is cooling down for %q until %v, and opened until %v", id, why, until, open[id])
					}
					if why != "" && why != llm.CoolingForOperator {
						rt.Fatalf("%s is cooling down for %q, though %s was never refused", id, why, last)
					}
					s, of := h.State(id, all...)
					if of[3].State.State != Closed || (s.State == Open) != (why != "") {
						rt.Fatalf("the state of %s is %+v with %+v, and cooling for %q", id, s, of, why)
					}
				}
			},
		})
	})
}

// TestCredentialsHammer uses everything at the same time.
func TestCredentialsHammer(t *testing.T) {
	h, all := NewHealth(HealthOptions{MinOpen: time.Microsecond, MaxOpen: time.Millisecond, DeniedCooldown: time.Millisecond}, time.Now), keys(1, 2, 3)
	outcomes := []Outcome{{}, refused, broke, busy, {Fault: llm.FaultServer}, {Fault: llm.FaultBadRequest}, {Fault: llm.FaultQuota, Status: 403}}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range 2000 {
				id := fmt.Sprintf("p/m%d", rnd.IntN(3))
				a := Asking{Request: fmt.Sprint(g, i), Credentials: all}
				if f, ok := h.Begin(id, a); ok {
					f.FirstToken(0, nil)
					f.Done(outcomes[rnd.IntN(len(outcomes))])
					a.Not = []string{f.Credential()}
					h.Spare(id, a)
				}
				h.Stats(id, all...)
				h.State(id, all...)
				h.CredentialState(all[rnd.IntN(3)])
				switch i % 200 {
				case 0:
					h.Open(id, time.Now().Add(time.Microsecond))
				case 50:
					h.CloseTarget(id, all...)
				case 100:
					h.CloseCredential(all[0])
				case 150:
					h.Forget("p", all...)
				case 175:
					h.Retain([]string{"p"}, func(id string) bool { return id != "p/m0" })
					h.RetainOpenings(func(id string) bool { return id != "p/m1" })
				}
			}
		})
	}
	wg.Wait()
	for _, id := range h.Targets() {
		if n := h.Stats(id, all...).Inflight; n != 0 {
			t.Errorf("inflight of %s = %d after all is done", id, n)
		}
	}
}

func BenchmarkCredentials(b *testing.B) {
	h, all := NewHealth(HealthOptions{}, time.Now), keys(1, 1, 1, 1)
	b.ReportAllocs()
	for b.Loop() {
		h.Stats("p/m", all...)
		if f, ok := h.Begin("p/m", Asking{Request: "r", Credentials: all}); ok {
			f.Done(Outcome{})
		}
	}
}
