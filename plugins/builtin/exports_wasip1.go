//go:build wasip1

package main

import (
	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/strategies"
	penstock "github.com/penstock/penstock/sdk/go"
)

// The hooks of this instance, with the buffers that they use again in every call: an
// instance is single-threaded.
var (
	route                    = strategies.RouteFlat()
	request, response, event = dialects.Hooks()
)

//go:wasmexport penstock_route_flat
func routeFlat(ptr, n uint32) uint64 { return penstock.Call(route, ptr, n) }

//go:wasmexport penstock_transform_request
func transformRequest(ptr, n uint32) uint64 { return penstock.Call(request, ptr, n) }

//go:wasmexport penstock_normalise_response
func normaliseResponse(ptr, n uint32) uint64 { return penstock.Call(response, ptr, n) }

//go:wasmexport penstock_normalise_event
func normaliseEvent(ptr, n uint32) uint64 { return penstock.Call(event, ptr, n) }
