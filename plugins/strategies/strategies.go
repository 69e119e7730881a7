// Package strategies ranks the targets of a route by a named strategy. It is part of
// the built-in module, which is built for Wasm and embedded in the gateway. It keeps
// nothing between calls and does not decide which targets are permitted or capable:
// the host has removed the others before it asks.
package strategies

import penstock "github.com/penstock/penstock/sdk/go"

// RouteFlat returns the hook penstock_route_flat of one instance. It is for one call at
// a time, as an instance is.
func RouteFlat() penstock.Hook { return new(ranker).rank }
