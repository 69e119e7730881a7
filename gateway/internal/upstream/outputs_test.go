package upstream

import (
	"fmt"
	"math"
	"sync"
	"testing"
)

func TestOutputs(t *testing.T) {
	o := NewOutputs()
	want := func(when, route, target string, low, high int64) {
		t.Helper()
		if got := o.Expected(route, target); got < low || got > high {
			t.Errorf("%s: %d tokens are expected of %s at %s, want %d to %d", when, got, route, target, low, high)
		}
	}
	want("before any reply", "r", "p/a", 0, 0)
	o.Note("r", "p/a", 0)
	o.Note("r", "p/a", -5)
	want("after replies without tokens", "r", "p/a", 0, 0)
	o.Note("r", "p/a", 300)
	want("after one", "r", "p/a", 300, 300)
	want("after one at another target", "r", "p/b", 300, 300)
	want("on another route", "other", "p/a", 0, 0)
	for range 200 {
		o.Note("r", "p/a", 100)
		o.Note("r", "p/b", 1000)
	}
	want("of a terse model", "r", "p/a", 100, 160)
	want("of a wordy model", "r", "p/b", 900, 1000)
	want("of a new model", "r", "p/c", 500, 600)
	for range 1000 {
		o.Note("r", "p/b", 200)
	}
	want("once it says less", "r", "p/b", 190, 210)
	o.Note("huge", "p/a", math.MaxInt64)
	want("after an absurd reply", "huge", "p/a", maxOutput, maxOutput)
}

func TestHammerOutputs(t *testing.T) {
	o := NewOutputs()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				route := fmt.Sprint(g, i%1500)
				o.Note(route, "p/a", 10)
				if got := o.Expected(route, "p/a"); got != 0 && got != 10 {
					t.Errorf("%d tokens are expected, want 10", got)
				}
			}
		})
	}
	wg.Wait()
}
