package meter

import (
	"math"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// counter is one meter: a scope's unit in the windows of one kind.
type counter struct {
	span llm.Window
	cur  *bucket
	// max is the hard maximum of the last limit that was checked, for display.
	max int64
}

// bucket is a counter in one window. When the window is over, the counter drops it, but
// leases that still hold it settle into it: a request that crosses midnight is charged to
// the day of its reservation.
type bucket struct {
	key
	window
	spent, reserved int64
	// holders is how many leases hold something of it.
	holders int64
}

// bucket returns the current window's bucket, and makes it when it is new.
func (m *Meter) bucket(k key, now time.Time) (*bucket, error) {
	c := m.counters[k]
	if c != nil && c.cur.covers(now) {
		return c.cur, nil
	}
	if c == nil {
		span, err := spanOf(k)
		if err != nil {
			return nil, err
		}
		c = &counter{span: span}
		m.counters[k] = c
	}
	c.cur = &bucket{key: k, window: windowAt(c.span, now, m.loc)}
	return c.cur, nil
}

// state is a limit with what is counted before a request takes amount.
func (b *bucket) state(limit *llm.Limit, amount int64) llm.LimitState {
	used := llm.Add(b.spent, b.reserved)
	return llm.LimitState{Limit: *limit, WindowID: b.id, Before: used, Held: b.reserved, Reserved: amount,
		ResetsAt: b.resetsAt(), Exceeded: llm.Add(used, amount) > limit.Max}
}

// spanOf parses the window of a limit. Requests in flight have none.
func spanOf(k key) (llm.Window, error) {
	if k.unit == llm.UnitConcurrent {
		return llm.Window{}, nil
	}
	if !knownUnit(k.unit) {
		return llm.Window{}, unitError(k.unit)
	}
	return llm.ParseWindow(k.window)
}

func knownUnit(u llm.Unit) bool {
	switch u {
	case llm.UnitUSD, llm.UnitTokens, llm.UnitInputTokens, llm.UnitOutputTokens, llm.UnitRequests, llm.UnitConcurrent:
		return true
	}
	return false
}

// percent returns used/limit in whole percent, bounded so that it fits any int.
func percent(used, limit int64) int {
	const most = math.MaxInt32
	switch {
	case used <= 0:
		return 0
	case limit <= 0:
		return most
	case used <= math.MaxInt64/100:
		return int(min(used*100/limit, most))
	}
	return int(min(float64(used)/float64(limit)*100, most))
}
