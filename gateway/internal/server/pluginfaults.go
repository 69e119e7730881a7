package server

import (
	"log/slog"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// faultsEvery is how often the faults of one plugin are logged.
const faultsEvery = time.Minute

// pluginFaults logs the faults of routers and transforms: at once, and then at most once in
// faultsEvery for each of them. The zero value is ready; it is safe for concurrent use.
type pluginFaults struct {
	mu     sync.Mutex
	logged map[string]loggedFault
}

// loggedFault is when a plugin's fault was logged last, and how many have not been since.
type loggedFault struct {
	at   time.Time
	more int
}

// notePluginFaults logs what plugins did wrong for a request.
func (s *Server) notePluginFaults(r *llm.Record) {
	if r.Ranking != nil && r.Ranking.Fault != "" {
		s.notePluginFault(r, r.Ranking.Router, "route", r.Ranking.Fault)
	}
	for i := range r.Attempts {
		for _, a := range r.Attempts[i].Transforms {
			if a.Fault != "" {
				s.notePluginFault(r, a.Plugin, a.Hook, a.Fault)
			}
		}
	}
}

func (s *Server) notePluginFault(r *llm.Record, plugin, hook, fault string) {
	more, ok := s.faults.note(plugin, time.Now())
	if !ok {
		return
	}
	s.log.Warn("a plugin failed", slog.String("plugin", plugin), slog.String("hook", hook), slog.String("request", r.ID), slog.String("route", r.Route),
		slog.String("err", llm.RedactText(fault)), slog.Int("since_last_line", more)) // what it says of its fault may quote its input
}

// note counts a fault, and reports whether to log it and how many have not been since the last
// one.
func (f *pluginFaults) note(plugin string, now time.Time) (more int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, had := f.logged[plugin]
	if had && now.Sub(last.at) < faultsEvery {
		last.more++
		f.logged[plugin] = last
		return 0, false
	}
	if f.logged == nil {
		f.logged = map[string]loggedFault{}
	}
	f.logged[plugin] = loggedFault{at: now}
	return last.more, true
}
