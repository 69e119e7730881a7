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
	// circuits are the states of the targets as they were told last, disabled the plugins that
	// are. Only the maintenance uses them.
	circuits map[string]string
	disabled map[string]bool
}

// eventHook is a webhook with what it wants to be told.
type eventHook struct {
	*webhook.Hook
	config.Webhook
}

func (s *Server) startWebhooks(c *config.Config) {
	s.events.circuits, s.events.disabled = map[string]string{}, map[string]bool{}
	for _, w := range c.Webhooks {
		s.events.hooks = append(s.events.hooks, eventHook{webhook.Start(webhook.Options{URL: w.URL, Secret: w.Secret.Reveal(), Private: w.Private(),
			UserAgent: "penstock/" + s.o.Version, Log: s.log}), w})
	}
}

// wanted reports whether anybody wants to be told of a kind of event.
func (e *events) wanted(kind config.Event) bool {
	return slices.ContainsFunc(e.hooks, func(h eventHook) bool { return slices.Contains(h.Events, kind) })
}

// tell tells of an event those who want to know. same names what makes two events the same.
func (e *events) tell(kind config.Event, data any, which func(*eventHook) bool, same ...any) {
	sum := sha256.Sum256(fmt.Append(nil, append([]any{kind, "\x00"}, same...)...))
	event := webhook.Event{ID: "evt_" + hex.EncodeToString(sum[:12]), Type: string(kind), Time: time.Now().UTC(), Data: data}
	for i := range e.hooks {
		if h := &e.hooks[i]; slices.Contains(h.Events, kind) && (which == nil || which(h)) {
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

// watchCircuits tells of the targets whose circuits have another state than before. What opens
// and closes within a second goes unnoticed.
func (s *Server) watchCircuits() {
	if !s.events.wanted(config.EventCircuit) {
		return
	}
	now := map[string]string{}
	for _, t := range s.targets() {
		now[t.Target] = t.State
		was, had := s.events.circuits[t.Target]
		if !had {
			was = upstream.Closed
		}
		if t.State != was {
			s.events.tell(config.EventCircuit, circuitChange{t.Target, was, t.State, t.Why, t.Until}, nil, t.Target, was, t.State, time.Now().UnixNano())
		}
	}
	s.events.circuits = now
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
	for name, p := range sn.plugins {
		why := p.module.Disabled()
		if was := s.events.disabled[name]; why != "" && !was {
			s.log.Warn("a plugin is not used for a while", slog.String("plugin", name), slog.String("why", why))
			s.events.tell(config.EventPlugin, pluginDisabled{name, why}, nil, name, why, time.Now().UnixNano())
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
	s.events.tell(config.EventReload, reloadRefused{text}, nil, time.Now().UnixNano())
}

// thresholds returns the percentages of limits that anybody wants to be told of.
func (e *events) thresholds() []int {
	var all []int
	for _, h := range e.hooks {
		if slices.Contains(h.Events, config.EventBudget) {
			all = append(all, h.Thresholds...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (h *eventHook) wants(threshold int) bool { return slices.Contains(h.Thresholds, threshold) }
