package main

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/telemetry"
	"github.com/penstock/penstock/gateway/internal/wasm"
)

// models lists what a caller may ask for.
func (g *gateway) models(_ context.Context, who llm.Principal) ([]httpapi.Model, error) {
	w := g.acquire()
	defer w.release()
	list := w.models(who)
	out := make([]httpapi.Model, len(list))
	for i, m := range list {
		out[i] = httpapi.Model{ID: m.ID, OwnedBy: m.Owner, Created: m.Created}
	}
	return out, nil
}

// model finds one model that a caller may ask for.
func (g *gateway) model(_ context.Context, who llm.Principal, id string) (httpapi.Model, bool) {
	w := g.acquire()
	defer w.release()
	m, ok := w.routes.Model(id)
	return httpapi.Model{ID: m.ID, OwnedBy: m.Owner, Created: m.Created}, ok && mayAsk(who, id)
}

// spend answers the admin API as `penstock spend` answers the terminal.
func (g *gateway) spend(ctx context.Context, by []string, since, until time.Time) (any, error) {
	return g.ledger.Spend(ctx, ledger.Query{By: by, Since: since, Until: until})
}

// purge forgets cached replies. Those under way are not kept either.
func (g *gateway) purge(_ context.Context, what httpapi.Purge) error {
	switch {
	case what.All:
		g.cache.Purge()
	case what.Model != "":
		g.cache.PurgeModel(what.Model)
	default:
		g.cache.PurgeNamespace(what.Namespace)
	}
	g.log.Info("cache purged", "all", what.All, "model", what.Model, "namespace", what.Namespace)
	return nil
}

// readiness is what GET /readyz tells operators.
type readiness struct {
	Version  string       `json:"version"`
	Draining bool         `json:"draining,omitempty"`
	Policy   policyState  `json:"policy"`
	Reload   string       `json:"last_reload_error,omitempty"`
	Ledger   string       `json:"ledger_error,omitempty"`
	Modules  []wasm.Stats `json:"modules"`
}

type policyState struct {
	Revision   string `json:"revision"`
	Tests      int    `json:"tests"`
	Hits       uint64 `json:"memo_hits"`
	Misses     uint64 `json:"memo_misses"`
	Remembered int    `json:"remembered"`
	// Overrunning counts evaluations that have passed their time limit and still run.
	Overrunning int `json:"overrunning"`
}

func (g *gateway) ready(context.Context) (bool, any) {
	w := g.world.Load()
	if w == nil {
		return false, readiness{Version: version, Draining: true}
	}
	p := w.policy.Status()
	r := readiness{Version: version, Draining: g.draining.Load(),
		Policy:  policyState{p.Revision, p.Tests, p.Hits, p.Misses, p.Remembered, p.Overrunning},
		Modules: g.moduleStats(w)}
	if failure := g.failure.Load(); failure != nil {
		r.Reload = (*failure).Error()
	}
	h := g.ledger.Health()
	switch {
	case h.Fault != nil:
		r.Ledger = h.Fault.Message
	case h.Behind != nil:
		r.Ledger = "The database lacks what the journal has: " + h.Behind.Error()
	}
	return !r.Draining && g.bookable(w.config) == nil, r
}

// moduleStats are the figures of the built-in module and of a world's plugins, by
// name.
func (g *gateway) moduleStats(w *world) []wasm.Stats {
	stats := []wasm.Stats{g.builtin.Stats()}
	for _, name := range slices.Sorted(maps.Keys(w.plugins)) {
		stats = append(stats, w.plugins[name].module.Stats())
	}
	return stats
}

// figures are the modules' for the metrics.
func (g *gateway) figures() []telemetry.Module {
	w := g.world.Load()
	if w == nil {
		return nil
	}
	var out []telemetry.Module
	for _, s := range g.moduleStats(w) {
		p, within := w.plugins[s.Name], map[float64]uint64{}
		if p.module == nil { // the gateway's own, which is never reloaded
			p.cached = cached(s)
		}
		for k, n := range s.Within {
			within[wasm.Latencies[k].Seconds()] = uint64(n)
		}
		out = append(out, telemetry.Module{Name: s.Name, Calls: s.Calls, Faults: s.Faults, Rejections: s.Rejections, Fuel: s.Fuel, Busy: s.Time, Within: within, Own: s.Metrics,
			Instances: s.Instances, Idle: s.Idle, Memory: s.Memory, Recycled: s.Recycled, Discarded: s.Discarded,
			Compile: s.Compile, Reloads: p.reloads, Cached: p.cached})
	}
	return out
}

// refusedReload tells the operator who asked for a reload what is wrong.
func refusedReload(err error) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusUnprocessableEntity, Message: err.Error()}
}

// providers names the configured providers, for people.
func providers(c *config.Config) []string {
	if len(c.Found) > 0 {
		return slices.Clone(c.Found)
	}
	return slices.Sorted(maps.Keys(c.Providers))
}
