package routes

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/config"
)

// Model is a model that clients can ask for.
type Model struct{ ID, Owner string }

// List returns the models that are served, sorted by name: the configured ones, and for
// patterns those that the catalog has of their provider.
func (r *Routes) List() []Model {
	names := map[string]Model{}
	for alias, m := range r.config.Models {
		if !strings.Contains(alias, "*") {
			names[alias] = Model{ID: alias, Owner: "penstock"}
			continue
		}
		for _, t := range m.Targets {
			r.listPattern(alias, t, names)
		}
	}
	if r.discovered {
		for model := range r.demo {
			names[model] = Model{ID: model, Owner: config.Demo}
		}
	}
	return slices.SortedFunc(maps.Values(names), func(a, b Model) int { return cmp.Compare(a.ID, b.ID) })
}

// Model returns the model of a name: a configured one, or one that matches a pattern and
// is in the catalog. If the catalog has no models of the provider, such as an operator's
// own server, every matching name is taken to exist.
func (r *Routes) Model(name string) (Model, bool) {
	alias, star, ok := r.config.Match(name)
	switch {
	case ok && star == "":
		return Model{ID: name, Owner: "penstock"}, true
	case ok:
		return r.servedBy(name, star, r.config.Models[alias])
	}
	if route := r.match(name); route != nil {
		return Model{ID: name, Owner: route.Targets[0].Provider}, true
	}
	return Model{}, false
}

// servedBy returns the model of a name that matches a pattern, if one of the targets has
// it.
func (r *Routes) servedBy(name, star string, m config.Model) (Model, bool) {
	for _, t := range slices.Concat(m.Targets, m.Fallback) {
		provider, model := t.Split()
		if r.exists(provider, strings.Replace(model, "*", star, 1)) {
			return Model{ID: name, Owner: provider}, true
		}
	}
	return Model{}, false
}

// exists reports whether a provider has a model according to the catalog.
func (r *Routes) exists(provider, model string) bool {
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

// listPattern adds the models of a target with a "*" to names.
func (r *Routes) listPattern(alias string, t config.Target, names map[string]Model) {
	provider, model := t.Split()
	before, after, ok := strings.Cut(model, "*")
	if !ok {
		return
	}
	for _, e := range r.catalog.Models(r.config.Providers[provider].Catalog) {
		if len(e.Model) > len(before)+len(after) && strings.HasPrefix(e.Model, before) && strings.HasSuffix(e.Model, after) {
			id := strings.Replace(alias, "*", e.Model[len(before):len(e.Model)-len(after)], 1)
			names[id] = Model{ID: id, Owner: provider}
		}
	}
}
