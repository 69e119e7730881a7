package meter

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Affordable returns the output that Reserve would take at that time, and the error that it
// would return. It takes nothing and changes no counter.
func (m *Meter) Affordable(limits []llm.Limit, ask llm.Ask, at time.Time) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.affordable(limits, ask, at, m.peek)
}

// peek returns a copy of the bucket for that time.
func (m *Meter) peek(k key, at time.Time) (*bucket, error) {
	if c := m.counters[k]; c != nil && c.cur.covers(at) {
		b := *c.cur
		return &b, nil
	}
	span, err := spanOf(k)
	return &bucket{key: k, window: windowAt(span, at, m.loc)}, err
}

// affordable returns the most output, up to ask.Most, that every hard limit has room for.
// The error is the refusal of the limit that has no room even for ask.Least.
func (m *Meter) affordable(limits []llm.Limit, ask llm.Ask, now time.Time, find func(key, time.Time) (*bucket, error)) (int64, error) {
	output, least, want := ask.Most, ask.Amounts(ask.Least), ask.Amounts(ask.Most)
	for i := range limits {
		limit := &limits[i]
		b, err := find(key{limit.Scope, limit.Window, limit.Unit}, now)
		if err != nil {
			return 0, badLimit(limit, err)
		}
		if limit.Warn {
			continue
		}
		if c := m.counters[b.key]; c != nil && c.cur == b {
			c.max = limit.Max
		}
		need, left := max(least.Of(limit.Unit), 0), limit.Max-llm.Add(b.spent, b.reserved)
		switch {
		case need > left:
			e := refusal(limit, b, need, now)
			e.Exceeded.States = m.states(limits, now)
			return 0, e
		case ask.Most == ask.Least:
		default:
			if allowed := max(need, b.share(left)); want.Of(limit.Unit) > allowed {
				output = min(output, mostOutput(ask, limit.Unit, allowed))
			}
		}
	}
	return output, nil
}

// states returns the limits with their counters, of which nothing is taken.
func (m *Meter) states(limits []llm.Limit, now time.Time) []llm.LimitState {
	states := make([]llm.LimitState, 0, len(limits))
	for i := range limits {
		l := &limits[i]
		if b, err := m.peek(key{l.Scope, l.Window, l.Unit}, now); err == nil {
			states = append(states, b.state(l, 0))
		}
	}
	return states
}

// share returns how much of what is left a request without a bound of its own may take:
// half when it is alone, and less the more requests hold something, so that callers who
// come at the same time are all served.
func (b *bucket) share(left int64) int64 { return left / (2 + 4*b.holders) }

// mostOutput returns the most output whose amount of this unit is at most allowed. The
// amount of ask.Least is.
func mostOutput(ask llm.Ask, u llm.Unit, allowed int64) int64 {
	low, high := ask.Least, ask.Most
	for low < high {
		mid := high - (high-low)/2
		if ask.Amounts(mid).Of(u) <= allowed {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}
