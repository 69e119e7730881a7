package server

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
)

// recounter counts limits over recorded requests, with a meter whose clock is theirs. It
// implements replay.Counter. It is used by one goroutine.
type recounter struct {
	meter *meter.Meter
	now   time.Time
	// open are the requests under way, the first to end first.
	open endings
	// seen are the counters that have begun with what a record says was used before.
	seen map[counterName]struct{}
	// taken counts requests, for the next sweep of windows that are over.
	taken int
}

// counterName names a counter.
type counterName struct {
	scope, window string
	unit          llm.Unit
}

const (
	// maxSeen bounds the counters that may begin with what was used before.
	maxSeen = 1 << 17
	// maxOpen bounds the requests that are under way at once. Beyond it the first to end does.
	maxOpen = 1 << 14
	// sweepEvery is after how many requests windows that are over are dropped.
	sweepEvery = 1 << 12
)

func newRecounter(zone *time.Location) *recounter {
	c := &recounter{seen: map[counterName]struct{}{}}
	c.meter = meter.New(func() time.Time { return c.now }, zone, meter.Options{Lease: 24 * time.Hour})
	return c
}

// advance sets the clock to the arrival of a request, and settles those that have ended.
func (c *recounter) advance(now time.Time) {
	for len(c.open) > 0 && (!c.open[0].at.After(now) || len(c.open) >= maxOpen) {
		c.settle()
	}
	c.now = now
}

// settle ends the request that ends first.
func (c *recounter) settle() {
	e := heap.Pop(&c.open).(underWay)
	c.now = e.at
	c.meter.Settle(e.id, e.used)
}

// percent is how much of a limit has been used.
func (c *recounter) percent(l llm.Limit) int { return c.meter.Percent(l) }

// Full implements replay.Counter.
func (c *recounter) Full(r *llm.Record, limits []llm.Limit, used llm.Amounts) *llm.Limit {
	for _, l := range limits {
		c.begin(r, l)
	}
	for i, s := range c.meter.States(limits, c.now) {
		if s.Hard() && llm.Add(s.Before, used.Of(s.Unit)) > s.Max {
			return &limits[i]
		}
	}
	return nil
}

// begin gives a counter that is new what the record says was used before.
func (c *recounter) begin(r *llm.Record, l llm.Limit) {
	name := counterName{l.Scope, l.Window, l.Unit}
	if _, ok := c.seen[name]; ok || len(c.seen) == maxSeen {
		return
	}
	c.seen[name] = struct{}{}
	for _, s := range r.Limits {
		if (counterName{s.Scope, s.Window, s.Unit}) == name {
			c.meter.Restore([]llm.Charge{{Scope: s.Scope, Unit: s.Unit, Window: s.Window, WindowID: s.WindowID, Amount: s.Before}})
			return
		}
	}
}

// Take implements replay.Counter.
func (c *recounter) Take(r *llm.Record, limits []llm.Limit, used llm.Amounts) {
	if len(limits) == 0 {
		return
	}
	if _, _, err := c.meter.Reserve(r.ID, limits, llm.Exactly(used)); err != nil {
		return // a limit that cannot be counted refuses everything, then as now
	}
	heap.Push(&c.open, underWay{r.Time.Add(time.Duration(r.Duration)), r.ID, used})
	if c.taken++; c.taken%sweepEvery == 0 {
		c.meter.Sweep(c.now)
	}
}

// underWay is a request that has not ended.
type underWay struct {
	at   time.Time
	id   string
	used llm.Amounts
}

// endings is a heap of requests by their ends.
type endings []underWay

func (e endings) Len() int           { return len(e) }
func (e endings) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e endings) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *endings) Push(x any)        { *e = append(*e, x.(underWay)) }
func (e *endings) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}

// reorderRecords is how many records are kept to bring them into the order of their arrival:
// the ledger has them in that of their ends.
const reorderRecords = 1024

// eachByArrival calls yield with every record of a range in the order of arrival, as far as
// requests did not last while that many others ended.
func eachByArrival(ctx context.Context, l *ledger.Reader, which ledger.Range, yield func(*llm.Record) error) error {
	var waiting []*llm.Record
	flush := func(keep int) error {
		slices.SortStableFunc(waiting, func(a, b *llm.Record) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
		for len(waiting) > keep {
			if err := yield(waiting[0]); err != nil {
				return err
			}
			waiting = waiting[1:]
		}
		return nil
	}
	err := l.Each(ctx, which, func(r *llm.Record) error {
		r.RequestText, r.ReplyText = "", "" // which may be large
		if waiting = append(waiting, r); len(waiting) < reorderRecords {
			return nil
		}
		return flush(reorderRecords / 2)
	})
	if err != nil {
		return err
	}
	return flush(0)
}
