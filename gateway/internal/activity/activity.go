// Package activity keeps what requests have done in the last 24 hours, in steps of five
// minutes: counts, money and times, over all, and by target in quarters of an hour. It is in memory, bounded, and
// made from the records that the gateway writes; the ledger is the account.
package activity

import (
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// Step is how long one step lasts.
	Step = 5 * time.Minute
	// Steps is how many are kept: 24 hours.
	Steps = 288
)

// Other is the name of all targets beyond the first 250, and of all parts of decisions beyond
// those that a step counts.
const Other = "other"

// Sums are what the requests of one step have done.
type Sums struct {
	// Errors and Refused are requests with these outcomes: what a policy, a limit or a provider's rate
	// limit refuses is no error.
	Requests, Errors, Refused, Hits int64
	// Retries are attempts beyond each request's first, Fallbacks requests that another target
	// than the first asked has answered.
	Retries, Fallbacks int64
	Cost, Saved        llm.NanoUSD
	// FirstToken is from arrival to the first byte of the reply, Total to its end, Overhead the
	// part of it that was not spent waiting for providers or for a turn.
	FirstToken, Total, Overhead Histogram
}

// Activity keeps the figures. It is safe for concurrent use.
type Activity struct {
	now func() time.Time

	mu      sync.Mutex
	all     ring
	targets map[string]*targetRing
	// droppedAt is the step in which idle targets were looked for last.
	droppedAt time.Time
	// faults counts failed attempts by step and cause.
	faults [Steps]faultStep
	// parts counts what policies decided by step.
	parts [Steps]partStep
	// stages sums up how long the gateway's own steps took by step.
	stages [Steps]stageStep
	// outages are the times in which circuits were not closed by target; none is empty.
	outages map[string][]Outage
}

// faultStep are the causes of one step's failed attempts.
type faultStep struct {
	start  time.Time
	counts map[llm.Fault]int64
}

// ring are the steps of one day; the one of a time is at its place modulo Steps.
type ring [Steps]*step

type step struct {
	start time.Time
	Sums
}

// New returns an empty Activity.
func New(now func() time.Time) *Activity {
	return &Activity{now: now, targets: map[string]*targetRing{}, outages: map[string][]Outage{}}
}

// Observe adds a record. Records that are older than the oldest step are ignored, and so are
// those of copies and of requests that were only explained.
func (a *Activity) Observe(r *llm.Record) {
	if r.Dry || r.MirrorOf != "" {
		return
	}
	now := a.now()
	if r.Time.After(now.Add(Step)) || now.Sub(r.Time) >= (Steps-1)*Step {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.at(r.Time).add(r)
	a.countStages(r)
	for i := range r.Attempts {
		if f := r.Attempts[i].Fault; f != "" {
			a.countFault(r.Time, f)
		}
	}
	if r.Decision != nil {
		a.countParts(r)
	}
	if r.Target != "" {
		a.target(r.Target).add(r)
	}
}

func (a *Activity) countFault(at time.Time, f llm.Fault) {
	start := at.Truncate(Step)
	s := &a.faults[place(start)]
	if !s.start.Equal(start) {
		*s = faultStep{start, map[llm.Fault]int64{}}
	}
	s.counts[f]++
}

// at returns the step of a time, and makes it when it is new.
func (r *ring) at(t time.Time) *step {
	start := t.Truncate(Step)
	s := r[place(start)]
	if s == nil || !s.start.Equal(start) {
		s = &step{start: start}
		r[place(start)] = s
	}
	return s
}

func place(start time.Time) int { return int(start.Unix()/int64(Step/time.Second)) % Steps }

func (s *step) add(r *llm.Record) {
	s.Requests++
	switch r.Outcome() {
	case llm.OutcomeError:
		s.Errors++
	case llm.OutcomeRefused:
		s.Refused++
	case llm.OutcomeCached:
		s.Hits++
	}
	s.countAttempts(r)
	if r.Price.Known {
		s.Cost = llm.Add(s.Cost, r.Cost)
	}
	s.Saved = llm.Add(s.Saved, r.Saved)
	if r.FirstByte > 0 {
		s.FirstToken.Add(time.Duration(r.FirstByte))
	}
	s.Total.Add(time.Duration(r.Duration))
	s.Overhead.Add(time.Duration(r.Overhead()))
}

func (s *step) countAttempts(r *llm.Record) {
	if n := len(r.Attempts); n > 1 {
		s.Retries += int64(n - 1)
		if r.Target != "" && r.Target != r.Attempts[0].Target {
			s.Fallbacks++
		}
	}
}

// Day returns the steps of the last 24 hours, the oldest first, with the time of each. Steps
// without requests are zero.
func (a *Activity) Day() (starts []time.Time, steps []Sums) {
	a.mu.Lock()
	defer a.mu.Unlock()
	starts = a.starts()
	return starts, a.all.steps(starts)
}

// Faults returns the failed attempts of the last 24 hours by their cause.
func (a *Activity) Faults() map[llm.Fault]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := a.starts()[0]
	all := map[llm.Fault]int64{}
	for i := range a.faults {
		if s := &a.faults[i]; !s.start.Before(oldest) {
			for f, n := range s.counts {
				all[f] += n
			}
		}
	}
	return all
}

func (a *Activity) starts() []time.Time { return startsOf(a.now(), Step, Steps) }

// startsOf returns when the last n steps of a length began, the oldest first.
func startsOf(now time.Time, step time.Duration, n int) []time.Time {
	last := now.Truncate(step)
	starts := make([]time.Time, n)
	for i := range starts {
		starts[i] = last.Add(-time.Duration(n-1-i) * step)
	}
	return starts
}

func (r *ring) steps(starts []time.Time) []Sums {
	out := make([]Sums, len(starts))
	for i, start := range starts {
		if s := r[place(start)]; s != nil && s.start.Equal(start) {
			out[i] = s.Sums
		}
	}
	return out
}
