package server

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/routes"
)

// ModelFacts are what is known about one model of one provider.
type ModelFacts struct {
	// Model is "provider/model", Provider its first part.
	Model    string `json:"model"`
	Provider string `json:"provider"`
	// Aliases are the names under which the configuration serves it, patterns aside.
	Aliases []string `json:"aliases,omitempty"`
	// Context and MaxOutput are in tokens; 0 is unknown.
	Context   int64 `json:"context,omitempty"`
	MaxOutput int64 `json:"max_output,omitempty"`
	// Capabilities are what it can do, nil when nothing is known.
	Capabilities []string `json:"capabilities"`
	// Price is null when it is unknown, which is not the same as free.
	Price *llm.PriceList `json:"price"`
	// Quality is from 0 to 1, and QualitySource says what it measures.
	Quality       *float64 `json:"quality,omitempty"`
	QualitySource string   `json:"quality_source,omitempty"`
	Deprecated    bool     `json:"deprecated,omitempty"`
	// Embeds marks models that make embeddings only.
	Embeds   bool   `json:"embeds,omitempty"`
	Released string `json:"released,omitempty"`
}

// ModelFilter selects among models. The zero value selects all.
type ModelFilter struct {
	// Providers are names of providers, any of which will do; Capable what a model has to be
	// able to do, all of it.
	Providers, Capable []string
}

// ModelFacts lists the models of the catalog and of the configuration that a filter selects,
// sorted by name. all is how many there are without the filter. The gateway need not run.
func (o *Options) ModelFacts(ctx context.Context, f ModelFilter) (list []ModelFacts, all int, err error) {
	want, err := capabilities(f.Capable)
	if err != nil {
		return nil, 0, err
	}
	c, err := o.LoadWithoutSecrets(ctx)
	if err != nil {
		return nil, 0, err
	}
	cat, err := openCatalog(c)
	if err != nil {
		return nil, 0, err
	}
	if err := checkProviders(f.Providers, c, cat); err != nil {
		return nil, 0, err
	}
	facts := modelFacts(c, cat, o.ConfigPath() == "")
	for _, m := range facts {
		if (len(f.Providers) == 0 || slices.Contains(f.Providers, m.Provider)) && includes(m.Capabilities, want) {
			list = append(list, m)
		}
	}
	return list, len(facts), nil
}

// UnknownNameError is the error for a name in a ModelFilter that nothing has.
type UnknownNameError struct{ message string }

func (e *UnknownNameError) Error() string { return e.message }

// capabilities checks names of capabilities. Their case makes no difference.
func capabilities(names []string) ([]string, error) {
	known := llm.Features(^uint32(0)).Names()
	var want []string
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(known, name) {
			return nil, hint.Add(&UnknownNameError{fmt.Sprintf("there is no capability %q; there are: %s", name, strings.Join(known, ", "))}, "%s",
				cmp.Or(config.DidYouMean(name, known), "give several with commas: --capable vision,tools"))
		}
		want = append(want, name)
	}
	return want, nil
}

// checkProviders checks names of providers: those of the configuration, of the catalog, and
// well-known ones.
func checkProviders(names []string, c *config.Config, cat *catalog.Catalog) error {
	known := append(slices.Collect(maps.Keys(c.Providers)), config.Demo)
	known = append(known, cat.Providers()...)
	for _, k := range config.KnownProviders() {
		known = append(known, k.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return hint.Add(&UnknownNameError{fmt.Sprintf("there is no provider %q", name)}, "%s",
				cmp.Or(config.DidYouMean(name, known), "penstock providers lists them"))
		}
	}
	return nil
}

func includes(have, want []string) bool {
	return !slices.ContainsFunc(want, func(one string) bool { return !slices.Contains(have, one) })
}

// modelFacts lists all models, sorted by name. What the configuration says of a target
// replaces what the catalog says.
func modelFacts(c *config.Config, cat *catalog.Catalog, discovered bool) []ModelFacts {
	facts := map[string]*ModelFacts{}
	for _, provider := range cat.Providers() {
		for _, e := range cat.Models(provider) {
			t := llm.Target{ID: provider + "/" + e.Model, Provider: provider, Quality: -1}
			e.Fill(&t)
			facts[t.ID] = factsOf(&t, e.Released)
		}
	}
	for _, t := range demo.Targets() {
		facts[t.ID] = factsOf(&t, "")
	}
	r := routes.New(c, cat, discovered, nil)
	for _, alias := range slices.Sorted(maps.Keys(c.Models)) {
		route, err := r.Named(alias)
		if err != nil || strings.Contains(alias, "*") {
			continue // a pattern's targets depend on the request
		}
		for _, t := range route.All() {
			e, _ := cat.Lookup(t.Catalog, t.Model)
			m := factsOf(t, e.Released)
			if before := facts[t.ID]; before != nil {
				m.Aliases = before.Aliases
			}
			if !slices.Contains(m.Aliases, alias) {
				m.Aliases = append(m.Aliases, alias)
			}
			facts[t.ID] = m
		}
	}
	list := make([]ModelFacts, 0, len(facts))
	for _, id := range slices.Sorted(maps.Keys(facts)) {
		list = append(list, *facts[id])
	}
	return list
}

// factsOf returns the facts about a target. released is its model's date in the catalog.
func factsOf(t *llm.Target, released string) *ModelFacts {
	m := &ModelFacts{Model: t.ID, Provider: t.Provider, Context: t.Context, MaxOutput: t.MaxOutput, Price: t.Price.List(),
		Deprecated: t.Deprecated, Embeds: t.EmbedsOnly, Released: released}
	if t.FeaturesKnown {
		m.Capabilities = append([]string{}, t.Features.Names()...)
	}
	if t.Quality >= 0 {
		m.Quality, m.QualitySource = &t.Quality, t.QualitySource
	}
	return m
}
