package httpapi

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestInvalidKeysSlowDownTheirAddress(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	f := newAuthThrottle()
	for i := range freeFailures {
		if d := f.fail("a", now); d != 0 {
			t.Fatalf("failure %d waits %v", i, d)
		}
	}
	if d := f.fail("a", now); d != delayPerFailure {
		t.Errorf("the first beyond waits %v, want %v", d, delayPerFailure)
	}
	for range 200 {
		f.fail("a", now)
	}
	if d := f.fail("a", now); d != maxDelay {
		t.Errorf("after many: %v, want %v", d, maxDelay)
	}
	if d := f.fail("b", now); d != 0 {
		t.Errorf("another address waits %v", d)
	}
	if d := f.fail("a", now.Add(time.Hour)); d != 0 {
		t.Errorf("an hour later: %v", d)
	}
}

func TestDelayedAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newAuthThrottle()
		start := time.Now()
		for range maxDelayed {
			go f.wait(t.Context(), time.Second)
		}
		synctest.Wait()
		f.wait(t.Context(), time.Second)
		if took := time.Since(start); took != 0 {
			t.Errorf("one more waits %v", took)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		gone, stop := context.WithCancel(t.Context())
		stop()
		f.wait(gone, time.Second)
		if took := time.Since(start); took != time.Second {
			t.Errorf("the answer to a client that is gone waits %v", took)
		}
		f.wait(t.Context(), time.Second)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("waited until %v, want 2s", took)
		}
	})
}

func TestFailuresAreLoggedNowAndThen(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	f := newAuthThrottle()
	for i, want := range []int{1, 0, 0} {
		if n := f.toLog(now); n != want {
			t.Errorf("failure %d: %d to log, want %d", i, n, want)
		}
	}
	if n := f.toLog(now.Add(failureLogInterval)); n != 3 {
		t.Errorf("later: %d, want 3", n)
	}
}
