package httpapi

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestBadKeysSlowDownTheirAddress(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	f := newRefusals()
	for i := range freeTries {
		if d := f.pause("a", now); d != 0 {
			t.Fatalf("try %d waits %v", i, d)
		}
	}
	if d := f.pause("a", now); d != pausePerTry {
		t.Errorf("the first beyond waits %v, want %v", d, pausePerTry)
	}
	for range 200 {
		f.pause("a", now)
	}
	if d := f.pause("a", now); d != longestPause {
		t.Errorf("after many: %v, want %v", d, longestPause)
	}
	if d := f.pause("b", now); d != 0 {
		t.Errorf("another address waits %v", d)
	}
	if d := f.pause("a", now.Add(time.Hour)); d != 0 {
		t.Errorf("an hour later: %v", d)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	f := newRefusals()
	for i := range 3 * maxAddresses {
		f.pause(fmt.Sprint(i), now)
	}
	if len(f.from) != maxAddresses {
		t.Errorf("%d addresses are remembered, want %d", len(f.from), maxAddresses)
	}
}

func TestOnlySoManyAnswersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newRefusals()
		start := time.Now()
		for range maxWaiting {
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
			t.Errorf("a caller who has gone is waited for: %v", took)
		}
		f.wait(t.Context(), time.Second)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("waited until %v, want 2s", took)
		}
	})
}

func TestRefusalsAreToldNowAndThen(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	f := newRefusals()
	for i, want := range []int{1, 0, 0} {
		if n := f.toTell(now); n != want {
			t.Errorf("refusal %d: %d are told, want %d", i, n, want)
		}
	}
	if n := f.toTell(now.Add(tellEvery)); n != 3 {
		t.Errorf("later: %d, want 3", n)
	}
}
