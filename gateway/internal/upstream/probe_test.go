package upstream

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestProbes has probes open and close a circuit, without a caller's request and without a trace in
// the figures.
func TestProbes(t *testing.T) {
	const every = 30 * time.Second
	w := newTestHealth(t)
	probe := func(o Outcome) {
		t.Helper()
		if due := w.ProbeDue("p/m", every); due.IsZero() || due.After(w.now) {
			t.Fatalf("a probe is due at %v, and it is %v", due, w.now)
		}
		f, ok := w.Begin("p/m", Asking{Request: w.now.String()})
		if !ok {
			t.Fatal("the target is cooling down")
		}
		if due := w.ProbeDue("p/m", every); !due.IsZero() {
			t.Errorf("while a call is in flight a probe is due at %v", due)
		}
		o.Probe = true
		f.Done(o)
	}
	for range 3 {
		probe(Outcome{Fault: llm.FaultServer, Status: 503})
		w.now = w.now.Add(every)
	}
	w.now = w.now.Add(-every) // the circuit has just opened
	due := w.ProbeDue("p/m", every)
	if s, _ := w.State("p/m"); s.State != Open || due.Before(w.now.Add(3*time.Second)) || due.After(w.now.Add(10*time.Second)) {
		t.Fatalf("after three failures the circuit is %s, and a probe is due %v later", s.State, due.Sub(w.now))
	}
	w.now = due
	probe(Outcome{Status: 200})
	s := w.Stats("p/m")
	if c, _ := w.State("p/m"); c.State != Closed || s.Samples != 0 || s.ErrorRate != 0 || s.TTFT != 0 || s.TPS != 0 {
		t.Errorf("after a good probe the circuit is %s and the figures are %+v", c.State, s)
	}
	if due := w.ProbeDue("p/m", every); !due.Equal(w.now.Add(every)) {
		t.Errorf("the next probe is due %v later, want %v", due.Sub(w.now), every)
	}
	w.Open("p/m", w.now.Add(time.Hour))
	if due := w.ProbeDue("p/m", every); !due.IsZero() {
		t.Errorf("a target that an operator has opened is due at %v", due)
	}
}

// TestProbesOfRefusedKeys has a credential's cooldown end early in nothing but its time.
func TestProbesOfRefusedKeys(t *testing.T) {
	w := newTestHealth(t)
	for _, request := range []string{"a", "b"} {
		f, _ := w.Begin("p/m", Asking{Request: request})
		f.Done(Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true, Probe: true})
	}
	due := w.ProbeDue("p/m", time.Second)
	if why, until := w.Cooling("p/m"); why != string(llm.FaultAuth) || !due.Equal(until) {
		t.Fatalf("cooling for %q until %v, and a probe is due at %v", why, until, due)
	}
	w.now = due
	f, ok := w.Begin("p/m", Asking{Request: "c"})
	if !ok {
		t.Fatal("no probe when the cooldown is over")
	}
	f.Done(Outcome{Status: 200, Probe: true})
	if s, _ := w.State("p/m"); s.State != Closed || w.Stats("p/m").ErrorRate != 0 {
		t.Errorf("after a good probe: %+v", s)
	}
}
