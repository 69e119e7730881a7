package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// routes knows how every model name is served. It is safe for concurrent use.
type routes struct {
	config  *config.Config
	catalog *catalog.Catalog
	// discovered says that there is no configuration file: then the demo model is
	// there, and so are the bare names of the models of the providers found.
	discovered bool
	demo       map[string]llm.Target
	// fixed are the routes of names without a "*", made those of names that matched
	// a pattern.
	fixed  map[string]*llm.Route
	made   bounded.Map[string, *llm.Route]
	latest time.Duration
	// configured are the ids of the targets of the fixed routes.
	configured map[string]bool
	// digests are those of the plugins, for revisions.
	digests map[string]string
}

// maxMade bounds how many routes of pattern names are remembered.
const maxMade = 4096

func newRoutes(c *config.Config, cat *catalog.Catalog, discovered bool, digests map[string]string) *routes {
	r := &routes{config: c, catalog: cat, discovered: discovered, digests: digests, demo: map[string]llm.Target{},
		fixed: map[string]*llm.Route{}}
	r.made.Max = maxMade
	for _, t := range demo.Targets() {
		r.demo[t.Model] = t
	}
	for name, m := range c.Models {
		if !strings.Contains(name, "*") {
			r.fixed[name] = r.route(name, "", m)
		}
		r.latest = max(r.latest, m.Timeout.Total)
	}
	r.configured = r.fixedTargets()
	return r
}

// Find returns the route of a request.
func (r *routes) Find(req *llm.Request) (*llm.Route, error) { return r.Named(req.Facts.Model) }

// Named returns the route of a model name. The error says which names are near.
func (r *routes) Named(name string) (*llm.Route, error) {
	if route, ok := r.fixed[name]; ok {
		return route, nil
	}
	if route, ok := r.made.Get(name); ok {
		return route, nil
	}
	route := r.match(name)
	if route == nil {
		return nil, r.unknown(name)
	}
	r.made.Put(name, route)
	return route, nil
}

// match makes the route of a name that fits a pattern, or that was discovered.
func (r *routes) match(name string) *llm.Route {
	if alias, star, ok := r.config.Match(name); ok {
		return r.route(alias, star, r.config.Models[alias])
	}
	if !r.discovered {
		return nil
	}
	if strings.HasPrefix(name, config.Demo) {
		return r.plain(name, config.Demo, name)
	}
	for _, provider := range r.found() {
		if _, ok := r.catalog.Lookup(r.config.Providers[provider].Catalog, name); ok {
			return r.plain(name, provider, name)
		}
	}
	return nil
}

// found are the discovered providers in the order of discovery.
func (r *routes) found() []string {
	var names []string
	for _, known := range config.KnownProviders() {
		if _, ok := r.config.Providers[known.Name]; ok {
			names = append(names, known.Name)
		}
	}
	return names
}

// plain is the route of one target with every setting at its default.
func (r *routes) plain(name, provider, model string) *llm.Route {
	return r.route(name, "", config.Plain(provider+"/"+model))
}

func (r *routes) route(name, star string, m config.Model) *llm.Route {
	route := &llm.Route{
		Name: name, Router: m.Router, With: json.RawMessage(m.With),
		Retries: llm.Retries{Attempts: m.Retries.Attempts, Min: m.Retries.Backoff.Min, Max: m.Retries.Backoff.Max},
		Timeout: llm.Timeouts{FirstToken: m.Timeout.FirstToken, Idle: m.Timeout.Idle, PingIdle: m.Timeout.PingIdle,
			KeepAlive: m.Timeout.KeepAlive, Total: m.Timeout.Total},
		EmptyPass: m.Empty == config.EmptyPass,
		CacheTTL:  m.Cache.TTL, CacheShared: m.Cache.Shared, Transforms: m.Transform, Revision: r.revision(m.Transform),
		AllowUnpriced:     cmp.Or(m.Unpriced, r.config.Unpriced) == config.UnpricedAllow,
		RejectUnsupported: m.OnUnsupported == config.RejectUnsupported,
	}
	for _, t := range m.Targets {
		route.Targets = append(route.Targets, r.target(t, star, false))
	}
	for _, t := range m.Fallback {
		route.Targets = append(route.Targets, r.target(t, star, true))
	}
	return route
}

// revision changes when one of the transforms does, or its settings.
func (r *routes) revision(transforms []string) string {
	var b strings.Builder
	for _, name := range transforms {
		fmt.Fprintf(&b, "%s %s %s\n", name, r.digests[name], r.config.Plugins.Own[name].With)
	}
	return b.String()
}

// target puts together what the catalogue knows about a target and what the
// configuration says.
func (r *routes) target(c config.Target, star string, fallback bool) *llm.Target {
	provider, model := c.Expand(star).Split()
	if provider == config.Demo {
		return r.demoTarget(c, model, fallback)
	}
	p := r.config.Providers[provider]
	t := &llm.Target{ID: provider + "/" + model, Provider: provider, Model: model, Dialect: p.Dialect,
		Region: p.Region, Quality: -1, Fallback: fallback, StreamUsage: llm.StreamUsage(p.StreamUsage)}
	t.OutputNames = llm.OutputNamesOf(p.Catalog, model)
	if p.OutputLimit != config.OutputAuto && p.OutputLimit != "" {
		t.OutputNames = llm.OutputNames(p.OutputLimit)
	}
	if entry, ok := r.catalog.Lookup(p.Catalog, model); ok {
		entry.Fill(t)
	}
	c.Override(t)
	if !t.Price.Known && p.AllowPrivate { // a server of one's own charges nobody
		t.Price = llm.Price{Known: true, Row: t.ID + "@local"}
	}
	return t
}

// demoTarget is a model of the built-in provider. Every name there answers: what it
// adds to "demo" says which fault to show.
func (r *routes) demoTarget(c config.Target, model string, fallback bool) *llm.Target {
	t, ok := r.demo[model]
	if !ok {
		t = r.demo[config.Demo]
		t.ID, t.Model = config.Demo+"/"+model, model
	}
	t.Fallback = fallback
	c.Override(&t)
	return &t
}

// unknown is the error for a model that nobody serves.
func (r *routes) unknown(name string) error {
	msg := "The model " + llm.Quote(name) + " does not exist here."
	if known, ok := r.unconfigured(name); ok {
		msg += " The provider " + known.Name + " has it, but is not configured: set " + known.Env[0] + " for the gateway" + r.how(known) + "."
	} else if near := r.near(name); len(near) > 0 {
		msg += " Did you mean " + strings.Join(quoted(near), " or ") + "?"
	}
	return &llm.Error{Code: llm.CodeModelNotFound, Status: 404, Param: "model", Retried: true,
		Message: msg + " GET /v1/models lists them all."}
}

// unconfigured is a well-known provider that would serve a name, if only the gateway had
// a key for it: "gpt-5" or "openai/gpt-5".
func (r *routes) unconfigured(name string) (config.Known, bool) {
	for _, known := range config.KnownProviders() {
		if _, have := r.config.Providers[known.Name]; have || len(known.Env) == 0 {
			continue
		}
		model := strings.TrimPrefix(name, known.Name+"/")
		if _, ok := r.catalog.Lookup(known.Name, model); ok {
			return known, true
		}
	}
	return config.Known{}, false
}

// how says what else it takes to have a provider, where there is a configuration file.
func (r *routes) how(known config.Known) string {
	if r.discovered {
		return " and start it again"
	}
	return ", and write `" + known.Name + ": {api_key: env:" + known.Env[0] + "}` under providers and the model under models"
}

// near are at most three names that the caller may have meant.
func (r *routes) near(name string) []string {
	var ids []string
	for _, m := range r.List() {
		ids = append(ids, m.ID)
	}
	return catalog.Closest(name, ids)
}

func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = llm.Quote(name)
	}
	return out
}

// listed is a model as GET /v1/models shows it.
type listed struct {
	ID, Owner string
	Created   time.Time
}

// List gives every model that can be asked for by name, in order: the configured
// ones, and for patterns what the catalogue knows of their provider.
func (r *routes) List() []listed {
	names := map[string]listed{}
	for alias, m := range r.config.Models {
		if !strings.Contains(alias, "*") {
			names[alias] = listed{ID: alias, Owner: "penstock"}
			continue
		}
		for _, t := range m.Targets {
			r.listPattern(alias, t, names)
		}
	}
	if r.discovered {
		for model := range r.demo {
			names[model] = listed{ID: model, Owner: config.Demo}
		}
	}
	return slices.SortedFunc(maps.Values(names), func(a, b listed) int { return cmp.Compare(a.ID, b.ID) })
}

// Model describes a model that can be asked for: a configured one, or one that matches
// a pattern and exists as far as the catalogue knows. Where it knows nothing of the
// provider, as of a server of one's own, every name that matches is taken to exist.
func (r *routes) Model(name string) (listed, bool) {
	alias, star, ok := r.config.Match(name)
	switch {
	case ok && star == "":
		return listed{ID: name, Owner: "penstock"}, true
	case ok:
		return r.matched(name, star, r.config.Models[alias])
	}
	if route := r.match(name); route != nil {
		return listed{ID: name, Owner: route.Targets[0].Provider}, true
	}
	return listed{}, false
}

// matched looks for a target of a pattern that serves a name.
func (r *routes) matched(name, star string, m config.Model) (listed, bool) {
	for _, t := range slices.Concat(m.Targets, m.Fallback) {
		provider, model := t.Split()
		if r.exists(provider, strings.Replace(model, "*", star, 1)) {
			return listed{ID: name, Owner: provider}, true
		}
	}
	return listed{}, false
}

// exists reports whether a provider has a model, as far as the catalogue knows.
func (r *routes) exists(provider, model string) bool {
	if provider == config.Demo {
		return true
	}
	source := r.config.Providers[provider].Catalog
	if len(r.catalog.Models(source)) == 0 {
		return true
	}
	_, ok := r.catalog.Lookup(source, model)
	return ok
}

func (r *routes) listPattern(alias string, t config.Target, names map[string]listed) {
	provider, model := t.Split()
	before, after, ok := strings.Cut(model, "*")
	if !ok {
		return
	}
	for _, e := range r.catalog.Models(r.config.Providers[provider].Catalog) {
		if len(e.Model) > len(before)+len(after) && strings.HasPrefix(e.Model, before) && strings.HasSuffix(e.Model, after) {
			id := strings.Replace(alias, "*", e.Model[len(before):len(e.Model)-len(after)], 1)
			names[id] = listed{ID: id, Owner: provider}
		}
	}
}

// names reports whether a target is named by the configuration or the catalogue, not
// only by a caller who asked for it.
func (r *routes) names(id string) bool {
	if r.configured[id] {
		return true
	}
	provider, model, _ := strings.Cut(id, "/")
	if _, demo := r.demo[model]; demo && provider == config.Demo {
		return true
	}
	entry, ok := r.catalog.Lookup(r.config.Providers[provider].Catalog, model)
	return ok && entry.Model == model // not a name that is only like it
}

// fixedTargets are the ids of every target of the fixed routes.
func (r *routes) fixedTargets() map[string]bool {
	ids := map[string]bool{}
	for _, route := range r.fixed {
		for _, t := range route.Targets {
			ids[t.ID] = true
		}
	}
	return ids
}
