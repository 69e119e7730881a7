package upstream

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestCircuitOpensLongerAndComesBack(t *testing.T) {
	w := newWatch(t)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultNetwork})
	}
	for _, open := range []time.Duration{5, 10, 20, 30, 30} {
		w.rests(open*time.Second, "network")
		w.now = w.now.Add(open * time.Second)
		w.rests(0, "")
		w.report(Outcome{Fault: llm.FaultNetwork}) // the probe fails
	}
	w.now = w.now.Add(30 * time.Second)
	w.report(Outcome{}) // and then succeeds
	w.rests(0, "")
	w.report(Outcome{Fault: llm.FaultNetwork})
	w.rests(0, "")
}

func TestHalfOpenLetsOneThrough(t *testing.T) {
	w := newWatch(t)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultTimeout})
	}
	w.now = w.now.Add(5 * time.Second)
	probe, ok := w.Begin("p/m")
	if !ok {
		t.Fatal("no probe is let through")
	}
	if _, ok := w.Begin("p/m"); ok {
		t.Error("a second call gets through beside the probe")
	}
	w.rests(30*time.Second, "timeout")
	probe.FirstToken()
	w.rests(0, "")
	if s := w.Stats("p/m"); s.Inflight != 1 {
		t.Errorf("inflight = %d, want the probe alone", s.Inflight)
	}
	probe.Done(Outcome{})
}

func TestProbeThatTellsNothingMakesRoom(t *testing.T) {
	w := newWatch(t)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultServer})
	}
	w.now = w.now.Add(5 * time.Second)
	w.report(Outcome{Fault: llm.FaultCanceled})
	lost, ok := w.Begin("p/m")
	if !ok {
		t.Fatal("after a probe whose caller left, the next one is kept out")
	}
	w.now = w.now.Add(30 * time.Second)
	w.rests(0, "") // a probe that hangs does not keep the target away for ever
	lost.Done(Outcome{Fault: llm.FaultTimeout})
	w.rests(10*time.Second, "timeout")
}

func TestOldCallsDoNotMoveAnOpenCircuit(t *testing.T) {
	w := newWatch(t)
	slow, _ := w.Begin("p/m")
	other, _ := w.Begin("p/m")
	for range 3 {
		w.report(Outcome{Fault: llm.FaultServer})
	}
	slow.Done(Outcome{})
	w.rests(5*time.Second, "server")
	other.Done(Outcome{Fault: llm.FaultServer})
	w.rests(5*time.Second, "server")
}

func TestErrorShareOpens(t *testing.T) {
	w := newWatch(t)
	for i := range 9 {
		w.report(Outcome{Fault: []llm.Fault{"", llm.FaultServer}[i%2]})
		w.rests(0, "")
	}
	w.report(Outcome{Fault: llm.FaultServer})
	w.rests(5*time.Second, "server")
}
