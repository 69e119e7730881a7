package server

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/telemetry"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// purge removes cached replies; replies in flight are not cached either.
func (s *Server) purge(ctx context.Context, what admin.Purge) error {
	err := s.purgeCache(ctx, what)
	if s.log.Info("cache purged", "what", what.What, "name", what.Name); err == nil || llm.AsError(err).Status == http.StatusBadRequest {
		return err
	}
	return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, Err: err,
		Message: "This gateway has forgotten the replies, but the store that others share them in could not be told (cache.store): " + err.Error() + ". Purge again when it answers."}
}

func (s *Server) purgeCache(ctx context.Context, what admin.Purge) error {
	switch what.What {
	case admin.PurgeID:
		if !s.cache.PurgeID(what.Name) {
			return invalidAsker("id", "no cached reply answers similar requests under the id %q", what.Name)
		}
		return nil
	case admin.PurgeAll:
		return s.cache.Purge(ctx)
	case admin.PurgeModel:
		return s.cache.PurgeGroup(ctx, cache.ByModel(what.Name))
	case admin.PurgeTeam:
		return s.cache.PurgeGroup(ctx, cache.ByTeam(what.Name))
	case admin.PurgeKey:
		return s.cache.PurgeGroup(ctx, cache.ByKey(what.Name))
	case admin.PurgeTag:
		name, value, _ := strings.Cut(what.Name, "=")
		return s.cache.PurgeGroup(ctx, cache.ByTag(name, value))
	}
	return s.cache.PurgeGroup(ctx, cache.ByNamespace(what.Name))
}

// readiness is the reply of GET /readyz.
type readiness struct {
	Version  string      `json:"version"`
	Draining bool        `json:"draining,omitempty"`
	Policy   policyState `json:"policy"`
	Reload   string      `json:"last_reload_error,omitempty"`
	Ledger   string      `json:"ledger_error,omitempty"`
	// CacheStore is an error that does not keep the gateway from serving.
	CacheStore string       `json:"cache_store_error,omitempty"`
	Modules    []hook.Stats `json:"modules"`
	// Identity has the issuers of tokens by name. A fault there keeps only their callers out.
	Identity map[string]issuerState `json:"identity,omitempty"`
}

type policyState struct {
	Revision   string `json:"revision"`
	Tests      int    `json:"tests"`
	Hits       uint64 `json:"memo_hits"`
	Misses     uint64 `json:"memo_misses"`
	Remembered int    `json:"remembered"`
	// Overrunning counts evaluations that have passed their time limit and still run.
	Overrunning int `json:"overrunning"`
	// Bundle is the state of the bundle that the policy is from.
	Bundle *bundleState `json:"bundle,omitempty"`
}

func (s *Server) ready() (bool, any) {
	sn := s.snapshot.Load()
	if sn == nil {
		return false, readiness{Version: s.o.Version, Draining: true}
	}
	p := sn.policy.Status()
	r := readiness{Version: s.o.Version, Draining: s.draining.Load(),
		Policy:  policyState{p.Revision, p.Tests, p.Hits, p.Misses, p.Remembered, p.Overrunning, sn.bundle.ready()},
		Modules: s.moduleStats(sn)}
	if err := s.reloadError.Load(); err != nil {
		r.Reload = (*err).Error()
	}
	h := s.ledger.Health()
	switch {
	case h.Fault != nil:
		r.Ledger = h.Fault.Message
	case h.Behind != nil:
		r.Ledger = "The database lacks what the journal has: " + h.Behind.Error()
	}
	r.Identity = sn.issuerStates()
	if store, ok := s.cacheStoreMetrics(); ok && store.Down {
		r.CacheStore = "The cache's store does not answer; requests go on without it."
	}
	return !r.Draining && s.recordable(sn.config) == nil, r
}

// moduleStats returns the statistics of the built-in module and of a snapshot's plugins,
// by name.
func (s *Server) moduleStats(sn *snapshot) []hook.Stats {
	stats := []hook.Stats{s.builtin.Stats()}
	for _, name := range slices.Sorted(maps.Keys(sn.plugins)) {
		stats = append(stats, sn.plugins[name].module.Stats())
	}
	return stats
}

// moduleMetrics returns the modules' metrics.
func (s *Server) moduleMetrics() []telemetry.Module {
	sn := s.snapshot.Load()
	if sn == nil {
		return nil
	}
	var out []telemetry.Module
	for _, st := range s.moduleStats(sn) {
		p, within := sn.plugins[st.Name], map[float64]uint64{}
		if p.module == nil { // the built-in module, which is never reloaded
			p.cached = cached(st)
		}
		for k, n := range st.Within {
			within[hook.Latencies[k].Seconds()] = uint64(n)
		}
		out = append(out, telemetry.Module{Name: st.Name, Calls: st.Calls, Faults: st.Faults, Rejections: st.Rejections, Fuel: st.Fuel, Busy: st.Time, Within: within, Own: st.Metrics,
			Instances: st.Instances, Idle: st.Idle, Memory: st.Memory, Recycled: st.Recycled, Discarded: st.Discarded,
			Compile: st.Compile, Reloads: p.reloads, Cached: p.cached, Disabled: p.module != nil && p.module.Disabled() != ""})
	}
	return out
}
