package activity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// clock is a clock that tests set.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func record(at time.Time, target string) *llm.Record {
	return &llm.Record{Time: at, Target: target, Status: 200, Cost: 5, Price: llm.Price{Known: true}, FirstByte: llm.Millis(100 * time.Millisecond),
		Duration: llm.Millis(time.Second), Upstream: llm.Millis(900 * time.Millisecond), Attempts: []llm.Attempt{{Target: target}}}
}

func TestDay(t *testing.T) {
	c := &clock{time.Date(2026, 11, 30, 12, 2, 0, 0, time.UTC)}
	a := New(c.now)
	a.Observe(record(c.t, "p/a"))
	a.Observe(record(c.t.Add(-23*time.Hour), "p/b"))
	a.Observe(record(c.t.Add(-25*time.Hour), "p/c"))                    // too old
	a.Observe(record(c.t.Add(time.Hour), "p/c"))                        // not yet
	a.Observe(&llm.Record{Time: c.t, Target: "p/c", Dry: true})         // never sent
	a.Observe(&llm.Record{Time: c.t, Target: "p/c", MirrorOf: "req_1"}) // a copy
	a.Observe(&llm.Record{Time: c.t, Status: 503, Code: llm.CodeUnavailable, Attempts: []llm.Attempt{{Target: "p/a", Fault: llm.FaultCut}, {Target: "p/b", Fault: llm.FaultCut}}})
	a.Observe(&llm.Record{Time: c.t, Status: 429, Code: llm.CodeRateLimited})
	starts, steps := a.Day()
	var sum Sums
	for _, s := range steps {
		sum.Requests += s.Requests
		sum.Errors += s.Errors
		sum.Refused += s.Refused
		sum.Cost += s.Cost
		sum.Retries += s.Retries
		sum.Total.Merge(&s.Total)
	}
	if len(starts) != Steps || !starts[Steps-1].Equal(c.t.Truncate(Step)) || sum.Requests != 4 || sum.Errors != 1 || sum.Refused != 1 || sum.Cost != 10 || sum.Retries != 1 || sum.Total.Count() != 4 {
		t.Errorf("the day has %+v in %d steps up to %v, want 4 requests, 1 error, 1 refused, 10 nano-USD, 1 retry", sum, len(starts), starts[len(starts)-1])
	}
	if starts, got := a.Targets(); len(got) != 2 || got["p/a"][TargetSteps-1].Requests != 1 || got["p/b"][3].Requests != 1 || !starts[TargetSteps-1].Equal(c.t.Truncate(TargetStep)) {
		t.Errorf("Targets has %d targets, want p/a and p/b, in steps up to now", len(got))
	}
	if got := a.Faults(); len(got) != 1 || got[llm.FaultCut] != 2 {
		t.Errorf("Faults = %v, want 2 cut", got)
	}
	c.t = c.t.Add(26 * time.Hour)
	if _, steps := a.Day(); slices.ContainsFunc(steps, func(s Sums) bool { return s.Requests > 0 }) || len(targets(a)) > 0 || len(a.Faults()) > 0 {
		t.Error("26 hours later something is left")
	}
}

func TestTargetsAreBounded(t *testing.T) {
	c := &clock{time.Date(2026, 11, 30, 12, 2, 0, 0, time.UTC)}
	a := New(c.now)
	for i := range 1000 {
		a.Observe(record(c.t, fmt.Sprint("p/", i)))
	}
	got := targets(a)
	if len(got) != maxTargets+1 || got[Other][TargetSteps-1].Requests != 1000-maxTargets {
		t.Errorf("%d targets, %d others; want %d and %d", len(got), got[Other][TargetSteps-1].Requests, maxTargets+1, 1000-maxTargets)
	}
	c.t = c.t.Add(25 * time.Hour) // those that were called yesterday make room
	for i := range maxTargets {
		a.Observe(record(c.t, fmt.Sprint("q/", i)))
	}
	if got := targets(a); len(got) != maxTargets || got["q/7"] == nil || got[Other] != nil {
		t.Errorf("a day later %d targets, want the %d that were called", len(got), maxTargets)
	}
}

func targets(a *Activity) map[string][]TargetSums {
	_, all := a.Targets()
	return all
}

// TestQuantile compares with the exact quantiles of random times: within a bucket's width.
func TestQuantile(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var exact []float64
	for range 10_000 {
		d := time.Duration(math.Exp(r.NormFloat64()*2)*100) * time.Millisecond
		d = min(max(d, 20*time.Microsecond), 18*time.Minute)
		h.Add(d)
		exact = append(exact, float64(d)/1e6)
	}
	slices.Sort(exact)
	for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
		want := exact[int(math.Ceil(q*10_000))-1]
		if got := h.Quantile(q); got < want/1.13 || got > want*1.13 {
			t.Errorf("Quantile(%v) = %v, want about %v", q, got, want)
		}
	}
	if got := new(Histogram).Quantile(0.5); !math.IsNaN(got) {
		t.Errorf("the median of nothing = %v, want NaN", got)
	}
	for _, d := range []time.Duration{-time.Hour, 0, 1, time.Microsecond, 365 * 24 * time.Hour, math.MaxInt64} {
		h.Add(d) // at the ends
	}
}

func TestHammer(t *testing.T) {
	a := New(time.Now)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				a.Observe(record(time.Now(), fmt.Sprint("p/", i)))
				a.Day()
				a.Targets()
				a.Faults()
			}
		})
	}
	wg.Wait()
	_, steps := a.Day()
	var n int64
	for _, s := range steps {
		n += s.Requests
	}
	if n != 160 {
		t.Errorf("%d requests, want 160", n)
	}
}
