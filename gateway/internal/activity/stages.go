package activity

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// StageTimes are the sums of how long the gateway's own steps of requests took.
type StageTimes struct {
	Requests int64
	// Admit found the route and asked the policy, Cache looked for a reply, Rank put the targets
	// in order, Transform made requests what targets get, Reserve held what they may cost. Rest is
	// what else the gateway itself took: reading, relaying and settling.
	Admit, Cache, Rank, Transform, Reserve, Rest time.Duration
}

// stageStep are the times of one step.
type stageStep struct {
	start time.Time
	StageTimes
}

// countStages adds a record's times to those of its step.
func (a *Activity) countStages(r *llm.Record) {
	start := r.Time.Truncate(Step)
	s := &a.stages[place(start)]
	if !s.start.Equal(start) {
		*s = stageStep{start: start}
	}
	one := StageTimes{Requests: 1, Admit: time.Duration(r.Stages.Admit.Duration), Cache: time.Duration(r.Stages.Cache.Duration), Rank: time.Duration(r.Stages.Rank.Duration)}
	for i := range r.Attempts {
		one.Transform += time.Duration(r.Attempts[i].Transform)
		one.Reserve += time.Duration(r.Attempts[i].Reserve)
	}
	one.Rest = max(time.Duration(r.Overhead())-one.Admit-one.Cache-one.Rank-one.Transform-one.Reserve, 0)
	s.add(&one)
}

func (s *StageTimes) add(o *StageTimes) {
	s.Requests += o.Requests
	s.Admit += o.Admit
	s.Cache += o.Cache
	s.Rank += o.Rank
	s.Transform += o.Transform
	s.Reserve += o.Reserve
	s.Rest += o.Rest
}

// Stages returns the sums of the last 24 hours.
func (a *Activity) Stages() (all StageTimes) {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := a.starts()[0]
	for i := range a.stages {
		if s := &a.stages[i]; !s.start.Before(oldest) {
			all.add(&s.StageTimes)
		}
	}
	return all
}
