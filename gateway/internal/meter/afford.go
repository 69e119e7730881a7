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
	if err := m.find(limits, at, m.peek); err != nil {
		return 0, err
	}
	return m.affordable(limits, ask, at)
}

// find sets m.found to the counters of limits, as get returns them for that time.
func (m *Meter) find(limits []llm.Limit, at time.Time, get func(key, time.Time) (*counter, error)) error {
	m.found = m.found[:0]
	for i := range limits {
		l := &limits[i]
		if i > 0 && sameMeter(l, &limits[i-1]) { // such as a warning before the refusal
			m.found = append(m.found, m.found[i-1])
			continue
		}
		c, err := get(key{l.Scope, l.Window, l.Unit}, at)
		if err != nil {
			return badLimit(l, err)
		}
		m.found = append(m.found, c)
	}
	return nil
}

func sameMeter(a, b *llm.Limit) bool {
	return a.Scope == b.Scope && a.Window == b.Window && a.Unit == b.Unit
}

// peek returns a counter as it would be at that time, to be read only.
func (m *Meter) peek(k key, at time.Time) (*counter, error) {
	if c := m.counters[k]; c != nil {
		return c.peek(at, m.loc), nil
	}
	span, err := m.spanOf(k)
	if err != nil {
		return nil, err
	}
	c := &counter{key: k, span: span}
	c.cur = &bucket{of: c, window: windowAt(span, at, m.loc)}
	return c, nil
}

// affordable returns the most output, up to ask.Most, that every hard limit has room for, by
// the counters in m.found. The error is the refusal of the limit that has no room even for
// ask.Least.
func (m *Meter) affordable(limits []llm.Limit, ask llm.Ask, now time.Time) (int64, error) {
	output, least, want := ask.Most, ask.Amounts(ask.Least), ask.Amounts(ask.Most)
	for i := range limits {
		limit, c := &limits[i], m.found[i]
		if !limit.Hard() {
			continue
		}
		c.max = limit.Max - limit.Raised
		need, left := max(least.Of(limit.Unit), 0), limit.Max-c.used()
		switch {
		case need > left:
			e := refusal(limit, c, need, now)
			e.Exceeded.States = m.states(limits, now)
			return 0, e
		case ask.Most == ask.Least:
		default:
			if allowed := max(need, c.share(left)); want.Of(limit.Unit) > allowed {
				output = min(output, mostOutput(ask, limit.Unit, allowed))
			}
		}
	}
	return output, nil
}

// states returns the limits with their counters, of which nothing is taken; without those that
// cannot be counted.
func (m *Meter) states(limits []llm.Limit, now time.Time) []llm.LimitState {
	states := make([]llm.LimitState, 0, len(limits))
	for i := range limits {
		l := &limits[i]
		if c, err := m.peek(key{l.Scope, l.Window, l.Unit}, now); err == nil {
			states = append(states, c.state(l, 0))
		}
	}
	return states
}

// share returns how much of what is left a request without a bound of its own may take:
// half when it is alone, and less the more requests hold something, so that callers who
// come at the same time are all served.
func (c *counter) share(left int64) int64 { return left / (2 + 4*c.holders) }

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
