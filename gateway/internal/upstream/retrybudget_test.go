package upstream

import (
	"testing"
	"time"
)

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

// TestRetryBudgetChanges sets other bounds while it is in use.
func TestRetryBudgetChanges(t *testing.T) {
	now := testNow
	b := NewRetryBudget(RetryBudgetOptions{Burst: 100}, func() time.Time { return now })
	b.Withdraw()
	b.Set(RetryBudgetOptions{Share: 0.5, Burst: 2})
	b.Withdraw()
	b.Withdraw()
	if b.Withdraw() {
		t.Error("a retry beyond the new burst is allowed")
	}
	now = now.Add(time.Hour)
	b.Deposit()
	if b.Withdraw() {
		t.Error("a retry is allowed for half a share and no rate")
	}
	if got, want := b.State(), (RetryBudgetState{Left: 0.5, Taken: 3, Denied: 2}); got != want {
		t.Errorf("state = %+v, want %+v", got, want)
	}
	b.Set(RetryBudgetOptions{})
	if b.Withdraw() || b.State().Left != 0 {
		t.Errorf("without any bound there is %+v", b.State())
	}
}
