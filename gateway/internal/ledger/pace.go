package ledger

import "time"

// pace decides how long the writer waits for company before it commits. A commit
// costs as much as several rows, so under load it pays to wait a moment; a lone
// caller, who sends nothing more until it is answered, must not be made to wait.
//
// It goes by the rate at which ops come. A rate does not tell one fast caller from
// many slow ones, so it also looks at what waiting brought: when nobody came, it
// stops waiting for a while, longer each time.
type pace struct {
	linger time.Duration
	// gap is the decayed mean time between two ops.
	gap time.Duration
	// last is when the last group was taken; waited whether the group at hand was
	// waited for.
	last   time.Time
	waited bool
	// skip is how many groups go without waiting, penalty the next such number.
	skip, penalty int
}

const (
	// crowd is the number of ops that makes waiting worth while.
	crowd = 4
	// minPenalty and maxPenalty bound the groups that go without waiting after nobody
	// came. The largest keeps a lone caller's share of slow writes near 0.1 %.
	minPenalty, maxPenalty = 16, 1024
)

// wait is how long to wait for more, now that the first op of a group has come.
func (p *pace) wait(now time.Time) time.Duration {
	p.waited = false
	if p.skip > 0 {
		p.skip--
		return 0
	}
	if p.linger <= 0 || p.gap == 0 || p.gap*crowd > p.linger {
		return 0
	}
	p.waited = true
	return p.linger
}

// wrote takes note of a group that has been taken from the queue.
func (p *pace) wrote(n int, now time.Time) {
	p.observe(n, now)
	switch {
	case !p.waited:
	case n < crowd:
		p.penalty = min(max(p.penalty*2, minPenalty), maxPenalty)
		p.skip = p.penalty
	default:
		p.penalty = 0
	}
}

// observe takes n ops that came since the last group into the mean.
func (p *pace) observe(n int, now time.Time) {
	gap := now.Sub(p.last) / time.Duration(n)
	switch {
	case p.last.IsZero():
	case p.gap == 0:
		p.gap = gap
	default:
		p.gap = (p.gap*7 + gap) / 8
	}
	p.last = now
}
