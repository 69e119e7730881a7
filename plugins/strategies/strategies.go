// Package strategies holds the built-in routers: each ranks the targets of a route. It is
// part of the built-in module, which is built for Wasm and embedded in the gateway. It keeps
// nothing between calls and does not decide which targets are permitted or capable: the host
// has removed the others before it asks.
package strategies

import penstock "github.com/penstock/penstock/sdk/go"

// strategy is one built-in router.
type strategy struct {
	name string
	// rank sets place, score and tie of every candidate.
	rank func(*ranker)
	// gain is what moving a session from its target to the best other one is worth. Total
	// is what the request costs at the session's target without a cache, in US dollars.
	gain func(r *ranker, home, best *candidate, total float64) float64
	// settings are the names of those that the strategy has besides sticky.
	settings []string
}

// table is the one list of strategies, the default first.
func table() [8]strategy {
	return [...]strategy{
		{"ordered", ordered, noGain, nil},
		{"weighted", weighted, noGain, nil},
		{"least-busy", leastBusy, loadGain, nil},
		{"cost", cheapest, costGain, []string{"min_quality", "output_tokens"}},
		{"quality", best, qualityGain, []string{"output_tokens"}},
		{"latency", fastest, latencyGain, []string{"explore", "output_tokens"}},
		{"balanced", balanced, balancedGain, []string{"cost", "quality", "latency", "errors", "output_tokens"}},
		{"cascade", cheapest, costGain, []string{"min_quality", "output_tokens"}}, // the host checks the answers
	}
}

// Names returns the names of the strategies, as configurations have them. The first is that
// of routes that name no router.
func Names() []string {
	var names []string
	for _, s := range table() {
		names = append(names, s.name)
	}
	return names
}

// RouteFlat returns the hook penstock_route_flat of one instance. It is for one call at
// a time, as an instance is.
func RouteFlat() penstock.Hook { return new(ranker).rank }
