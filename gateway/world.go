package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/pipeline"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wire"
	"github.com/penstock/penstock/policies"
)

// world is what one configuration makes: routes, policy, clients, plugins and the
// pipeline over them. A reload builds a new one beside it and swaps; the old one
// lives until its last request is over.
type world struct {
	config  *config.Config
	routes  *routes
	policy  *policy.Engine
	clients map[string]*client
	plugins map[string]plugin
	// callers are the dialects of plugins that callers speak at endpoints.
	callers  map[string]*wasm.ClientDialect
	pipeline *pipeline.Pipeline

	mu    sync.Mutex
	users int
	// gone is closed once the world is retired and unused.
	gone    chan struct{}
	retired bool
}

// build makes a world. Whatever is wrong with what the configuration refers to is
// returned with the place where the configuration says so.
func (g *gateway) build(ctx context.Context, c *config.Config) (*world, error) {
	w := &world{config: c, clients: map[string]*client{}, plugins: map[string]plugin{}, callers: map[string]*wasm.ClientDialect{}, gone: make(chan struct{})}
	ranker := routerStage{map[string]*wasm.Ranker{}, map[string]bool{}}
	dialects := &wire.Dialects{Modules: translators{}, Transforms: map[string]wire.Transform{},
		MaxReply: int64(c.Server.MaxReply)}
	err := errors.Join(w.openClients(g), w.openPolicy(ctx, g), w.openPlugins(ctx, g), w.openRouters(ctx, g, ranker),
		w.openTransforms(dialects.Transforms), w.openTranslators(g, dialects), w.openEndpoints())
	if err != nil {
		w.close()
		return nil, err
	}
	w.routes = newRoutes(c, g.catalog, g.app.configPath() == "", w.digests())
	w.pipeline = pipeline.New(pipeline.Stages{
		Routes:   w.routes,
		Policy:   policyStage{w.policy},
		Cache:    cacheStage{g.cache},
		Router:   ranker,
		Dialects: dialects,
		Upstream: upstreamStage{w.clients, g.retries},
		Health:   healthStage{g.health},
		Meter:    g.holds,
		Tokens:   &g.tokens,
		Ledger:   g.ledger,
		Sinks:    g.sinks(),
		Log:      g.log,
		Now:      time.Now,
	})
	return w, nil
}

// openPolicy compiles the policy, or takes over that of the world before this one,
// with all that it remembers, if it is still the same.
func (w *world) openPolicy(ctx context.Context, g *gateway) (err error) {
	if old := g.world.Load(); old != nil && old.config.Policies == w.config.Policies && old.config.TimeZone == w.config.TimeZone && old.policy.Current() {
		w.policy = old.policy
		return nil
	}
	w.policy, err = policy.New(ctx, policy.Options{
		Source:   policy.Source{Dir: w.config.Policies, FS: policies.FS},
		Log:      g.log,
		Location: w.config.TimeZone.Location(),
		Usage:    g.usage,
		Workers:  g.workers,

		Decisions: g.decisions,
	})
	var faults policy.Faults
	if err != nil && !errors.As(err, &faults) && w.config.Policies != "" {
		return config.Faults{w.config.Fault("policies", "name a folder of .rego files", "%v", err)}
	}
	return err
}

// usage tells the policy how full limits are.
func (g *gateway) usage(limits []llm.Limit) []int {
	percent := make([]int, len(limits))
	for i, l := range limits {
		percent[i] = g.meter.Percent(l)
	}
	return percent
}

// acquire gives the world of this moment and keeps it alive until release.
func (g *gateway) acquire() *world {
	for {
		w := g.world.Load()
		w.mu.Lock()
		if !w.retired {
			w.users++
			w.mu.Unlock()
			return w
		}
		w.mu.Unlock()
	}
}

func (w *world) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users--
	if w.retired && w.users == 0 {
		close(w.gone)
	}
}

// retire takes the world out of service. Its last user, if there is one, sees it go.
func (w *world) retire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.retired = true
	if w.users == 0 {
		close(w.gone)
	}
}

// drained waits until a retired world is unused, and closes it.
func (w *world) drained(ctx context.Context) {
	select {
	case <-w.gone:
	case <-ctx.Done():
	}
	w.close()
}

func (w *world) close() {
	for _, c := range w.clients {
		c.release()
	}
	for _, p := range w.plugins {
		p.module.Release() // the last world or stream to use it lets it go
	}
}

// models lists what a caller may ask for.
func (w *world) models(who llm.Principal) []listed {
	return slices.DeleteFunc(w.routes.List(), func(m listed) bool { return !mayAsk(who, m.ID) })
}

func mayAsk(who llm.Principal, model string) bool {
	if len(who.Models) == 0 {
		return true
	}
	return slices.ContainsFunc(who.Models, func(pattern string) bool { return llm.MatchName(pattern, model) })
}
