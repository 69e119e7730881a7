package activity

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// TargetStep is how long one step of a target lasts, TargetSteps how many are kept: 24 hours.
	TargetStep  = 15 * time.Minute
	TargetSteps = 96
	// maxTargets bounds the targets that have figures of their own: 24 MB, when all are called in
	// every step.
	maxTargets = 250
)

// TargetSums are what the requests that a target answered have done in one of its steps.
type TargetSums struct {
	Requests, Errors int64
	// FirstToken is from arrival to the first byte of the reply, Total to its end.
	FirstToken, Total Histogram
}

// targetRing are the steps of a target's day; the one of a time is at its place modulo TargetSteps.
type targetRing [TargetSteps]*targetStep

type targetStep struct {
	start time.Time
	TargetSums
}

func (r *targetRing) place(start time.Time) **targetStep {
	return &r[int(start.Unix()/int64(TargetStep/time.Second))%TargetSteps]
}

func (r *targetRing) add(record *llm.Record) {
	start := record.Time.Truncate(TargetStep)
	at := r.place(start)
	if *at == nil || !(*at).start.Equal(start) {
		*at = &targetStep{start: start}
	}
	s := *at
	s.Requests++
	if record.Status >= 400 || record.Code != "" { // a refusal by the provider, too
		s.Errors++
	}
	if record.FirstByte > 0 {
		s.FirstToken.Add(time.Duration(record.FirstByte))
	}
	s.Total.Add(time.Duration(record.Duration))
}

// since reports whether there is a step that is not older.
func (r *targetRing) since(oldest time.Time) bool {
	for _, s := range r {
		if s != nil && !s.start.Before(oldest) {
			return true
		}
	}
	return false
}

// target returns the steps of a target, or of all others when too many have been called.
func (a *Activity) target(id string) *targetRing {
	t := a.targets[id]
	if t == nil && len(a.targets) >= maxTargets {
		a.dropIdle()
	}
	if t == nil && len(a.targets) >= maxTargets {
		id = Other
		t = a.targets[id]
	}
	if t == nil {
		t = new(targetRing)
		a.targets[id] = t
	}
	return t
}

// dropIdle forgets the targets that were not called in the last 24 hours; it looks for them once a
// step.
func (a *Activity) dropIdle() {
	starts := a.targetStarts()
	if a.droppedAt.Equal(starts[TargetSteps-1]) {
		return
	}
	a.droppedAt = starts[TargetSteps-1]
	for id, r := range a.targets {
		if !r.since(starts[0]) {
			delete(a.targets, id)
		}
	}
}

func (a *Activity) targetStarts() []time.Time { return startsOf(a.now(), TargetStep, TargetSteps) }

// Targets returns the steps of each target that has answered in the last 24 hours, by its name,
// the oldest first, with the time of each.
func (a *Activity) Targets() (starts []time.Time, all map[string][]TargetSums) {
	a.mu.Lock()
	defer a.mu.Unlock()
	starts, all = a.targetStarts(), map[string][]TargetSums{}
	for id, r := range a.targets {
		if !r.since(starts[0]) {
			continue
		}
		steps := make([]TargetSums, TargetSteps)
		for i, start := range starts {
			if s := *r.place(start); s != nil && s.start.Equal(start) {
				steps[i] = s.TargetSums
			}
		}
		all[id] = steps
	}
	return starts, all
}
