package strategies

import (
	"math"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

// TestTargetsAreSparedByWhatIsLeft has half of what begins to be scarce left at the target that
// every strategy would otherwise choose in most cases.
func TestTargetsAreSparedByWhatIsLeft(t *testing.T) {
	for _, name := range Names() {
		if name == "classifier" || name == "cascade" {
			continue // they rank as another strategy does
		}
		targets, more := measuredTargets(2)
		targets[1].PriceIn, targets[1].Quality, targets[1].Weight = 2e9, .5, 1e-6
		targets[1].FirstToken, targets[1].Speed, targets[1].Inflight = 1000, 10, 100
		wantShare(t, name+": one with all of its limits", shares(t, name, targets, more)[0], .99, 1)
		more[0].used = 1 - scarce
		wantShare(t, name+": one at the edge", shares(t, name, targets, more)[0], .99, 1)
		more[0].used = 1 - scarce/2
		wantShare(t, name+": one with half of what is scarce", shares(t, name, targets, more)[0], .48, .52)
		more[0].used = 1
		wantShare(t, name+": one with nothing left", shares(t, name, targets, more)[0], 0, 0)
	}
}

// TestWithLittleLeftEverywhere shares the requests by what is left.
func TestWithLittleLeftEverywhere(t *testing.T) {
	targets, more := measuredTargets(2)
	more[0].used, more[1].used = 1-.02, 1-.01
	wantShare(t, "the one with twice as much", shares(t, "ordered", targets, more)[0], .7, .8)
	more[1].used = 1
	wantShare(t, "the only one with any", shares(t, "ordered", targets, more)[0], .999, 1.001)
	more[0].used = 1
	wantShare(t, "the first of those without any", shares(t, "ordered", targets, more)[0], .999, 1.001)
}

// TestOthersTakeOverFromTheSpared has a target of a later tier, one below the floor and a
// fallback.
func TestOthersTakeOverFromTheSpared(t *testing.T) {
	for what, c := range map[string]struct {
		text      string
		change    func(*penstock.Target)
		low, high float64
	}{
		"a later tier":        {"ordered", func(x *penstock.Target) { x.Order = 1 }, .48, .52},
		"one below the floor": {"cost\nmin_quality=0.9", func(x *penstock.Target) { x.Quality = .5 }, 0, 0},
		"a fallback":          {"ordered", func(x *penstock.Target) { x.Flags |= penstock.TargetFallback }, 0, 0},
		"a cooling one":       {"ordered", func(x *penstock.Target) { x.Flags &^= penstock.TargetHealthy }, 0, 0},
	} {
		targets, more := measuredTargets(2)
		c.change(&targets[1])
		more[0].used = 1 - scarce/2
		wantShare(t, what, shares(t, c.text, targets, more)[1], c.low, c.high)
	}
}

// TestFewSessionsLeaveAScarceTarget has sessions at home at a target of which less and less is
// left: those that leave do not come back as long as it falls.
func TestFewSessionsLeaveAScarceTarget(t *testing.T) {
	left, all := 0, 1000
	for session := range all {
		away := false
		for step := range 11 {
			targets, more := measuredTargets(2)
			targets[0].CachedPrefix = 5000
			for i := range more {
				more[i].sticky = randomOf(uint64(session), uint32(i)) | 1
			}
			more[0].used = 1 - scarce*(1-float64(step)/20)
			got, _ := order(t, query{text: "ordered\nseed=" + decimal(step), input: 6000, targets: targets, figures: more})
			if away && got[0] == 0 {
				t.Fatalf("session %d comes back at step %d", session, step)
			}
			away = got[0] != 0
		}
		if away {
			left++
		}
	}
	if left < all*45/100 || left > all*55/100 {
		t.Errorf("with half of what is scarce left, %d of %d sessions have left, want half", left, all)
	}
}

// TestExpectedOutput reads the costs that follow from the lengths of answers.
func TestExpectedOutput(t *testing.T) {
	targets, more := measuredTargets(3)
	more[0].expected, more[1].expected = 1000, 200
	for text, want := range map[string][]float64{
		"cost": {1000, 200, defaultOutput}, "cost\noutput_tokens=50": {50, 50, 50},
	} {
		for i, tokens := range want {
			got := termsOf(t, query{text: text + "\nseed=1", targets: targets, figures: more}, uint32(i))[termCost]
			if want := tokens / 1e6; !(got > want*.999 && got < want*1.001) {
				t.Errorf("%s: target %d costs %v, want %v", text, i, got, want)
			}
		}
	}
	bound := query{text: "cost\nseed=1", maxOutput: 100, targets: targets, figures: more}
	if got := termsOf(t, bound, 0)[termCost]; !(got > .99e-4 && got < 1.01e-4) {
		t.Errorf("with at most 100 tokens it costs %v", got)
	}
}

// TestASlowTargetComesBackWithLittleTraffic has no target with a recent attempt.
func TestASlowTargetComesBackWithLittleTraffic(t *testing.T) {
	targets, more := measuredTargets(5)
	targets[4].FirstToken, targets[4].Speed = 1000, 10
	for i := range more {
		more[i].samples = .1
	}
	wantShare(t, "a slow target after a while", shares(t, "latency", targets, more)[4], .05, .2)
}

// TestNothingLeftIsNothing has the two zeros that a number can be.
func TestNothingLeftIsNothing(t *testing.T) {
	for _, zero := range []float64{0, math.Copysign(0, -1)} {
		if got := leftOf(&penstock.Figures{RequestsLeft: zero, TokensLeft: -1}); got != 0 {
			t.Errorf("of %v requests %v is left", zero, got)
		}
	}
	if got := leftOf(&penstock.Figures{RequestsLeft: -0.5, TokensLeft: math.NaN()}); got != 1 {
		t.Errorf("of unknown limits %v is left", got)
	}
}
