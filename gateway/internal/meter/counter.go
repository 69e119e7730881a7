package meter

import (
	"math"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// counter is one meter: a scope's unit in the windows of one kind.
type counter struct {
	key
	span *llm.Window // shared by all counters of such windows
	// cur is the bucket that reservations are taken from. older are the parts of a rolling
	// window that still count, oldest first; at most llm.RollingParts.
	cur   *bucket
	older []*bucket
	// counts is the sum of cur and older.
	counts
	// max is the hard maximum of the last limit that was checked, without raises, for display.
	max int64
}

// counts are amounts in the unit of a counter.
type counts struct {
	spent, reserved int64
	// holders is how many leases hold something.
	holders int64
}

func (n *counts) used() int64 { return llm.Add(n.spent, n.reserved) }

func (n *counts) add(d counts) {
	n.spent, n.reserved, n.holders = n.spent+d.spent, n.reserved+d.reserved, n.holders+d.holders
}

func (n *counts) subtract(d counts) {
	n.spent, n.reserved, n.holders = n.spent-d.spent, n.reserved-d.reserved, n.holders-d.holders
}

// bucket is a counter in one window, or in one part of a rolling window. When that is over, the
// counter drops it, but leases that still hold it settle into it: a request that crosses
// midnight is charged to the day of its reservation.
type bucket struct {
	of *counter
	window
	counts
	// over says that the counter has dropped it.
	over bool
}

// add adds to what counts. The sums must stay in range, see room.
func (b *bucket) add(spent, reserved, holders int64) {
	d := counts{spent, reserved, holders}
	b.counts.add(d)
	if !b.over {
		b.of.counts.add(d)
	}
}

// total is what counts together with the bucket.
func (b *bucket) total() *counts {
	if b.over {
		return &b.counts
	}
	return &b.of.counts
}

// room returns as much of an amount as can be added without passing the largest number.
func room(have, amount int64) int64 { return min(amount, math.MaxInt64-have) }

// counter returns the counter of a key in the window of now, and makes it when it is new.
func (m *Meter) counter(k key, now time.Time) (*counter, error) {
	c := m.counters[k]
	if c == nil {
		span, err := m.spanOf(k)
		if err != nil {
			return nil, err
		}
		c = &counter{key: k, span: span}
		c.cur = &bucket{of: c, window: windowAt(span, now, m.loc)}
		m.counters[k] = c
		return c, nil
	}
	c.advance(now, m.loc)
	return c, nil
}

// advance drops the buckets that are over, and makes the one of now.
func (c *counter) advance(now time.Time, loc *time.Location) {
	for len(c.older) > 0 && !c.counting(c.older[0], now) {
		c.drop(c.older[0])
		c.older = append(c.older[:0], c.older[1:]...)
	}
	if c.cur.covers(now) {
		return
	}
	if !c.counting(c.cur, now) {
		c.drop(c.cur)
	} else if c.cur.spent != 0 || c.cur.holders != 0 {
		c.older = append(c.older, c.cur)
	}
	c.cur = &bucket{of: c, window: windowAt(c.span, now, loc)}
}

func (c *counter) drop(b *bucket) {
	c.counts.subtract(b.counts)
	b.over = true
}

// leaves returns when a bucket no longer counts: at the end of its window, or when all of it
// has left a rolling one. It is zero for requests in flight.
func (c *counter) leaves(b *bucket) time.Time {
	if c.span.Rolling {
		return b.end.Add(c.span.Every)
	}
	return b.end
}

// counting reports whether a bucket counts at that time. A clock that was set back gives no
// fresh budget.
func (c *counter) counting(b *bucket, at time.Time) bool {
	return b.end.IsZero() || at.Before(c.leaves(b))
}

// peek returns what the counter would be at that time, to be read only.
func (c *counter) peek(at time.Time, loc *time.Location) *counter {
	p := &counter{key: c.key, span: c.span, cur: c.cur, counts: c.countsAt(at)}
	if c.span.Rolling && c.counting(c.cur, at) {
		for _, b := range c.older {
			if c.counting(b, at) {
				p.older = append(p.older, b)
			}
		}
	}
	if !c.cur.covers(at) {
		if c.counting(c.cur, at) {
			p.older = append(p.older, c.cur)
		}
		p.cur = &bucket{of: p, window: windowAt(c.span, at, loc)}
	}
	return p
}

// countsAt returns what counts at that time. The last bucket is the last to leave.
func (c *counter) countsAt(at time.Time) counts {
	if !c.counting(c.cur, at) {
		return counts{}
	}
	n := c.counts
	for _, b := range c.older {
		if c.counting(b, at) {
			break
		}
		n.subtract(b.counts)
	}
	return n
}

// zone returns the time zone that the counter's windows follow.
func (c *counter) zone(loc *time.Location) *time.Location {
	if c.span.Zone != nil {
		return c.span.Zone
	}
	return loc
}

// starts returns when the window of what counts now began; zero for requests in flight and for a
// rolling window, which has no beginning.
func (c *counter) starts() time.Time {
	if c.span.Rolling {
		return time.Time{}
	}
	return c.cur.start
}

// resets returns when nothing of what counts now does any longer; zero for requests in flight.
func (c *counter) resets() time.Time { return c.leaves(c.cur) }

// fits returns when so much of what is spent no longer counts that need fits below limit. It
// must fit when nothing is spent.
func (c *counter) fits(need, limit int64) time.Time {
	left := c.spent
	for _, b := range c.older {
		left -= b.spent
		if llm.Add(left, need) <= limit {
			return c.leaves(b)
		}
	}
	return c.resets()
}

// maxSpans bounds the parsed windows that are kept.
const maxSpans = 1024

// spanOf parses the window of a limit. Requests in flight have none.
func (m *Meter) spanOf(k key) (*llm.Window, error) {
	if k.unit == llm.UnitConcurrent {
		return new(llm.Window), nil
	}
	if !k.unit.Known() {
		return nil, unitError(k.unit)
	}
	if span, ok := m.spans[k.window]; ok {
		return span, nil
	}
	span, err := llm.ParseWindow(k.window)
	if err != nil {
		return nil, err
	}
	if len(m.spans) < maxSpans {
		m.spans[k.window] = &span
	}
	return &span, nil
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
