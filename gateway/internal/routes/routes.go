// Package routes finds the route of a request: by the name of its model, by a pattern
// that the name matches, or, without a configuration file, among the models of the
// providers that were discovered. A model's conditions and its canary may send the request on
// to another model. It does not choose between the route's targets.
package routes

import (
	"maps"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Routes are the routes of one configuration. It is safe for concurrent use.
type Routes struct {
	config  *config.Config
	catalog *catalog.Catalog
	// discovered says that there is no configuration file. Then the demo model and the
	// models of the discovered providers are served under their bare names.
	discovered bool
	// digests are those of the plugins by name, for revisions.
	digests map[string]string
	// demo are the targets of the demo provider by model.
	demo map[string]llm.Target
	// fixed are the routes of names without a "*".
	fixed map[string]*llm.Route
	// choosers are those of the models that send requests on to others, by name or pattern.
	choosers map[string]*chooser
	// targets are those of the fixed routes by their ids.
	targets map[string]*llm.Target

	// matched are the routes of names that matched a pattern or were discovered.
	matched bounded.Map[string, *llm.Route]
}

// maxMatched bounds how many routes of pattern names are kept.
const maxMatched = 4096

// New makes the routes of a configuration. Discovered says that it was not read from a
// file; digests are those of its plugins by name.
func New(c *config.Config, cat *catalog.Catalog, discovered bool, digests map[string]string) *Routes {
	r := &Routes{config: c, catalog: cat, discovered: discovered, digests: digests, demo: map[string]llm.Target{},
		fixed: map[string]*llm.Route{}, choosers: map[string]*chooser{}, targets: map[string]*llm.Target{}}
	r.matched.Max = maxMatched
	for _, t := range demo.Targets() {
		r.demo[t.Model] = t
	}
	for name, m := range c.Models {
		if ch := newChooser(c, name, &m); ch != nil {
			r.choosers[name] = ch
		}
		if !strings.Contains(name, "*") {
			r.fixed[name] = r.route(name, "", m)
		}
	}
	for _, route := range r.fixed {
		for _, t := range append(route.All(), extraTargets(route)...) {
			r.targets[t.ID] = t
		}
	}
	return r
}

// Find returns the route of a request, and the steps by which conditions and canaries have
// sent it there from the model that it names; none without them.
func (r *Routes) Find(req *llm.Request) (*llm.Route, []llm.Choice, error) {
	route, err := r.Named(req.Facts.Model)
	var steps []llm.Choice
	for err == nil && len(steps) <= config.MaxUses { // which the configuration has made sure of
		ch := r.choosers[route.Name]
		if ch == nil {
			break
		}
		step, ok := ch.choose(req)
		if !ok {
			break
		}
		steps = append(steps, step)
		route, err = r.Named(step.Use)
	}
	return route, steps, err
}

// Named returns the route of a model name. The error names models with similar names.
func (r *Routes) Named(name string) (*llm.Route, error) {
	if route, ok := r.fixed[name]; ok {
		return route, nil
	}
	if route, ok := r.matched.Get(name); ok {
		return route, nil
	}
	route := r.match(name)
	if route == nil {
		return nil, r.unknown(name)
	}
	r.matched.Put(name, route)
	return route, nil
}

// match makes the route of a name that matches a pattern or was discovered; nil if
// there is none.
func (r *Routes) match(name string) *llm.Route {
	if alias, star, ok := r.config.Match(name); ok {
		return r.route(alias, star, r.config.Models[alias])
	}
	if !r.discovered {
		return nil
	}
	if strings.HasPrefix(name, config.Demo) {
		return r.plain(name, config.Demo, name)
	}
	for _, provider := range r.providers() {
		if _, ok := r.catalog.Lookup(r.config.Providers[provider].Catalog, name); ok {
			return r.plain(name, provider, name)
		}
	}
	return nil
}

// providers returns the names of the discovered providers in the order of discovery.
func (r *Routes) providers() []string {
	var names []string
	for _, known := range config.KnownProviders() {
		if _, ok := r.config.Providers[known.Name]; ok {
			names = append(names, known.Name)
		}
	}
	return names
}

// Targets returns the IDs of the targets that the configuration names, in their order.
func (r *Routes) Targets() []string { return slices.Sorted(maps.Keys(r.targets)) }

// Target returns one of these targets; nil for another. Where several models have it, it is with
// the facts that one of them gives.
func (r *Routes) Target(id string) *llm.Target { return r.targets[id] }

// Known reports whether the configuration or the catalog names a target, and not only a
// caller who asked for it.
func (r *Routes) Known(id string) bool {
	if r.targets[id] != nil {
		return true
	}
	provider, model, _ := strings.Cut(id, "/")
	if _, demo := r.demo[model]; demo && provider == config.Demo {
		return true
	}
	entry, ok := r.catalog.Lookup(r.config.Providers[provider].Catalog, model)
	return ok && entry.Model == model // Lookup also finds names that are only similar
}
