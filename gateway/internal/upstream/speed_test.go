package upstream

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// answer is the outcome of a reply of so many tokens by a target that takes first to begin and
// makes tps tokens a second from then on.
func answer(first time.Duration, tps float64, tokens int64, plain bool) Outcome {
	o := Outcome{FirstToken: first, Duration: first + time.Duration(float64(tokens)/tps*float64(time.Second)), OutputTokens: tokens}
	if plain {
		o.FirstToken = 0
	}
	return o
}

// expected is the time of a reply of so many tokens by a target's figures.
func expected(s llm.Stats, tokens float64) time.Duration {
	return time.Duration(s.TTFT) + time.Duration(tokens/s.TPS*float64(time.Second))
}

// TestPlainAndStreamedTargetsOfEqualSpeed measures targets that are equally fast by streams, by
// plain replies and by both, of one length and of several: what they are expected to take must
// not depend on it, for short replies and for long ones.
func TestPlainAndStreamedTargetsOfEqualSpeed(t *testing.T) {
	lengths := map[string]func(*rand.Rand) int64{
		"short":       func(*rand.Rand) int64 { return 20 },
		"long":        func(*rand.Rand) int64 { return 4000 },
		"mixed":       func(r *rand.Rand) int64 { return 1 + r.Int64N(1000) },
		"mostly tiny": func(r *rand.Rand) int64 { return 1 + r.Int64N(10) + 500*(r.Int64N(8)/7) },
	}
	for _, speed := range []struct {
		first time.Duration
		tps   float64
	}{{300 * time.Millisecond, 50}, {2 * time.Second, 20}, {150 * time.Millisecond, 400}} {
		for name, length := range lengths {
			w, r := newTestHealth(t), rand.New(rand.NewPCG(1, 2))
			flights := func(id string, plain bool) {
				f, ok := w.Begin(id, Asking{Request: id})
				if !ok {
					t.Fatalf("%s is cooling down", id)
				}
				f.Done(answer(speed.first, speed.tps, length(r), plain))
			}
			for i := range 60 {
				flights("p/streamed", false)
				flights("p/plain", true)
				flights("p/both", i%2 == 0)
				w.now = w.now.Add(100 * time.Millisecond)
			}
			for _, id := range []string{"p/streamed", "p/plain", "p/both"} {
				s := w.Stats(id)
				for _, tokens := range []float64{20, 512, 4000} {
					want := speed.first + time.Duration(tokens/speed.tps*float64(time.Second))
					if got := expected(s, tokens); math.Abs(float64(got-want)) > 0.05*float64(want) {
						t.Errorf("%s replies: %s is expected to take %v for %v tokens, want %v (first token %v, %.0f tokens/s)", name, id, got, tokens, want, time.Duration(s.TTFT), s.TPS)
					}
				}
			}
		}
	}
}

// TestPlainRepliesAlone has no stream to compare with: lengths that differ tell the two times
// apart, and of two targets with replies of one length the one that is twice as fast is so for all
// lengths.
func TestPlainRepliesAlone(t *testing.T) {
	w := newTestHealth(t)
	for i := range 50 {
		w.report(answer(time.Second, 40, int64(10+37*i%600), true))
	}
	s := w.Stats("p/m")
	near(t, "first token", time.Duration(s.TTFT), time.Second)
	near(t, "512 tokens", expected(s, 512), time.Second+512*time.Second/40)
	if s.TTFTP50 != 0 || s.TTFTP95 != 0 {
		t.Errorf("percentiles of first tokens that nobody saw: %+v", s)
	}
	one, two := newTestHealth(t), newTestHealth(t)
	for range 10 {
		one.report(answer(time.Second, 40, 100, true))
		two.report(answer(2*time.Second, 20, 100, true))
	}
	for _, tokens := range []float64{1, 100, 5000} {
		if a, b := expected(one.Stats("p/m"), tokens), expected(two.Stats("p/m"), tokens); math.Abs(float64(b)/float64(a)-2) > 0.01 {
			t.Errorf("of %v tokens the slower one is expected to take %v and the faster one %v", tokens, b, a)
		}
	}
}

// TestTargetsThatBecomeSlower has a target degrade of which only plain replies come since, or none
// at all because others are faster.
func TestTargetsThatBecomeSlower(t *testing.T) {
	w := newTestHealth(t)
	for range 20 {
		w.report(answer(200*time.Millisecond, 50, 100, false))
	}
	w.now = w.now.Add(time.Minute)
	for range 5 {
		w.report(answer(2*time.Second, 5, 100, true))
	}
	near(t, "100 tokens after plain replies", expected(w.Stats("p/m"), 100), 22*time.Second)

	w = newTestHealth(t)
	for range 20 {
		w.report(answer(200*time.Millisecond, 50, 100, false))
	}
	w.report(Outcome{Fault: llm.FaultCanceled, Silent: 100 * time.Millisecond}) // not longer than usual
	near(t, "first token", time.Duration(w.Stats("p/m").TTFT), 200*time.Millisecond)
	for range 5 { // each overtaken by a hedge
		w.now = w.now.Add(10 * time.Second)
		w.report(Outcome{Fault: llm.FaultCanceled, Silent: 3 * time.Second})
	}
	if s := w.Stats("p/m"); s.TTFT < llm.Millis(2500*time.Millisecond) || s.ErrorRate != 0 {
		t.Errorf("after five silences of 3 s the figures are %+v", s)
	}
}

// TestWhatShowsNoSpeed reports outcomes that must not change a target's figures, or only its
// first token.
func TestWhatShowsNoSpeed(t *testing.T) {
	for name, c := range map[string]struct {
		outcome Outcome
		first   bool
	}{
		"two tokens":        {Outcome{FirstToken: time.Second, Duration: time.Second + time.Millisecond, OutputTokens: 2}, true},
		"a slow caller":     {Outcome{FirstToken: time.Second, Duration: time.Minute, Held: 50 * time.Second, OutputTokens: 100}, true},
		"a caller who left": {Outcome{Fault: llm.FaultCanceled, FirstToken: time.Second, Duration: 2 * time.Second}, true},
		"a cut":             {Outcome{Fault: llm.FaultCut, FirstToken: time.Second, Duration: 2 * time.Second, OutputTokens: 50}, true},
		"a failure":         {Outcome{Fault: llm.FaultServer, Status: 500, Duration: time.Millisecond}, false},
		"a refusal":         {Outcome{Fault: llm.FaultBadRequest, Status: 400, Duration: time.Millisecond}, false},
		"nothing counted":   {Outcome{Duration: time.Second}, false},
		"silence":           {Outcome{Fault: llm.FaultCanceled, Silent: time.Minute}, false}, // nothing is usual yet
	} {
		w := newTestHealth(t)
		w.report(c.outcome)
		if s := w.Stats("p/m"); s.TPS != 0 || (s.TTFT > 0) != c.first {
			t.Errorf("%s: first token %v, %v tokens/s", name, time.Duration(s.TTFT), s.TPS)
		}
	}
	w := newTestHealth(t) // all of it comes at once, after it was made
	w.report(Outcome{FirstToken: 10 * time.Second, Duration: 10*time.Second + 50*time.Millisecond, OutputTokens: 500})
	near(t, "a reply that came all at once", expected(w.Stats("p/m"), 500), 10*time.Second)
}

func TestErrorsByClass(t *testing.T) {
	w := newTestHealth(t)
	for range 5 {
		w.report(Outcome{FirstToken: time.Second, Duration: 2 * time.Second})
	}
	w.report(Outcome{Fault: llm.FaultRateLimited, Status: 429})
	w.report(Outcome{Fault: llm.FaultTimeout})
	w.report(Outcome{Fault: llm.FaultRateLimited, Status: 429})
	w.report(Outcome{Fault: llm.FaultCanceled})
	got, sum := map[llm.Fault]float64{}, 0.0
	for _, e := range w.Errors("p/m") {
		got[e.Class] = e.Share
		sum += e.Share
	}
	s := w.Stats("p/m")
	if got[llm.FaultRateLimited] != 2.0/9 || got[llm.FaultTimeout] != 1.0/9 || got[llm.FaultServer] != 0 || len(got) != len(errorClasses) {
		t.Errorf("shares = %v", got)
	}
	if math.Abs(s.ErrorRate-sum) > 1e-12 || s.FailingBy != llm.FaultRateLimited {
		t.Errorf("the error rate is %v, most by %q, and the shares add up to %v", s.ErrorRate, s.FailingBy, sum)
	}
	w.now = w.now.Add(halfLife)
	if s := w.Stats("p/m"); math.Abs(s.ErrorRate-1.5/5) > 1e-9 {
		t.Errorf("after the half-life the error rate is %v, want 1.5 of 4 and one", s.ErrorRate)
	}
}

// TestFirstTokensCountOnce has streams that were noted when they began, and when they ended.
func TestFirstTokensCountOnce(t *testing.T) {
	w := newTestHealth(t)
	for range 3 {
		w.report(Outcome{FirstToken: time.Second, Duration: 3 * time.Second, OutputTokens: 100})
	}
	s := w.findOrAdd("p/m", nil).speed
	if s.first.count != 3 {
		t.Errorf("three first tokens count as %d", s.first.count)
	}
	for range 3 { // from here on all of it comes at once
		w.report(Outcome{FirstToken: 10 * time.Second, Duration: 10 * time.Second, OutputTokens: 100})
	}
	if s = w.findOrAdd("p/m", nil).speed; s.first.count != 4 || !s.lumped { // the first of them could not be told from a slow stream
		t.Errorf("of streams that come at once %d first tokens count", s.first.count-3)
	}
	for range 3 {
		w.report(Outcome{FirstToken: time.Second, Duration: 3 * time.Second, OutputTokens: 100})
	}
	if s = w.findOrAdd("p/m", nil).speed; s.first.count != 7 || s.lumped {
		t.Errorf("of three streams after those %d first tokens count", s.first.count-4)
	}
}
