package upstream

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// reply is how a target answers a call: its outcome, when its first token comes and when it
// ends; a first token at 0 never comes.
type reply struct {
	outcome    Outcome
	first, end time.Duration
}

// TestTargetsComeBackWithin15Seconds has a target fail for some time, in any way, and then
// serve long streams, while requests come every second: it serves all of them 15 seconds
// after it has recovered.
func TestTargetsComeBackWithin15Seconds(t *testing.T) {
	failures := []reply{
		{outcome: Outcome{Fault: llm.FaultServer, Status: 503}},
		{outcome: Outcome{Fault: llm.FaultNetwork}},
		{outcome: Outcome{Fault: llm.FaultServer, Status: 200}},                   // an error inside a 200
		{outcome: Outcome{Fault: llm.FaultTimeout}, end: 12 * time.Second},        // silence
		{outcome: Outcome{Fault: llm.FaultCut, Status: 200}, first: 1, end: 2},    // cut after the first token
		{outcome: Outcome{Fault: llm.FaultCanceled}, end: 500 * time.Millisecond}, // the caller leaves
		{outcome: Outcome{Fault: llm.FaultMalformed, Status: 502}, end: 3 * time.Second},
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := &simulation{now: testNow}
		jitter := rapid.Float64Range(0, 0.999).Draw(rt, "jitter")
		s.Health = NewHealth(HealthOptions{Random: func() float64 { return jitter }}, func() time.Time { return s.now })
		fails := rapid.SampledFrom(failures).Draw(rt, "failure")
		outage := time.Duration(rapid.IntRange(10, 3600).Draw(rt, "outage")) * time.Second
		for ; s.now.Before(testNow.Add(outage)); s.now = s.now.Add(time.Second) {
			s.step(fails)
		}
		quiet := time.Duration(rapid.IntRange(0, 100_000).Draw(rt, "quiet")) * time.Second
		if rapid.Bool().Draw(rt, "no traffic for a while") {
			s.now = s.now.Add(quiet)
		}
		recovered := s.now
		stream := reply{first: time.Duration(rapid.IntRange(1, 3000).Draw(rt, "first token")) * time.Millisecond, end: 10 * time.Minute}
		for ; s.now.Before(recovered.Add(60 * time.Second)); s.now = s.now.Add(time.Second) {
			if !s.step(stream) && s.now.Sub(recovered) > 15*time.Second {
				rt.Fatalf("not called %v after it has recovered from %v of %s", s.now.Sub(recovered), outage, fails.outcome.Fault)
			}
		}
	})
}

// simulation is a Health whose calls take time.
type simulation struct {
	*Health
	now    time.Time
	calls  int
	events []event
}

// event is what happens to a call at some time.
type event struct {
	at   time.Time
	call func()
}

// step lets happen what is due, and makes one call. It reports whether it was let through.
func (s *simulation) step(r reply) bool {
	slices.SortStableFunc(s.events, func(a, b event) int { return a.at.Compare(b.at) })
	for len(s.events) > 0 && !s.events[0].at.After(s.now) {
		s.events[0].call()
		s.events = s.events[1:]
	}
	s.calls++
	f, ok := s.Begin("p/m", Asking{Request: fmt.Sprint(s.calls)})
	if !ok {
		return false
	}
	if r.first > 0 {
		s.events = append(s.events, event{s.now.Add(r.first), func() { f.FirstToken(r.first, nil) }})
	}
	s.events = append(s.events, event{s.now.Add(r.end), func() { f.Done(r.outcome) }})
	return true
}

// TestOutagesAreProbedRarely counts the calls of ten minutes in which every one fails, once
// the circuit has opened.
func TestOutagesAreProbedRarely(t *testing.T) {
	for _, fails := range []reply{{outcome: Outcome{Fault: llm.FaultServer}}, {outcome: Outcome{Fault: llm.FaultTimeout}, end: 12 * time.Second}} {
		s := &simulation{now: testNow}
		s.Health = NewHealth(HealthOptions{Random: func() float64 { return 0.999 }}, func() time.Time { return s.now })
		opened, called := false, 0
		for range 6000 {
			through := s.step(fails)
			opened = opened || !through
			if opened && through {
				called++
			}
			s.now = s.now.Add(100 * time.Millisecond)
		}
		if called < 30 || called > 120 {
			t.Errorf("%d calls in ten minutes of %s, want at most one in five seconds", called, fails.outcome.Fault)
		}
	}
}
