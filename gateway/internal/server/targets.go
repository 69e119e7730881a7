package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/telemetry"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// TargetList is the reply of GET /admin/v1/targets, by name. Next is the after of the next page.
type TargetList struct {
	Targets []Target `json:"targets"`
	Next    string   `json:"next,omitempty"`
}

// Circuit says what a target or credential lets through: closed all calls, open none, and
// half-open one to see whether it has recovered.
type Circuit struct {
	State string `json:"state"`
	// Why is the kind of failure, or operator. Until is left out when it stays so until an
	// operator closes it.
	Why   string     `json:"why,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	// RemainingRequests and RemainingTokens are what the provider has said is left of its
	// limits; left out when unknown.
	RemainingRequests *int64 `json:"remaining_requests,omitempty"`
	RemainingTokens   *int64 `json:"remaining_tokens,omitempty"`
}

// Target is one target with its figures.
type Target struct {
	Target string `json:"target"`
	Circuit
	InFlight int64 `json:"in_flight"`
	// ErrorRate is the decayed share of failed attempts, 0 to 1, of the recent Samples.
	ErrorRate float64 `json:"error_rate"`
	Samples   float64 `json:"samples"`
	// Errors are the parts of ErrorRate by the kind of failure; those without any are left out.
	Errors map[llm.Fault]float64 `json:"errors,omitempty"`
	// TTFT is the decayed mean time to the first token; left out before there is one. TTFTP50 and
	// TTFTP95 are the median and the 95th percentile of those that streams have shown.
	TTFT    llm.Millis `json:"ttft_ms,omitempty"`
	TTFTP50 llm.Millis `json:"ttft_p50_ms,omitempty"`
	TTFTP95 llm.Millis `json:"ttft_p95_ms,omitempty"`
	// TPS is the decayed mean of output tokens per second; left out before there is one.
	TPS float64 `json:"tps,omitempty"`
	// CoolingFor says why routing avoids the target although calls may go through, and until
	// when; left out when it does not.
	CoolingFor   string     `json:"cooling_for,omitempty"`
	CoolingUntil *time.Time `json:"cooling_until,omitempty"`
	// Credentials are the provider's several ones as they stand for this target.
	Credentials []TargetCredential `json:"credentials,omitempty"`
}

// TargetCredential is one of a target's credentials.
type TargetCredential struct {
	Credential string `json:"credential"`
	Circuit
}

func circuitOf(s upstream.State, requests, tokens int64) Circuit {
	c := Circuit{State: s.State, Why: s.Why}
	if !s.Until.IsZero() && s.Until.Before(upstream.Indefinitely()) {
		until := s.Until.UTC()
		c.Until = &until
	}
	if requests >= 0 {
		c.RemainingRequests = &requests
	}
	if tokens >= 0 {
		c.RemainingTokens = &tokens
	}
	return c
}

// targetIDs are the targets that the configuration names, and those that were called.
func (s *Server) targetIDs(sn *snapshot) []string {
	ids := slices.Concat(sn.routes.Targets(), slices.DeleteFunc(s.health.Targets(), func(id string) bool {
		provider, _, _ := strings.Cut(id, "/")
		return sn.clients[provider] == nil
	}))
	slices.Sort(ids)
	return slices.Compact(ids)
}

// targets returns all targets.
func (s *Server) targets() []Target {
	sn := s.acquire()
	defer sn.release()
	return s.targetsOf(sn, s.targetIDs(sn))
}

func (s *Server) targetsOf(sn *snapshot, ids []string) []Target {
	list := make([]Target, len(ids))
	for i, id := range ids {
		list[i] = s.target(sn, id)
	}
	return list
}

// targetList returns a page of the targets for operators.
func (s *Server) targetList(p admin.Page) TargetList {
	sn := s.acquire()
	defer sn.release()
	ids, next := pageOf(s.targetIDs(sn), p.Limit, func(id string) bool { return id > p.After }, func(id string) string { return id })
	return TargetList{s.targetsOf(sn, ids), next}
}

// changedTargets returns the target with an ID, or those of the provider of a credential.
func (s *Server) changedTargets(sn *snapshot, id string) TargetList {
	ids := []string{id}
	if sn.credential(id) != nil {
		provider, _, _ := strings.Cut(id, "#")
		ids = slices.DeleteFunc(s.targetIDs(sn), func(target string) bool { return !strings.HasPrefix(target, provider+"/") })
	}
	return TargetList{Targets: s.targetsOf(sn, ids)}
}

func (s *Server) target(sn *snapshot, id string) Target {
	credentials := credentialsOf(sn.clients, id)
	stats := s.health.Stats(id, credentials...)
	state, of := s.health.State(id, credentials...)
	t := Target{Target: id, Circuit: circuitOf(state, stats.RemainingRequests, stats.RemainingTokens),
		InFlight: stats.Inflight, ErrorRate: stats.ErrorRate, Samples: stats.Samples, TTFT: stats.TTFT, TTFTP50: stats.TTFTP50, TTFTP95: stats.TTFTP95,
		TPS: stats.TPS}
	for _, e := range s.health.Errors(id) {
		if e.Share > 0 && stats.ErrorRate > 0 {
			t.Errors = setShare(t.Errors, e)
		}
	}
	if stats.CoolingUntil.After(time.Now()) && stats.CoolingUntil.Before(upstream.Indefinitely()) {
		until := stats.CoolingUntil.UTC()
		t.CoolingFor, t.CoolingUntil = stats.CoolingFor, &until
	}
	for _, c := range of {
		t.Credentials = append(t.Credentials, TargetCredential{c.ID, circuitOf(c.State, c.RemainingRequests, c.RemainingTokens)})
	}
	return t
}

// setShare adds a class of errors.
func setShare(to map[llm.Fault]float64, e upstream.ErrorShare) map[llm.Fault]float64 {
	if to == nil {
		to = map[llm.Fault]float64{}
	}
	to[e.Class] = e.Share
	return to
}

// openTarget keeps a target or credential from being used.
func (s *Server) openTarget(o admin.Opening) (any, error) {
	sn := s.acquire()
	defer sn.release()
	if sn.credential(o.ID) == nil && !s.isTarget(sn, o.ID) {
		return nil, noSuchTarget(o.ID)
	}
	until, span := upstream.Indefinitely(), "until it is closed"
	if o.For > 0 {
		until, span = time.Now().Add(o.For), o.For.String()
	}
	if !s.health.Open(o.ID, until) {
		return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "id",
			Message: "Too many targets are open already; close some of them first."}
	}
	s.log.Warn("an operator has opened a target: it gets no more calls", "id", o.ID, "for", span, "by", o.By)
	return s.changedTargets(sn, o.ID), nil
}

// closeTarget lets a target or credential be used at once.
func (s *Server) closeTarget(o admin.Opening) (any, error) {
	sn := s.acquire()
	defer sn.release()
	switch c := sn.credential(o.ID); {
	case c != nil:
		s.health.CloseCredential(c)
	case s.isTarget(sn, o.ID):
		s.health.CloseTarget(o.ID, credentialsOf(sn.clients, o.ID)...)
	default:
		return nil, noSuchTarget(o.ID)
	}
	s.log.Warn("an operator has closed a target: its failures are forgotten", "id", o.ID, "by", o.By)
	return s.changedTargets(sn, o.ID), nil
}

func (s *Server) isTarget(sn *snapshot, id string) bool {
	provider, model, _ := strings.Cut(id, "/")
	return sn.clients[provider] != nil && model != "" && (sn.routes.Known(id) || slices.Contains(s.health.Targets(), id))
}

func noSuchTarget(id string) error {
	return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Param: "id",
		Message: fmt.Sprintf("There is no target or credential %s; GET /admin/v1/targets and penstock targets list show them.", llm.Quote(id))}
}

// targetMetrics returns the targets for the metrics.
func (s *Server) targetMetrics() []telemetry.Target {
	if s.snapshot.Load() == nil {
		return nil
	}
	var out []telemetry.Target
	for _, t := range s.targets() {
		out = append(out, targetMetric(&t))
	}
	return out
}

func targetMetric(t *Target) telemetry.Target {
	m := telemetry.Target{ID: t.Target, State: t.State, InFlight: t.InFlight, ErrorRate: t.ErrorRate, FirstToken: time.Duration(t.TTFT),
		FirstTokenP50: time.Duration(t.TTFTP50), FirstTokenP95: time.Duration(t.TTFTP95), Speed: t.TPS, RemainingRequests: -1, RemainingTokens: -1}
	for class, share := range t.Errors {
		m.Errors = append(m.Errors, telemetry.ErrorShare{Class: string(class), Share: share})
	}
	if t.CoolingUntil != nil {
		m.Cooldown = time.Until(*t.CoolingUntil)
	}
	if t.RemainingRequests != nil {
		m.RemainingRequests = *t.RemainingRequests
	}
	if t.RemainingTokens != nil {
		m.RemainingTokens = *t.RemainingTokens
	}
	return m
}

// credentialMetrics returns the credentials of providers with several ones, and whether
// they are open for all of their targets.
func (s *Server) credentialMetrics() map[string]bool {
	sn := s.snapshot.Load()
	if sn == nil {
		return nil
	}
	open := map[string]bool{}
	for _, c := range sn.clients {
		for _, credential := range c.Credentials() {
			open[credential.ID] = s.health.CredentialState(credential).State != upstream.Closed
		}
	}
	return open
}

// retryMetrics returns the state of the retry budget.
func (s *Server) retryMetrics() telemetry.Retries { return telemetry.Retries(s.retries.State()) }
