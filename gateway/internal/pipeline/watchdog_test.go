package pipeline

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestWatchdogFollow tells apart a limit that was kept from one that was exceeded in the
// moment before new ones are set.
func TestWatchdogFollow(t *testing.T) {
	late := errors.New("late")
	for after, want := range map[time.Duration]bool{time.Second - 1: true, time.Second + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWatchdog(t.Context(), time.Second, func() error { return late })
			defer w.stop()
			time.Sleep(after) // of the bubble's time
			synctest.Wait()
			if got := w.follow(watchLimits{idle: time.Minute, pingIdle: time.Minute, idleError: func() error { return late }, pingIdleError: func() error { return late }}); got != want {
				t.Errorf("after %s: in time %t", after, got)
			}
			time.Sleep(59 * time.Second)
			synctest.Wait()
			if w.ctx.Err() != nil == want {
				t.Errorf("after %s: %v", after, w.ctx.Err())
			}
		})
	}
}

// TestWatchdogStops: a check that has begun when the watch is stopped does not set the timer again,
// which would fire for ever and keep the whole request in memory.
func TestWatchdogStops(t *testing.T) {
	late := func() error { return errors.New("late") }
	for name, stop := range map[string]func(*watchdog){"stop": (*watchdog).stop, "disarm": (*watchdog).disarm} {
		for _, suspended := range []bool{false, true} {
			w := newWatchdog(t.Context(), time.Minute, late)
			w.limitIdle(time.Minute, late)
			if suspended {
				w.suspend() // as it is when the reply has been read
			}
			stop(w)
			w.check()
			w.limitIdle(time.Minute, late)
			w.follow(watchLimits{idle: time.Minute, pingIdle: time.Minute, idleError: late, pingIdleError: late})
			if w.timer.Stop() {
				t.Errorf("%s, suspended %t: the timer is set", name, suspended)
			}
			w.stop()
		}
	}
}

// TestWatchdogStopsAtAnyTime stops while checks run.
func TestWatchdogStopsAtAnyTime(t *testing.T) {
	late := func() error { return errors.New("late") }
	for range 2000 {
		w := newWatchdog(t.Context(), time.Minute, late)
		w.suspend()
		w.limitIdle(time.Minute, late) // which checks at once, in a goroutine of its own
		w.stop()
		w.mu.Lock() // after any check that has begun
		if w.timer.Stop() {
			t.Fatal("the timer is set")
		}
		w.mu.Unlock()
	}
}

// TestWatchdogLimitIdle bounds silence beside the limit on the first content.
func TestWatchdogLimitIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := errors.New("silent")
		w := newWatchdog(t.Context(), time.Minute, func() error { return errors.New("late") })
		defer w.stop()
		time.Sleep(30 * time.Second)
		w.limitIdle(10*time.Second, func() error { return silent })
		time.Sleep(9 * time.Second)
		w.received()
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if w.ctx.Err() != nil {
			t.Fatalf("while bytes come: %v", w.ctx.Err())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := w.explain(nil); !errors.Is(err, silent) {
			t.Errorf("after 11 s of silence: %v", err)
		}
	})
}
