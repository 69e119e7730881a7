// Package strategies holds the built-in routers: each ranks the targets of a route. It is
// part of the built-in module, which is built for Wasm and embedded in the gateway. It keeps
// nothing between calls and does not decide which targets are permitted or capable: the host
// has removed the others before it asks.
package strategies

import penstock "github.com/penstock/penstock/sdk/go"

// strategy is one built-in router.
type strategy struct {
	name string
	// rank sets class and score of every candidate.
	rank func([]candidate, *settings)
	// setting returns where the strategy keeps a setting, nil when it has none of that name.
	setting func(s *settings, key string) *float64
}

// table is the one list of strategies, the default first.
func table() [4]strategy {
	return [...]strategy{
		{"ordered", ordered, noSetting},
		{"weighted", weighted, noSetting},
		{"cost", cheapest, costSetting},
		{"balanced", balanced, balancedSetting},
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

func noSetting(*settings, string) *float64 { return nil }

// RouteFlat returns the hook penstock_route_flat of one instance. It is for one call at
// a time, as an instance is.
func RouteFlat() penstock.Hook { return new(ranker).rank }
