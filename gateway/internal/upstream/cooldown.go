package upstream

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// throttle is a lane's cooldown after a 429.
type throttle struct {
	until time.Time
	// asked is until when the provider itself asks not to be called. A pause that was
	// chosen here is a hint for routing and keeps no call back.
	asked time.Time
	// last is the pause that was chosen when the provider gave none.
	last time.Duration
}

func (t *throttle) clear() { *t = throttle{} }

// extend cools down for as long as the provider asks, else for twice as long as the last
// time. Many refusals at once count as one.
func (t *throttle) extend(now time.Time, o *HealthOptions, asked time.Duration) {
	if asked > 0 {
		t.asked = later(t.asked, now.Add(min(asked, ratelimit.MaxDelay)))
		t.until = later(t.until, t.asked)
		return
	}
	if now.Before(t.until) {
		return
	}
	t.last = min(max(2*t.last, o.MinCooldown), o.MaxCooldown)
	t.until = later(t.until, now.Add(t.last))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
