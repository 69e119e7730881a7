package meter

import (
	"cmp"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// model is a simple meter without regard for speed: a list of entries, summed for every
// question.
type model struct {
	now time.Time
	loc *time.Location
	// meters are those that the meter may still have, by what they count.
	meters map[key]*modelMeter
	// ledger is every charge, as the ledger would have it.
	ledger []llm.Charge
}

// modelMeter is a meter with the window that reservations are taken from now.
type modelMeter struct {
	span    llm.Window
	cur     window
	entries []*entry
}

// entry is what one request takes from one meter.
type entry struct {
	lease   string
	in      window
	amount  int64
	open    bool
	expires time.Time
	// over says that it no longer counts, whatever the clock says.
	over bool
	// overrun is how much of the amount was taken beyond a limit, or beyond a reservation.
	overrun int64
}

// meter returns the meter of a key in the window of now.
func (m *model) meter(k key) *modelMeter {
	mm := m.meters[k]
	if mm == nil {
		mm = &modelMeter{}
		if k.unit != llm.UnitConcurrent {
			mm.span, _ = llm.ParseWindow(k.window)
		}
		mm.cur = windowAt(&mm.span, m.now, m.loc)
		m.meters[k] = mm
	}
	if !mm.cur.covers(m.now) {
		mm.cur = windowAt(&mm.span, m.now, m.loc)
	}
	for _, e := range mm.entries {
		e.over = e.over || !mm.counts(e, m.now)
	}
	return mm
}

// counts reports whether an entry counts at that time.
func (mm *modelMeter) counts(e *entry, now time.Time) bool {
	switch {
	case e.over:
		return false
	case mm.span.Rolling:
		return now.Before(e.in.end.Add(mm.span.Every))
	}
	return e.in.id == mm.cur.id && e.in.covers(now)
}

// sums returns what is spent, what is reserved, and how much of both was taken beyond limits.
func (mm *modelMeter) sums(now time.Time) (spent, reserved, overrun int64) {
	for _, e := range mm.entries {
		if !mm.counts(e, now) {
			continue
		}
		if e.open {
			reserved += e.amount
		} else {
			spent += e.amount
		}
		overrun += e.overrun
	}
	return spent, reserved, overrun
}

// beside returns what counts together with an entry and is not of it.
func (mm *modelMeter) beside(of *entry) (sum int64) {
	for _, e := range mm.entries {
		if e != of && (of.over && e.in.id == of.in.id || !of.over && !e.over) {
			sum += e.amount
		}
	}
	return sum
}

func keyOf(l *llm.Limit) key { return key{l.Scope, l.Window, l.Unit} }

// reserve takes an amount from all limits if it fits them all, and reports whether it does.
func (m *model) reserve(lease string, limits []llm.Limit, want llm.Amounts, ttl time.Duration) bool {
	fits := true
	for i := range limits {
		l := &limits[i]
		spent, reserved, _ := m.meter(keyOf(l)).sums(m.now)
		fits = fits && (!l.Hard() || spent+reserved+want.Of(l.Unit) <= l.Max)
	}
	if !fits {
		return false
	}
	for i := range limits {
		if k := keyOf(&limits[i]); m.open(lease, k) == nil {
			mm := m.meters[k]
			mm.entries = append(mm.entries, &entry{lease: lease, in: mm.cur, amount: want.Of(k.unit), open: true, expires: m.now.Add(ttl)})
		}
	}
	return true
}

// replace reserves in place of what a lease holds, which stays when it does not fit.
func (m *model) replace(lease string, limits []llm.Limit, want llm.Amounts, ttl time.Duration) bool {
	var old []*entry
	var had []entry
	for k := range m.meters {
		if e := m.open(lease, k); e != nil {
			old, had = append(old, e), append(had, *e)
			e.open, e.amount, e.overrun = false, 0, 0
		}
	}
	fits := m.reserve(lease, limits, want, ttl)
	if !fits {
		for i, e := range old {
			over := e.over // of a window that has ended meanwhile
			*e = had[i]
			e.over = over
		}
	}
	return fits
}

// open returns what a lease holds of a meter.
func (m *model) open(lease string, k key) *entry {
	if mm := m.meters[k]; mm != nil {
		for _, e := range mm.entries {
			if e.open && e.lease == lease {
				return e
			}
		}
	}
	return nil
}

// grow raises what a lease holds, and returns for how much output. It reports false when a
// limit cuts.
func (m *model) grow(lease string, limits []llm.Limit, ask llm.Ask) (int64, bool) {
	output, least := ask.Most, ask.Amounts(ask.Least)
	for i := range limits {
		l := &limits[i]
		e := m.open(lease, keyOf(l))
		if e == nil || !l.Hard() {
			continue
		}
		need, left := least.Of(l.Unit), l.Max-m.meters[keyOf(l)].beside(e)
		if need > max(left, e.amount) && l.Cuts() {
			return 0, false
		}
		for output > ask.Least && ask.Amounts(output).Of(l.Unit) > max(need, left, e.amount) {
			output--
		}
	}
	want := ask.Amounts(output)
	for k, mm := range m.meters {
		if e := m.open(lease, k); e != nil && want.Of(k.unit) > e.amount {
			e.overrun += want.Of(k.unit) - max(e.amount, min(want.Of(k.unit), m.hardMax(limits, k)-mm.beside(e)))
			e.amount = want.Of(k.unit)
		}
	}
	return output, true
}

func (m *model) hardMax(limits []llm.Limit, k key) int64 {
	for i := range limits {
		if keyOf(&limits[i]) == k && limits[i].Hard() {
			return limits[i].Max
		}
	}
	return 0
}

// settle closes a lease's entries at what was used and returns the charges, in no order.
func (m *model) settle(lease string, used llm.Amounts) (charges []llm.Charge) {
	for k, mm := range m.meters {
		e := m.open(lease, k)
		if e == nil {
			continue
		}
		amount := used.Of(k.unit)
		if k.unit == llm.UnitConcurrent {
			amount = 0
		}
		e.overrun += max(amount-e.amount, 0)
		e.open, e.amount = false, amount
		if amount > 0 {
			charges = append(charges, llm.Charge{Scope: k.scope, Unit: k.unit, Window: k.window, WindowID: e.in.id, Amount: amount})
		}
		if !slices.ContainsFunc(mm.entries, func(e *entry) bool { return e.open }) {
			mm.entries = slices.DeleteFunc(mm.entries, func(e *entry) bool { return e.over })
		}
	}
	m.ledger = append(m.ledger, charges...)
	return charges
}

// sweep returns the leases that have expired, and forgets the meters whose windows are over.
func (m *model) sweep() (expired []string) {
	for k, mm := range m.meters {
		idle := true
		for _, e := range mm.entries {
			if e.open && !m.now.Before(e.expires) && !slices.Contains(expired, e.lease) {
				expired = append(expired, e.lease)
			}
			idle = idle && k.unit == llm.UnitConcurrent && !e.open
		}
		if k.unit != llm.UnitConcurrent {
			over := mm.cur.end
			if mm.span.Rolling {
				over = over.Add(mm.span.Every)
			}
			idle = !m.now.Before(over)
		}
		if idle {
			m.forget(k)
		}
	}
	slices.Sort(expired)
	return expired
}

// forget drops a meter. What leases hold of it is settled all the same.
func (m *model) forget(k key) {
	mm := m.meters[k]
	for _, e := range mm.entries {
		e.over = true
	}
	mm.cur = window{id: "over", end: time.Unix(0, 0)}
}

// restart forgets everything but the ledger.
func (m *model) restart() {
	m.meters = map[key]*modelMeter{}
	for _, c := range m.ledger {
		k := key{c.Scope, c.Window, c.Unit}
		span, _ := llm.ParseWindow(c.Window)
		in := windowAt(&span, m.now, m.loc)
		if span.Rolling {
			begin, _ := time.Parse(time.RFC3339, c.WindowID)
			part := span.Part()
			if begin.Sub(m.now) > span.Every || !m.now.Before(begin.Add(part+span.Every)) {
				continue
			}
			if begin.Add(part).Before(in.end) {
				in = window{id: c.WindowID, end: begin.Add(part)}
			}
		} else if in.id != c.WindowID {
			continue
		}
		mm := m.meter(k)
		mm.entries = append(mm.entries, &entry{in: in, amount: c.Amount, overrun: c.Amount})
	}
}

// booked returns what the ledger has in the windows that count for a meter now.
func (m *model) booked(k key) (sum int64) {
	span, _ := llm.ParseWindow(k.window)
	for _, c := range m.ledger {
		if (key{c.Scope, c.Window, c.Unit}) != k {
			continue
		}
		live := c.WindowID == windowAt(&span, m.now, m.loc).id
		if span.Rolling {
			begin, _ := time.Parse(time.RFC3339, c.WindowID)
			live = m.now.Before(begin.Add(span.Part() + span.Every))
		}
		if live {
			sum += c.Amount
		}
	}
	return sum
}

func sorted(charges []llm.Charge) []llm.Charge {
	slices.SortFunc(charges, func(a, b llm.Charge) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Window, b.Window))
	})
	return charges
}
