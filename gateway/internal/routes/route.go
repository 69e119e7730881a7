package routes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// plain makes the route of one target with every setting at its default.
func (r *Routes) plain(name, provider, model string) *llm.Route {
	return r.route(name, "", config.Plain(provider+"/"+model))
}

// route makes the route that the configuration describes under a name. Star is what the
// "*" of a pattern stands for.
func (r *Routes) route(name, star string, m config.Model) *llm.Route {
	route := &llm.Route{
		Name: name, Router: m.Router, With: json.RawMessage(m.With),
		Retries: llm.Retries{Attempts: m.Retries.Attempts, Total: m.Retries.Total, Min: m.Retries.Backoff.Min, Max: m.Retries.Backoff.Max},
		Timeout: llm.Timeouts{Connect: m.Timeout.Connect, FirstByte: m.Timeout.FirstByte, FirstToken: m.Timeout.FirstToken, Idle: m.Timeout.Idle, PingIdle: m.Timeout.PingIdle,
			KeepAlive: m.Timeout.KeepAlive, Total: m.Timeout.Total},
		EmptyPass: m.Empty == config.EmptyPass,
		Hedge:     hedge(m.Hedge),
		Resume:    m.Stream.Resume == config.ResumeAuto, Hold: int64(m.Stream.Hold), Drain: m.Stream.Abandoned == config.DrainAbandoned,
		CacheTTL: m.Cache.TTL, CacheShared: m.Cache.Shared, CacheCoalesce: m.Cache.Coalesce == config.CoalesceOn, CacheToolCalls: m.Cache.ToolCalls, CacheVaried: m.Cache.Varied, CachePace: int64(m.Cache.Pace), Similar: similarity(m.Cache.Similar),
		Transforms: m.Transform, Revision: r.revision(m.Transform),
		PromptCache:       m.PromptCache == config.PromptCacheAuto,
		AllowUnpriced:     cmp.Or(m.Unpriced, r.config.Unpriced) == config.UnpricedAllow,
		Regions:           config.Texts(m.Regions),
		RejectUnsupported: m.OnUnsupported == config.RejectUnsupported,
	}
	r.extras(route, star, &m)
	for _, chain := range m.Chains() {
		for _, c := range chain.Targets {
			t := r.target(c, star, chain.Setting != "targets")
			if chain.On == "" {
				route.Targets = append(route.Targets, t)
				continue
			}
			if route.FallbackOn == nil {
				route.FallbackOn = map[llm.Fault][]*llm.Target{}
			}
			route.FallbackOn[chain.On] = append(route.FallbackOn[chain.On], t)
		}
	}
	return route
}

// hedge returns when a second target is asked. A percentile without a time waits for a second
// at least.
func hedge(h config.Hedge) llm.Hedge {
	if h.Percentile > 0 && h.After == 0 {
		h.After = time.Second
	}
	return llm.Hedge{After: h.After, Percentile: h.Percentile}
}

// revision returns a text that changes with the transforms and their settings.
func (r *Routes) revision(transforms []string) string {
	var b strings.Builder
	for _, name := range transforms {
		fmt.Fprintf(&b, "%s %s %s\n", name, r.digests[name], r.config.Plugins.Own[name].With)
	}
	return b.String()
}

// target makes a target from the catalog and the configuration, which takes precedence.
func (r *Routes) target(c config.Target, star string, fallback bool) *llm.Target {
	provider, model := c.Expand(star).Split()
	if provider == config.Demo {
		return r.demoTarget(c, model, fallback)
	}
	p := r.config.Providers[provider]
	t := &llm.Target{ID: provider + "/" + model, Provider: provider, Model: model, Dialect: p.Dialect, Also: p.Also, Catalog: p.Catalog,
		APIVersion: string(p.APIVersion),
		Region:     string(p.Region), Data: config.Texts(p.Data), Quality: -1, Fallback: fallback, StreamUsage: llm.StreamUsage(p.StreamUsage)}
	if llm.CompletesOnly(p.Catalog, model) {
		t.Also = append(slices.Clone(t.Also), llm.Completions)
	}
	t.OutputNames = llm.OutputNamesOf(p.Catalog, model)
	if p.OutputLimit != config.OutputAuto && p.OutputLimit != "" {
		t.OutputNames = llm.OutputNames(p.OutputLimit)
	}
	if entry, ok := r.catalog.Lookup(p.Catalog, model); ok {
		entry.Fill(t)
	}
	c.Override(t)
	t.ProviderMaxInflight = p.MaxInflight
	if !t.Price.Known && p.AllowPrivate { // the operator's own server charges nobody
		t.Price = llm.Price{Known: true, Row: t.ID + "@local"}
	}
	return t
}

// demoTarget makes a target of the demo provider, which answers to every name: what
// follows "demo" selects the fault that it shows.
func (r *Routes) demoTarget(c config.Target, model string, fallback bool) *llm.Target {
	t, ok := r.demo[model]
	if !ok {
		t = r.demo[config.Demo]
		t.ID, t.Model = config.Demo+"/"+model, model
	}
	t.Fallback = fallback
	c.Override(&t)
	return &t
}

// similarity converts the settings of the similarity cache.
func similarity(s config.Similar) llm.Similarity {
	return llm.Similarity{Mode: llm.SimilarMode(s.Mode), Embedder: s.Embedder, Threshold: s.Threshold, MaxChars: s.MaxChars, Sample: s.Sample}
}
