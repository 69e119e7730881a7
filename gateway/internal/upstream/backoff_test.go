package upstream

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	low, high := 100*time.Millisecond, time.Second
	for try, want := range map[int]time.Duration{1: 100, 2: 200, 3: 400, 4: 800, 5: 1000, 100: 1000, 0: 100} {
		want *= time.Millisecond
		if got := Backoff(try, low, high, func() float64 { return 0 }); got != want {
			t.Errorf("Backoff(%d) without luck = %v, want %v", try, got, want)
		}
		got := Backoff(try, low, high, rand.Float64)
		if got < want/2 || got > want {
			t.Errorf("Backoff(%d) = %v, want between %v and %v", try, got, want/2, want)
		}
	}
	if got := Backoff(3, 0, 0, rand.Float64); got != 0 {
		t.Errorf("Backoff without bounds = %v, want 0", got)
	}
}

func TestRetryBudget(t *testing.T) {
	now := testNow
	b := NewRetryBudget(RetryBudgetOptions{Share: 0.2, PerSecond: 10, Burst: 20}, func() time.Time { return now })
	drain := func() (n int) {
		for b.Withdraw() {
			n++
		}
		return n
	}
	if n := drain(); n != 20 {
		t.Errorf("a full bucket gives %d retries, want 20", n)
	}
	for range 50 {
		b.Deposit()
	}
	if n := drain(); n != 10 {
		t.Errorf("50 requests give %d retries, want 10", n)
	}
	now = now.Add(1500 * time.Millisecond)
	if n := drain(); n != 15 {
		t.Errorf("1.5 s give %d retries, want 15", n)
	}
	for range 100 { // many short waits are worth as much as a long one
		now = now.Add(1500 * time.Microsecond)
		if b.Withdraw() {
			b.Deposit()
		}
	}
	now = now.Add(24 * 365 * time.Hour)
	if n := drain(); n != 20 {
		t.Errorf("a year gives %d retries, want no more than 20", n)
	}
}

// testNow is the time at which the tests' clocks begin.
var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
