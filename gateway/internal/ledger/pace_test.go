package ledger

import (
	"testing"
	"time"
)

// simulate runs groups at one op per gap, with so many callers who each wait for
// their answer, and counts the groups that were waited for and their ops.
func simulate(p *pace, callers int, gap time.Duration, groups int) (waited, ops int) {
	now := time.Unix(0, 0)
	for range groups {
		now = now.Add(gap)
		n := 1
		if d := p.wait(now); d > 0 {
			waited++
			n = min(callers, 1+int(d/gap))
			now = now.Add(d)
		}
		ops += n
		p.wrote(n, now)
	}
	return waited, ops
}

func TestALoneCallerHardlyEverWaits(t *testing.T) {
	p := &pace{linger: time.Millisecond}
	if waited, _ := simulate(p, 1, 2*time.Millisecond, 10_000); waited != 0 {
		t.Errorf("a slow lone caller waited %d times, want 0", waited)
	}
	p = &pace{linger: time.Millisecond}
	if waited, _ := simulate(p, 1, 100*time.Microsecond, 100_000); waited == 0 || waited > 110 {
		t.Errorf("a fast lone caller waited %d times in 100,000, want it tried about once in 1,024", waited)
	}
}

func TestACrowdIsWaitedFor(t *testing.T) {
	p := &pace{linger: time.Millisecond}
	waited, ops := simulate(p, 64, 100*time.Microsecond, 1000)
	if waited < 990 || ops < 10_000 {
		t.Errorf("waited for %d groups of 1,000 with %d ops, want nearly all with about 10 each", waited, ops)
	}
}

func TestLingerCanBeTurnedOff(t *testing.T) {
	p := &pace{linger: -1}
	if waited, _ := simulate(p, 64, time.Microsecond, 1000); waited != 0 {
		t.Errorf("waited %d times, want never", waited)
	}
}
