package routes

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Model is a model that clients can ask for.
type Model struct {
	ID, Owner string
	// Context and MaxOutput are in tokens; 0 is unknown. Those of a configured model are
	// its first target's.
	Context, MaxOutput int64
	// Released is zero when unknown.
	Released time.Time
	// Chat and Embeds say that it answers conversations, and that it makes embeddings: both
	// may be true of a model that the catalog lacks.
	Chat, Embeds bool
}

// with returns a model with the facts of a target that serves it.
func (r *Routes) with(m Model, t *llm.Target) Model {
	m.Context, m.MaxOutput = t.Context, t.MaxOutput
	m.Chat, m.Embeds = true, t.Provider != config.Demo && t.EmbeddingsDialect() != ""
	if e, ok := r.catalog.Lookup(t.Catalog, t.Model); ok {
		m.Released, m.Chat, m.Embeds = released(e), e.Chat, e.Embeds
	}
	return m
}

// released is the day of a model's release, if the catalog has all of it.
func released(e catalog.Entry) time.Time {
	day, _ := time.Parse(time.DateOnly, e.Released) // zero for the beginning of a date
	return day
}

// List returns the models that are served, sorted by name: the configured ones, and for
// patterns those that the catalog has of their provider.
func (r *Routes) List() []Model {
	names := map[string]Model{}
	for alias, m := range r.config.Models {
		if !strings.Contains(alias, "*") {
			names[alias] = r.with(Model{ID: alias, Owner: "penstock"}, r.fixed[alias].Targets[0])
			continue
		}
		for _, t := range m.Targets {
			r.listPattern(alias, t, names)
		}
	}
	if r.discovered {
		for model, t := range r.demo {
			names[model] = r.with(Model{ID: model, Owner: config.Demo}, &t)
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
		return r.with(Model{ID: name, Owner: "penstock"}, r.fixed[name].Targets[0]), true
	case ok:
		return r.servedBy(name, star, r.config.Models[alias])
	}
	if route := r.match(name); route != nil {
		return r.with(Model{ID: name, Owner: route.Targets[0].Provider}, route.Targets[0]), true
	}
	return Model{}, false
}

// servedBy returns the model of a name that matches a pattern, if one of the targets has
// it.
func (r *Routes) servedBy(name, star string, m config.Model) (Model, bool) {
	for _, t := range slices.Concat(m.Targets, m.Fallback) {
		provider, model := t.Split()
		if r.exists(provider, strings.Replace(model, "*", star, 1)) {
			return r.with(Model{ID: name, Owner: provider}, r.target(t, star, false)), true
		}
	}
	return Model{}, false
}

// Serving returns the targets that may serve a model of List, in their configured order.
func (r *Routes) Serving(name string) []*llm.Target {
	if route, ok := r.fixed[name]; ok {
		return route.Targets
	}
	if alias, star, ok := r.config.Match(name); ok {
		var targets []*llm.Target
		for _, t := range r.config.Models[alias].Targets {
			targets = append(targets, r.target(t, star, false))
		}
		return targets
	}
	if t, ok := r.demo[name]; ok && r.discovered {
		return []*llm.Target{&t}
	}
	return nil
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
			names[id] = Model{ID: id, Owner: provider, Context: e.Context, MaxOutput: e.MaxOutput, Released: released(e), Chat: e.Chat, Embeds: e.Embeds}
		}
	}
}
