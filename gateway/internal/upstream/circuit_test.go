package upstream

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestCircuitOpensLongerAndComesBack(t *testing.T) {
	w := newTestHealth(t)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultNetwork})
	}
	for _, open := range []time.Duration{5, 10, 10, 10} {
		w.wantCooldown(open*time.Second, "network")
		w.now = w.now.Add(open * time.Second)
		w.wantCooldown(0, "")
		w.report(Outcome{Fault: llm.FaultNetwork}) // the probe fails
	}
	w.now = w.now.Add(10 * time.Second)
	w.report(Outcome{}) // and then succeeds
	w.wantCooldown(0, "")
	w.report(Outcome{Fault: llm.FaultNetwork})
	w.wantCooldown(0, "")
}

func TestHalfOpenLetsOneThrough(t *testing.T) {
	w := newTestHealth(t)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultTimeout})
	}
	w.now = w.now.Add(5 * time.Second)
	probe, ok := w.begin("p/m")
	if !ok {
		t.Fatal("no probe is let through")
	}
	if _, ok := w.begin("p/m"); ok {
		t.Error("a second call gets through beside the probe")
	}
	w.wantCooldown(10*time.Second, "timeout")
	probe.FirstToken(0, nil)
	w.wantCooldown(0, "")
	if s := w.Stats("p/m"); s.Inflight != 1 {
		t.Errorf("inflight = %d, want the probe alone", s.Inflight)
	}
	probe.Done(Outcome{})
}

func TestProbeWithoutResultIsReplaced(t *testing.T) {
	w := newTestHealth(t)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultServer})
	}
	w.now = w.now.Add(5 * time.Second)
	w.report(Outcome{Fault: llm.FaultCanceled})
	lost, ok := w.begin("p/m")
	if !ok {
		t.Fatal("after a probe whose caller left, the next one is kept out")
	}
	w.now = w.now.Add(10 * time.Second)
	w.wantCooldown(0, "") // a probe that hangs does not keep the target away for ever
	w.now = w.now.Add(-3 * time.Second)
	lost.Done(Outcome{Fault: llm.FaultTimeout})
	w.wantCooldown(3*time.Second, "timeout") // ten since it began
}

func TestOldCallsDoNotMoveAnOpenCircuit(t *testing.T) {
	w := newTestHealth(t)
	slow, _ := w.begin("p/m")
	other, _ := w.begin("p/m")
	for range 3 {
		w.report(Outcome{Fault: llm.FaultServer})
	}
	slow.Done(Outcome{})
	w.wantCooldown(5*time.Second, "server")
	other.Done(Outcome{Fault: llm.FaultServer})
	w.wantCooldown(5*time.Second, "server")
}

func TestErrorShareOpens(t *testing.T) {
	w := newTestHealth(t)
	for i := range 9 {
		w.report(Outcome{Fault: []llm.Fault{"", llm.FaultServer}[i%2]})
		w.wantCooldown(0, "")
	}
	w.report(Outcome{Fault: llm.FaultServer})
	w.wantCooldown(5*time.Second, "server")
}

// TestHealthyTargetsForgetTheDoubling opens a circuit twice with health in between.
func TestHealthyTargetsForgetTheDoubling(t *testing.T) {
	w := newTestHealth(t)
	for range 2 {
		for range 3 {
			w.report(Outcome{Fault: llm.FaultServer})
		}
		w.wantCooldown(5*time.Second, "server")
		w.now = w.now.Add(5 * time.Second)
		w.report(Outcome{Fault: llm.FaultServer})
		w.wantCooldown(10*time.Second, "server")
		w.now = w.now.Add(10 * time.Second)
		w.report(Outcome{})
		w.now = w.now.Add(5 * time.Minute) // the failures fade
	}
}

func TestCircuitsDoNotComeBackInStep(t *testing.T) {
	now := testNow
	h := NewHealth(HealthOptions{Random: func() float64 { return 0.999 }}, func() time.Time { return now })
	for _, r := range []string{"a", "b", "c"} {
		f, _ := h.Begin("p/m", Asking{Request: r})
		f.Done(Outcome{Fault: llm.FaultServer})
	}
	if d := h.Stats("p/m").CoolingUntil.Sub(now); d < 3700*time.Millisecond || d > 3800*time.Millisecond {
		t.Errorf("open for %v, want about a quarter less than 5 s", d)
	}
}

// TestOneMomentIsOneObservation has requests that run at the same time fail together.
func TestOneMomentIsOneObservation(t *testing.T) {
	w := newTestHealth(t)
	for round := range 3 {
		var all []Flight
		for range 12 {
			f, ok := w.begin("p/m")
			if !ok {
				t.Fatalf("round %d: it is cooling down", round)
			}
			all = append(all, f)
		}
		w.now = w.now.Add(2 * time.Second)
		for _, f := range all {
			f.Done(Outcome{Fault: llm.FaultTimeout})
		}
		if round < 2 {
			w.wantCooldown(0, "")
		}
	}
	w.wantCooldown(5*time.Second, "timeout") // three times in a row all failed
}

// TestSteadyTimeoutsAmongSuccesses is a target under load: some answers come too late.
func TestSteadyTimeoutsAmongSuccesses(t *testing.T) {
	w := newTestHealth(t)
	for range 100 {
		slow, _ := w.begin("p/m")
		slow2, _ := w.begin("p/m")
		quick, ok := w.begin("p/m")
		if !ok {
			t.Fatal("it is cooling down")
		}
		w.now = w.now.Add(time.Second)
		quick.Done(Outcome{})
		w.report(Outcome{})
		w.now = w.now.Add(time.Second)
		slow.Done(Outcome{Fault: llm.FaultTimeout})
		slow2.Done(Outcome{Fault: llm.FaultTimeout})
	}
}

// TestTriesOfOneRequestAreOneObservation has a request that a target always fails on.
func TestTriesOfOneRequestAreOneObservation(t *testing.T) {
	w := newTestHealth(t)
	for range 6 {
		f, ok := w.Begin("p/m", Asking{Request: "poison"})
		if !ok {
			t.Fatal("one request has taken the target away")
		}
		f.Done(Outcome{Fault: llm.FaultServer, Status: 500})
		w.now = w.now.Add(time.Second)
	}
	w.wantCooldown(0, "")
}

// TestCallersFaultsAreNoSuccess mixes a caller's own faults into an outage: they neither
// keep the circuit closed nor open it.
func TestCallersFaultsAreNoSuccess(t *testing.T) {
	w := newTestHealth(t)
	for i := range 3 {
		w.wantCooldown(0, "")
		for range 20 {
			w.report(Outcome{Fault: llm.FaultBadRequest, Status: 400})
		}
		w.report(Outcome{Fault: llm.FaultServer, Status: 500 + i})
	}
	w.wantCooldown(5*time.Second, "server")
	w.now = w.now.Add(5 * time.Second)
	w.report(Outcome{Fault: llm.FaultBadRequest, Status: 400}) // the probe: it answers
	w.wantCooldown(0, "")
	for range 3 {
		w.report(Outcome{Fault: llm.FaultServer})
	}
	w.wantCooldown(10*time.Second, "server") // it has not succeeded since
}

// TestErrorsWithinAnswersCount has the errors come inside a 200, or after the first token.
func TestErrorsWithinAnswersCount(t *testing.T) {
	for _, o := range []Outcome{{Fault: llm.FaultServer, Status: 200}, {Fault: llm.FaultCut, Status: 200, FirstToken: time.Second}, {Fault: llm.FaultMalformed, Status: 200}} {
		w := newTestHealth(t)
		for range 3 {
			w.wantCooldown(0, "")
			f, _ := w.begin("p/m")
			f.FirstToken(0, nil)
			f.Done(o)
		}
		w.wantCooldown(5*time.Second, string(o.Fault))
	}
}

// TestProbesThatBreakOffOpenForLonger has a target that begins every stream and ends none.
func TestProbesThatBreakOffOpenForLonger(t *testing.T) {
	w := newTestHealth(t)
	for _, open := range []time.Duration{5, 10, 10} {
		for range 3 {
			f, _ := w.begin("p/m")
			f.FirstToken(0, nil)
			f.Done(Outcome{Fault: llm.FaultCut, Status: 200, FirstToken: time.Second})
		}
		w.wantCooldown(open*time.Second, "cut")
		w.now = w.now.Add(open * time.Second)
	}
}

// TestHalfOpenTargetsAreNotPutOff has no error rate keep routers from the probe.
func TestHalfOpenTargetsAreNotPutOff(t *testing.T) {
	w := newTestHealth(t)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultServer})
	}
	if r := w.Stats("p/m").ErrorRate; r < 0.5 {
		t.Errorf("error rate while open = %v", r)
	}
	w.now = w.now.Add(5 * time.Second)
	if s := w.Stats("p/m"); s.ErrorRate != 0 || s.Samples != 0 {
		t.Errorf("figures while half-open = %+v", s)
	}
	w.report(Outcome{})
	if r := w.Stats("p/m").ErrorRate; r != 0 {
		t.Errorf("error rate after the probe has succeeded = %v", r)
	}
}
