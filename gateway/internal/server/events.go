package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/webhook"
)

// events tells the webhooks. The zero value tells nobody.
type events struct {
	hooks []eventHook
	// disabled are the plugins that are. Only the maintenance uses it.
	disabled map[string]bool
}

// eventHook is a webhook with what it wants to be told.
type eventHook struct {
	*webhook.Hook
	config.Webhook
}

func (s *Server) startWebhooks(c *config.Config) {
	s.events.disabled = map[string]bool{}
	for _, w := range c.Webhooks {
		s.events.hooks = append(s.events.hooks, eventHook{webhook.Start(webhook.Options{URL: w.URL, Secret: w.Secret.Reveal(), Private: w.Private(),
			UserAgent: "penstock/" + s.o.Version, Log: s.log}), w})
	}
}

// wanted reports whether anybody wants to be told of a kind of event.
func (e *events) wanted(kind config.Event) bool {
	return slices.ContainsFunc(e.hooks, func(h eventHook) bool { return h.Wants(kind) })
}

// tell tells of an event those who want to know. same names what makes two events the same.
func (e *events) tell(kind config.Event, at time.Time, data any, which func(*eventHook) bool, same ...any) {
	sum := sha256.Sum256(fmt.Append(nil, append([]any{kind, "\x00"}, same...)...))
	event := webhook.Event{ID: "evt_" + hex.EncodeToString(sum[:12]), Type: string(kind), Time: at.UTC(), Data: data}
	for i := range e.hooks {
		if h := &e.hooks[i]; h.Wants(kind) && (which == nil || which(h)) {
			h.Tell(event)
		}
	}
}

func (e *events) close(ctx context.Context) {
	for _, h := range e.hooks {
		h.Close(ctx)
	}
}

// delivered returns how many events the webhooks have taken, and how many not.
func (e *events) delivered() (taken, dropped uint64) {
	for _, h := range e.hooks {
		taken += h.Delivered()
		dropped += h.Dropped()
	}
	return taken, dropped
}

// circuitChange is the data of circuit.changed.
type circuitChange struct {
	Target string     `json:"target"`
	From   string     `json:"from"`
	To     string     `json:"to"`
	Why    string     `json:"why,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

// watchCircuits notes the targets whose circuits are not closed, and tells of changes. It looks at
// all of them, since some change with time alone.
func (s *Server) watchCircuits() {
	sn := s.acquire()
	defer sn.release()
	open := map[string]string{}
	for _, id := range s.targetIDs(sn) {
		if state, _ := s.health.State(id, credentialsOf(sn.clients, id)...); state.State != upstream.Closed {
			open[id] = state.Why
		}
	}
	s.activity.SetCircuits(open)
	if s.events.wanted(config.EventCircuit) {
		s.tellCircuits()
	}
}

// tellCircuits tells of the changes of targets' circuits that have not been told.
func (s *Server) tellCircuits() {
	for _, c := range s.health.TakeChanges() {
		to := circuitOf(c.To, -1, -1)
		s.events.tell(config.EventCircuit, c.Time, circuitChange{c.Target, c.From, to.State, to.Why, to.Until}, nil, c.Target, c.From, to.State, c.Time.UnixNano())
	}
}

// pluginDisabled is the data of plugin.disabled.
type pluginDisabled struct {
	Plugin string `json:"plugin"`
	Why    string `json:"why"`
}

// watchPlugins logs and tells which plugins have been disabled because of their faults.
func (s *Server) watchPlugins() {
	sn := s.acquire()
	defer sn.release()
	now := time.Now()
	for name, p := range sn.plugins {
		why := p.module.Disabled()
		if was := s.events.disabled[name]; why != "" && !was {
			s.log.Warn("a plugin is not used for a while", slog.String("plugin", name), slog.String("why", why))
			s.events.tell(config.EventPlugin, now, pluginDisabled{name, why}, nil, name, why, now.UnixNano())
		}
		s.events.disabled[name] = why != ""
	}
}

// reloadRefused is the data of reload.refused.
type reloadRefused struct {
	// Error is the text that the log has, at most maxReloadError bytes of it.
	Error string `json:"error"`
}

// maxReloadError bounds the text of a refused reload, in bytes: there may be many faults.
const maxReloadError = 4 << 10

func (s *Server) tellReload(err error) {
	text := err.Error()
	if len(text) > maxReloadError {
		text = text[:maxReloadError] + "…"
	}
	now := time.Now()
	s.events.tell(config.EventReload, now, reloadRefused{text}, nil, now.UnixNano())
}

// thresholds returns the percentages of limits that anybody wants to be told of.
func (e *events) thresholds() []int {
	var all []int
	for _, h := range e.hooks {
		if h.Wants(config.EventBudget) {
			all = append(all, h.Thresholds...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (h *eventHook) wantsAt(threshold int) bool { return slices.Contains(h.Thresholds, threshold) }
