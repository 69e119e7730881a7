package strategies

import (
	"encoding/binary"
	"math"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

// termsOf returns the terms of one target by number.
func termsOf(t *testing.T, q query, index uint32) map[uint32]float64 {
	t.Helper()
	out, err := new(ranker).rank(nil, q.encode())
	if err != nil {
		t.Fatalf("rank(%q) = %v", q.text, err)
	}
	found := map[uint32]float64{}
	for ; len(out) > 0; out = out[16:] {
		flags := binary.LittleEndian.Uint32(out[4:])
		if flags&4 != 0 {
			break // the reason
		}
		if flags&2 != 0 && binary.LittleEndian.Uint32(out) == index {
			found[flags>>8] = math.Float64frombits(binary.LittleEndian.Uint64(out[8:]))
		}
	}
	return found
}

// inSession is two measured targets at 10 and 10 US dollars per million tokens, 1 for cached
// input, the second of which has so many tokens of the session's prompt of 1,000.
func inSession(text string, cached uint32) query {
	q := query{text: text + "\nseed=1", input: 1000, maxOutput: 100, figures: []figures{{samples: 100, sticky: 1 << 60}, {samples: 100, sticky: 1 << 59}}}
	for i := range uint32(2) {
		x := target(i, 10, 10, .5)
		x.PriceCached, x.FirstToken, x.Speed = 1e9, 100, 100
		q.targets = append(q.targets, x)
	}
	q.targets[1].CachedPrefix = cached
	return q
}

// TestASessionStaysOnItsTarget has the session's target second in every strategy.
func TestASessionStaysOnItsTarget(t *testing.T) {
	for _, name := range Names() {
		q := inSession(name, 1000)
		q.targets[0].Weight = 1e6 // drawn first
		if got, _ := order(t, q); got[0] != 1 {
			t.Errorf("%s leaves the session's target", name)
		}
		for what, leave := range map[string]func(*penstock.Target){
			"cooling down":         func(t *penstock.Target) { t.Flags &^= penstock.TargetHealthy },
			"out of requests":      func(t *penstock.Target) { t.RemainingRequests = 0 },
			"out of tokens":        func(t *penstock.Target) { t.RemainingTokens = 999 },
			"of a later tier":      func(t *penstock.Target) { t.Order = 1 },
			"a fallback":           func(t *penstock.Target) { t.Flags |= penstock.TargetFallback },
			"without a cached one": func(t *penstock.Target) { t.CachedPrefix = 0; t.Order = 1 },
		} {
			if name == Classifier && (what == "of a later tier" || what == "without a cached one") {
				continue // it ranks tiers by the request
			}
			q := inSession(name, 1000)
			leave(&q.targets[1])
			if got, _ := order(t, q); got[0] != 0 {
				t.Errorf("%s keeps the session on a target that is %s", name, what)
			}
		}
	}
}

// TestASessionIsLeftForAGain compares what is gained elsewhere with the cache, which saves
// 1,000 tokens at 9 US dollars per million of a request of 11,000 millionths.
func TestASessionIsLeftForAGain(t *testing.T) {
	tests := []struct {
		name, text string
		other      func(*penstock.Target) // makes the first target better
		gain       float64
		leaves     bool
	}{
		{"cheaper by less than the cache", "cost", func(t *penstock.Target) { t.PriceIn, t.PriceOut = 2e9, 2e9 }, .0088, false},
		{"cheaper by more than the cache", "cost", func(t *penstock.Target) { t.PriceIn, t.PriceOut = 1e9, 1e9 }, .0099, true},
		{"better", "quality", func(t *penstock.Target) { t.Quality = .51 }, .011, true},
		{"slightly faster", "balanced\ncost=0\nquality=0\nlatency=1", func(t *penstock.Target) { t.FirstToken = 99 }, .00001, false},
		{"slightly better", "balanced\ncost=0\nquality=1\nlatency=0", func(t *penstock.Target) { t.Quality = .6 }, .0011, false},
		{"cheaper, by cost alone", "balanced\ncost=1\nquality=0\nlatency=0", func(t *penstock.Target) { t.PriceIn, t.PriceOut = 1e9, 1e9 }, .0099, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := inSession(tt.text, 1000)
			tt.other(&q.targets[0])
			terms := termsOf(t, q, 1)
			if lost := terms[termLostCache]; math.Abs(lost-.009) > 1e-12 {
				t.Errorf("the cache saves %v US dollars, want 0.009", lost)
			}
			if gain := terms[termGain]; math.Abs(gain-tt.gain) > 2e-6 {
				t.Errorf("the gain is %v US dollars, want %v", gain, tt.gain)
			}
			if got, _ := order(t, q); (got[0] == 0) != tt.leaves {
				t.Errorf("order = %v, leaves = %v", got, tt.leaves)
			}
			q.text = tt.text + "\nsticky=off\nseed=1"
			if got, _ := order(t, q); got[0] != 0 && tt.text != "cost" { // cost counts the cache in any case
				t.Errorf("sticky=off keeps the session on its target: %v", got)
			}
		})
	}
}

// TestADegradedTargetIsLeft holds with and without a price.
func TestADegradedTargetIsLeft(t *testing.T) {
	for _, text := range []string{"latency", "balanced\ncost=0\nquality=0\nlatency=1", "least-busy"} {
		for _, priced := range []uint32{0, penstock.TargetPriced} {
			q := inSession(text, 1000)
			q.targets[1].FirstToken, q.targets[1].Speed, q.targets[1].Inflight = 1e5, 1, 30
			for i := range q.targets {
				q.targets[i].Flags = penstock.TargetHealthy | priced
			}
			if got, _ := order(t, q); got[0] != 0 {
				t.Errorf("%s keeps the session on a target that is a hundred times slower (price flag %d)", text, priced)
			}
			if _, ok := termsOf(t, q, 1)[termGain]; ok != (priced > 0) {
				t.Errorf("%s: the gain in US dollars is given: %v (price flag %d)", text, ok, priced)
			}
		}
	}
}

// TestOfTwoCachesTheBetterTargetIsHome has the same prompt in both caches.
func TestOfTwoCachesTheBetterTargetIsHome(t *testing.T) {
	for _, better := range []uint32{0, 1} {
		q := inSession("quality", 1000)
		q.targets[0].CachedPrefix, q.targets[better].Quality = 1000, .6
		if got, _ := order(t, q); got[0] != better {
			t.Errorf("order = %v, want %d first", got, better)
		}
		if _, ok := termsOf(t, q, better)[termLostCache]; !ok {
			t.Errorf("target %d is not the session's", better)
		}
	}
}

// TestASessionDrawsTheSame sends requests of one session to one target before any prompt is
// cached, and different sessions by weight.
func TestASessionDrawsTheSame(t *testing.T) {
	for _, name := range []string{"weighted", "least-busy", "latency"} {
		first := map[uint32]int{}
		const sessions = 3000
		for session := range sessions {
			q := inSession(name, 0)
			q.targets[0].Weight, q.targets[0].Inflight, q.targets[1].Inflight = 3, 30, 10
			for i := range q.figures {
				q.figures[i].sticky = randomOf(uint64(session), uint32(i))
			}
			once, _ := order(t, q)
			q.text = name + "\nseed=2"
			if again, _ := order(t, q); once[0] != again[0] {
				t.Fatalf("%s sends requests of one session to %d and %d", name, once[0], again[0])
			}
			first[once[0]]++
		}
		if share := float64(first[0]) / sessions; name == "weighted" && math.Abs(share-.75) > .03 {
			t.Errorf("a share of %.3f of the sessions goes to a target with three quarters of the weight", share)
		}
	}
}
