package pipeline

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// late is a stream whose events come with a pause before each.
func late(d time.Duration, texts ...string) action {
	p := stream(texts...)
	p.pause = d
	return p
}

// TestHedge asks a second target when the first does not begin in time.
func TestHedge(t *testing.T) {
	const delay = 2 * time.Second
	for name, c := range map[string]struct {
		first, second action
		hedge         llm.Hedge
		text          string
		sent          []string
		took          time.Duration
		code          llm.Code
	}{
		"off":               {first: late(3*time.Second, "one"), second: stream("two"), text: "role one[DONE]", sent: []string{"p/a"}, took: 9*time.Second + countedIdle},
		"not needed":        {first: late(time.Millisecond, "one"), second: stream("two"), hedge: llm.Hedge{After: delay}, text: "role one[DONE]", sent: []string{"p/a"}, took: 4 * time.Millisecond},
		"the second wins":   {first: late(3*time.Second, "one"), second: stream("two"), hedge: llm.Hedge{After: delay}, text: "role two[DONE]", sent: []string{"p/a", "p/b"}, took: delay},
		"the first wins":    {first: late(1500*time.Millisecond, "one"), second: late(2*time.Second, "two"), hedge: llm.Hedge{After: delay}, text: "role one[DONE]", sent: []string{"p/a", "p/b"}, took: 4500*time.Millisecond + countedIdle},
		"the second fails":  {first: late(3*time.Second, "one"), second: failing(llm.FaultServer, 503), hedge: llm.Hedge{After: delay}, text: "role one[DONE]", sent: []string{"p/a", "p/b"}, took: 9*time.Second + countedIdle},
		"the first hangs":   {first: action{hang: true}, second: late(time.Second, "two"), hedge: llm.Hedge{After: delay}, text: "role two[DONE]", sent: []string{"p/a", "p/b"}, took: delay + 3*time.Second + countedIdle},
		"by the percentile": {first: late(3*time.Second, "one"), second: stream("two"), hedge: llm.Hedge{After: delay, Percentile: 95}, text: "role two[DONE]", sent: []string{"p/a", "p/b"}, took: 4 * time.Second},
		"fails before":      {first: failing(llm.FaultServer, 503), second: stream("two"), hedge: llm.Hedge{After: delay}, text: "role two[DONE]", sent: []string{"p/a", "p/b"}, took: 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("p/a", "p/b")
				f.route.Retries.Attempts, f.route.Hedge = 1, c.hedge
				f.p95 = 4 * time.Second
				f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1 << 60}}
				f.script["p/a"], f.script["p/b"] = []action{c.first}, []action{c.second}
				start := time.Now()
				got, err := f.serve(t, t.Context(), request(true))
				if err != nil || got.text != c.text || !slices.Equal(f.sent, c.sent) || time.Since(start) != c.took {
					t.Fatalf("%q from %v after %s, %v", got.text, f.sent, time.Since(start), err)
				}
				r := f.records[0]
				var requests int64
				for _, used := range f.settled {
					requests += used.Requests
				}
				if requests != 1 {
					t.Errorf("%d requests are charged: %v", requests, f.settled)
				}
				var charged int64
				for _, charge := range r.Charges {
					charged += charge.Amount
				}
				var cost llm.NanoUSD
				for _, a := range r.Attempts {
					cost += a.Cost
				}
				if r.Cost != cost || charged != int64(cost) {
					t.Errorf("cost %d, charged %d, attempts cost %d: %+v", r.Cost, charged, cost, r.Attempts)
				}
			})
		})
	}
}

// TestHedgeWhoseWinnerBreaksOff has the first target win over a hedge and break off: what
// was used is charged, once, and nothing is held.
func TestHedgeWhoseWinnerBreaksOff(t *testing.T) {
	for _, resume := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakes("p/a", "p/b", "p/c")
			if !resume {
				f = newFakes("p/a", "p/b")
			}
			f.route.Resume, f.route.Retries.Attempts, f.route.Hedge = true, 1, llm.Hedge{After: 2 * time.Second}
			f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1 << 60}}
			first := broken(errCut, "one ", "two ")
			first.pause = 1500 * time.Millisecond
			f.script["p/a"], f.script["p/b"], f.script["p/c"] = []action{first}, []action{{hang: true}}, []action{stream("one ", "two ", "three")}
			_, err := f.serve(t, t.Context(), request(true))
			if (err == nil) != resume {
				t.Errorf("resumed %v: %v", resume, err)
			}
			var charged, settled int64
			for _, c := range f.records[0].Charges {
				charged += c.Amount
			}
			for _, used := range f.settled {
				settled += int64(used.USD)
			}
			if cost := int64(f.records[0].Cost); charged != cost || settled != cost || cost == 0 {
				t.Errorf("resumed %v: cost %d, charged %d, settled %v", resume, cost, charged, f.settled)
			}
			for id, open := range f.leases {
				if open {
					t.Errorf("resumed %v: the reservation %s is left", resume, id)
				}
			}
		})
	}
}

// TestHedgeThatFails has two targets that fail: the error is the first one's, and both are
// recorded.
func TestHedgeThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("p/a", "p/b")
		f.route.Retries.Attempts, f.route.Hedge = 1, llm.Hedge{After: time.Second}
		f.route.Timeout.Total = 5 * time.Second
		f.script["p/a"], f.script["p/b"] = []action{{hang: true}}, []action{failing(llm.FaultServer, 503)}
		_, err := f.serve(t, t.Context(), request(true))
		if llm.AsError(err).Code != llm.CodeUpstreamTimeout || len(f.records[0].Attempts) != 2 || !f.records[0].Attempts[1].Hedge {
			t.Fatalf("%v, attempts %+v", err, f.records[0].Attempts)
		}
	})
}

// TestHedgePanic ends one request with its panic, and not the process.
func TestHedgePanic(t *testing.T) {
	f := newFakes("p/a", "p/b")
	f.route.Hedge = llm.Hedge{After: time.Hour}
	f.transform = func(*llm.Request) { panic("broken stage") }
	defer func() {
		if r := recover(); r != "broken stage" {
			t.Errorf("recovered %v", r)
		}
		if len(f.records) != 1 || f.records[0].Status != 500 {
			t.Errorf("records %+v", f.records)
		}
	}()
	_, _ = f.serve(t, t.Context(), request(true))
}

// TestSilenceIsReported has a target that is overtaken, or left by its caller, report how long it was
// silent; one that fails, and a plain reply, report none.
func TestSilenceIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("p/a", "p/b")
		f.route.Retries.Attempts, f.route.Hedge = 1, llm.Hedge{After: 2 * time.Second}
		f.script["p/a"], f.script["p/b"] = []action{{hang: true}}, []action{late(time.Second, "two")}
		if _, err := f.serve(t, t.Context(), request(true)); err != nil {
			t.Fatal(err)
		}
		// The other target is asked after two seconds, and has content after two more.
		if o := f.outcomes["p/a"][0]; o.Fault != llm.FaultCanceled || o.Silent != 4*time.Second || o.FirstToken != 0 {
			t.Errorf("the target that was overtaken reports %+v", o)
		}
		if o := f.outcomes["p/b"][0]; o.Fault != "" || o.Silent != 0 || o.FirstToken != 2*time.Second {
			t.Errorf("the target that answered reports %+v", o)
		}
		for _, stream := range []bool{true, false} {
			f = newFakes("p/a")
			f.script["p/a"] = []action{{hang: true}}
			ctx, leave := context.WithTimeout(t.Context(), 5*time.Second)
			_, _ = f.serve(t, ctx, request(stream))
			leave()
			want := map[bool]time.Duration{true: 5 * time.Second}[stream]
			if o := f.outcomes["p/a"][0]; o.Silent != want {
				t.Errorf("stream %t: the target that its caller left reports %+v, want %v of silence", stream, o, want)
			}
		}
	})
}
