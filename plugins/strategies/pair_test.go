package strategies

import (
	"math"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

// measuredTargets are n targets with the same figures, and n of their gateway's.
func measuredTargets(n uint32) (targets []penstock.Target, more []figures) {
	for i := range n {
		x := target(i, 1, 1, 1)
		x.FirstToken, x.Speed = 100, 100
		targets, more = append(targets, x), append(more, figures{samples: 50})
	}
	return targets, more
}

// shares are those of the first places over many seeds.
func shares(t *testing.T, name string, targets []penstock.Target, more []figures) []float64 {
	t.Helper()
	const draws = 10000
	out := make([]float64, len(targets))
	for seed := range draws {
		got, _ := order(t, query{text: name + "\nseed=" + decimal(int(randomOf(7, uint32(seed))>>1)), targets: targets, figures: more})
		out[got[0]] += 1. / draws
	}
	return out
}

func wantShare(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if !(got >= low && got <= high) {
		t.Errorf("%s is asked in a share of %.4f, want %v to %v", what, got, low, high)
	}
}

func TestEqualTargetsShareEvenly(t *testing.T) {
	for _, name := range []string{"least-busy", "latency"} {
		targets, more := measuredTargets(5)
		for i, share := range shares(t, name, targets, more) {
			wantShare(t, name+": target "+decimal(i), share, .18, .22)
		}
	}
}

// TestADegradedTargetGetsLittle has one of five targets take ten times as long, by every figure
// that the time depends on.
func TestADegradedTargetGetsLittle(t *testing.T) {
	for what, worsen := range map[string]func(*penstock.Target){
		"slow":    func(t *penstock.Target) { t.FirstToken, t.Speed = 1000, 10 },
		"failing": func(t *penstock.Target) { t.ErrorRate = .9 },
		"loaded":  func(t *penstock.Target) { t.Inflight = 16 * 9 },
	} {
		targets, more := measuredTargets(5)
		worsen(&targets[2])
		got := shares(t, "latency", targets, more)
		wantShare(t, "the "+what+" target", got[2], 0, .003)
		wantShare(t, "a peer of the "+what+" target", got[0], .2, .3)
	}
}

// TestARecoveredTargetIsNotOverrun has one of five targets that looks the fastest by far.
func TestARecoveredTargetIsNotOverrun(t *testing.T) {
	targets, more := measuredTargets(5)
	targets[3].FirstToken, targets[3].Speed, more[3].samples = 1, 1e6, 1
	wantShare(t, "latency: the target", shares(t, "latency", targets, more)[3], .2, .4)
	targets[3].Inflight = 0
	for i := range targets {
		if i != 3 {
			targets[i].Inflight = 10
		}
	}
	wantShare(t, "least-busy: the target", shares(t, "least-busy", targets, more)[3], .2, .41)
}

// TestColdTargetsAreExplored holds the bounds of exploration.
func TestColdTargetsAreExplored(t *testing.T) {
	targets, more := measuredTargets(5)
	targets[4].FirstToken, targets[4].Speed = 0, 0
	wantShare(t, "a target that was never measured", shares(t, "latency", targets, more)[4], .04, .06)
	wantShare(t, "with explore 0 it", shares(t, "latency\nexplore=0", targets, more)[4], 0, 0)
	wantShare(t, "with explore 1 it", shares(t, "latency\nexplore=1", targets, more)[4], .18, .22)
	targets[4].Inflight = 1
	wantShare(t, "while it is being measured, it", shares(t, "latency\nexplore=1", targets, more)[4], 0, 0)
	targets, more = measuredTargets(5)
	targets[4].FirstToken, more[4].samples = 1e5, .4
	wantShare(t, "a slow target without recent requests", shares(t, "latency", targets, more)[4], .0002, .003)
	for i := range more {
		more[i].samples = 0
	}
	wantShare(t, "one of five cold targets", shares(t, "latency", targets, more)[4], .1, .25)
}

// TestTheUnmeasuredCountAsTheMedian reads the expected time of a cold target.
func TestTheUnmeasuredCountAsTheMedian(t *testing.T) {
	targets, more := measuredTargets(4)
	targets[0].FirstToken, targets[1].FirstToken, targets[2].FirstToken, targets[3].FirstToken = 100, 300, 900, 0
	got := termsOf(t, query{text: "latency\noutput_tokens=100\nseed=1", targets: targets, figures: more}, 3)
	if want := 300. + 1000; math.Abs(got[termLatency]-want) > 1e-9 {
		t.Errorf("the expected time of a cold target is %v ms, want %v", got[termLatency], want)
	}
}

// TestWeightlessIsNeverDrawn keeps targets without a weight for the end of their tier.
func TestWeightlessIsNeverDrawn(t *testing.T) {
	for _, name := range []string{"least-busy", "latency"} {
		targets, more := measuredTargets(3)
		targets[1].Weight, targets[2].Weight = 0, math.NaN()
		wantShare(t, name+": the only weight", shares(t, name, targets, more)[0], .999, 1.001)
		targets[0].Weight = 0
		order(t, query{text: name + "\nseed=1", targets: targets, figures: more})
	}
}
