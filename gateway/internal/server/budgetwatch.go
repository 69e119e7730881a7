package server

import (
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// budgetWatch finds out when limits are used up to a threshold. The zero value is ready; it is
// safe for concurrent use.
type budgetWatch struct {
	mu sync.Mutex
	// levels has the limits that have reached a threshold, at most maxWatched.
	levels map[watchedLimit]reachedLevel
}

// watchedLimit is a limit; one whose maximum was changed is another.
type watchedLimit struct {
	name, scope, window string
	unit                llm.Unit
	max                 int64
}

// reachedLevel is how far a limit has come in a window, in percent.
type reachedLevel struct {
	window  string
	percent int
}

const (
	// maxWatched bounds the limits that are remembered. Beyond it they are forgotten, and may be
	// told of again.
	maxWatched = 10_000
	// relapse is by how many percent a limit without fixed windows must fall below a threshold
	// before reaching it counts anew.
	relapse = 10
)

// reach notes that a limit has come to percent, and returns from where it has in this window.
func (b *budgetWatch) reach(l watchedLimit, window string, percent int) (from int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, had := b.levels[l]
	switch {
	case had && last.window == window && percent <= last.percent && (window != "" || percent > last.percent-relapse):
		return last.percent
	case !had && len(b.levels) >= maxWatched, b.levels == nil:
		b.levels = map[watchedLimit]reachedLevel{}
	}
	b.levels[l] = reachedLevel{window, percent}
	if had && last.window == window {
		return last.percent
	}
	return 0
}

// budgetThreshold is the data of budget.threshold. Money is in US dollars.
type budgetThreshold struct {
	Limit  string   `json:"limit"`
	Scope  string   `json:"scope"`
	Unit   llm.Unit `json:"unit"`
	Window string   `json:"window,omitempty"`
	// Threshold is what was reached and Percent what is used, both in percent of Max. Refused says
	// that a request was refused because what is left is too little for it.
	Threshold int         `json:"threshold"`
	Percent   int         `json:"percent"`
	Max       json.Number `json:"max"`
	Refused   bool        `json:"refused,omitempty"`
	ResetsAt  *time.Time  `json:"resets_at,omitempty"`
	Request   string      `json:"request"`
}

// watchBudgets tells of the limits of a request that have reached a threshold.
func (s *Server) watchBudgets(r *llm.Record) {
	for i := range r.Limits {
		s.watchLimit(r, &r.Limits[i], false)
	}
	x := r.Exceeded
	if x == nil {
		return
	}
	for i := range x.States {
		state := &x.States[i]
		s.watchLimit(r, state, x.Why == llm.UsedUp && state.Limit == x.Limit)
	}
}

// watchLimit tells of one limit. refused says that it has too little left for a request.
func (s *Server) watchLimit(r *llm.Record, state *llm.LimitState, refused bool) {
	if state.Unit == llm.UnitConcurrent {
		return // which goes up and down all the time
	}
	percent := s.meter.Percent(state.Limit)
	if refused {
		percent = max(percent, 100)
	}
	l, window := watchedLimit{state.Name, state.Scope, state.Window, state.Unit, state.Max}, state.WindowID
	if strings.HasPrefix(state.Window, "rolling") {
		window = "" // it is another one all the time
	}
	from := s.nearLimits.reach(l, window, percent)
	if from >= percent {
		return
	}
	for _, threshold := range s.events.thresholds() {
		if from >= threshold || percent < threshold {
			continue
		}
		data := budgetThreshold{Limit: state.Name, Scope: state.Scope, Unit: state.Unit, Window: state.Window, Threshold: threshold, Percent: percent,
			Max: state.Unit.Amount(state.Max), Refused: refused, Request: r.ID}
		same := []any{l, "\x00", window, "\x00", threshold}
		if state.ResetsAt > 0 {
			resets := time.UnixMilli(state.ResetsAt).UTC()
			data.ResetsAt = &resets
		}
		if window == "" {
			same = append(same, r.ID)
		}
		s.events.tell(config.EventBudget, time.Now(), data, func(h *eventHook) bool { return h.wantsAt(threshold) }, same...)
	}
}
