package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/dialect"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/module"
	"github.com/penstock/penstock/gateway/internal/pipeline"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/policies"
)

// world is what one configuration makes: routes, policy, clients, plugins and the
// pipeline over them. A reload builds a new one beside it and swaps; the old one
// lives until its last request is over.
type world struct {
	config   *config.Config
	routes   *routes
	policy   *policy.Engine
	clients  map[string]*upstream.Client
	plugins  map[string]*module.Module
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
	w := &world{config: c, clients: map[string]*upstream.Client{}, plugins: map[string]*module.Module{}, gone: make(chan struct{})}
	w.routes = newRoutes(c, g.catalog, g.app.configPath() == "")
	ranker := routerStage{}
	err := errors.Join(w.openClients(g), w.openPolicy(ctx, g), w.openPlugins(ctx, g), w.openRouters(ctx, g, ranker))
	if err != nil {
		w.close(ctx)
		return nil, err
	}
	modules, err := g.translator(ctx, c)
	if err != nil {
		w.close(ctx)
		return nil, err
	}
	w.pipeline = pipeline.New(pipeline.Stages{
		Routes: w.routes,
		Policy: policyStage{w.policy},
		Cache:  cacheStage{g.cache},
		Router: ranker,
		Dialects: &dialect.Dialects{
			Modules: modules,
			ErrorOf: errorOf,
		},
		Upstream: upstreamStage{w.clients, g.retries},
		Health:   healthStage{g.health},
		Meter:    g.meter,
		Ledger:   observed{g.ledger, g.telemetry},
		Log:      g.log,
		Now:      time.Now,
	})
	return w, nil
}

// translator is what speaks other wire formats than OpenAI's; nil when no provider
// of this configuration does.
func (g *gateway) translator(ctx context.Context, c *config.Config) (dialect.Translator, error) {
	err := g.loadDialects(ctx, c)
	m := g.dialects.Load()
	if err != nil || m == nil {
		return nil, err
	}
	d, err := module.NewDialects(m)
	return translator{d}, err
}

func errorOf(status int, h http.Header, body []byte) *llm.Error {
	return upstream.ParseError(status, h, body, time.Now())
}

func (w *world) openClients(g *gateway) error {
	var err error
	w.clients[config.Demo], err = upstream.New(upstream.Options{BaseURL: g.demo.URL(), AllowPrivate: true})
	errs := []error{err}
	for name, p := range w.config.Providers {
		client, err := upstream.New(providerOptions(p))
		if err != nil {
			errs = append(errs, config.Faults{w.config.Fault(config.Path("providers", name), "", "%v", err)})
			continue
		}
		w.clients[name] = client
	}
	return errors.Join(errs...)
}

func providerOptions(p config.Provider) upstream.Options {
	o := upstream.Options{BaseURL: p.BaseURL, Key: upstream.Key(p.APIKey.Reveal()), AllowPrivate: p.AllowPrivate,
		UserAgent: "penstock/" + version, Header: http.Header{}}
	if p.Dialect == llm.Anthropic {
		o.Auth = upstream.XAPIKey
	}
	for name, value := range p.Headers {
		o.Header.Set(name, value.Reveal())
	}
	return o
}

func (w *world) openPolicy(ctx context.Context, g *gateway) (err error) {
	w.policy, err = policy.New(ctx, policy.Options{
		Source: policy.Source{Dir: w.config.Policies, FS: policies.FS},
		Log:    g.log,
		Usage:  g.usage,
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

func (w *world) openPlugins(ctx context.Context, g *gateway) error {
	var errs []error
	for name, p := range w.config.Plugins {
		m, err := loadPlugin(ctx, g.modules, name, p)
		if err != nil {
			at := config.Path(config.Path("plugins", name), "file")
			errs = append(errs, config.Faults{w.config.Fault(at, "penstock check tries it without serving", "%v", err)})
			continue
		}
		w.plugins[name] = m
	}
	return errors.Join(errs...)
}

func loadPlugin(ctx context.Context, host *module.Host, name string, p config.Plugin) (*module.Module, error) {
	wasm, err := os.ReadFile(p.File)
	if err != nil {
		return nil, err
	}
	s := module.Spec{Name: name, Wasm: wasm, SHA256: p.SHA256, MaxMemory: int64(p.MaxMemory), Fuel: p.Fuel}
	if len(p.With) > 0 {
		s.Config = []byte(p.With)
	}
	for _, g := range p.Grants {
		if g != "log" { // every plugin may log
			s.Grants = append(s.Grants, string(g))
		}
	}
	return host.Load(ctx, s)
}

// openRouters makes a ranker for every pair of router and settings.
func (w *world) openRouters(ctx context.Context, g *gateway, rankers routerStage) error {
	builtin, err := module.NewRouter(g.routers, time.Now)
	if err != nil {
		return err
	}
	routers := map[string]*module.Router{}
	errs := []error{rankers.add(ctx, builtin, "ordered", nil)} // routes that no model configures
	for name, m := range w.config.Models {
		router := builtin
		if plugin, ok := w.plugins[m.Router]; ok {
			if routers[m.Router] == nil {
				routers[m.Router], err = module.NewRouter(plugin, time.Now)
			}
			router = routers[m.Router]
		} else if _, broken := w.config.Plugins[m.Router]; broken {
			continue // openPlugins has said why
		}
		if err == nil {
			err = rankers.add(ctx, router, m.Router, m.With)
		}
		if err != nil {
			at := config.Path(config.Path("models", name), "router")
			errs = append(errs, config.Faults{w.config.Fault(at, "", "%v", err)})
			err = nil
		}
	}
	return errors.Join(errs...)
}

func (s routerStage) add(ctx context.Context, r *module.Router, strategy string, with config.Object) error {
	route := &llm.Route{Router: strategy, With: []byte(with)}
	if s[rankerName(route)] != nil {
		return nil
	}
	ranker, err := r.Prepare(strategy, route.With)
	if err == nil {
		err = ranker.Check(ctx) // a misspelt setting shows now, not in every request
	}
	if err != nil {
		return err
	}
	s[rankerName(route)] = ranker
	return nil
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
func (w *world) drained(ctx context.Context) error {
	select {
	case <-w.gone:
	case <-ctx.Done():
	}
	return w.close(ctx)
}

func (w *world) close(ctx context.Context) error {
	var errs []error
	for _, c := range w.clients {
		if c != nil {
			c.Close()
		}
	}
	for _, m := range w.plugins {
		errs = append(errs, m.Close(ctx))
	}
	return errors.Join(errs...)
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
