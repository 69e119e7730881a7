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
	router = new(strategies.Hooks)
	hooks  = dialects.NewHooks()
)

//go:wasmexport penstock_init
func configure(ptr, n uint32) uint64 { return penstock.Call(router.Init, ptr, n) }

//go:wasmexport penstock_route_flat
func routeFlat(ptr, n uint32) uint64 { return penstock.Call(router.RouteFlat, ptr, n) }

//go:wasmexport penstock_transform_request
func transformRequest(ptr, n uint32) uint64 { return penstock.Call(hooks.TransformRequest, ptr, n) }

//go:wasmexport penstock_normalise_response
func normaliseResponse(ptr, n uint32) uint64 { return penstock.Call(hooks.NormaliseResponse, ptr, n) }

//go:wasmexport penstock_normalise_event
func normaliseEvent(ptr, n uint32) uint64 { return penstock.Call(hooks.NormaliseEvent, ptr, n) }

//go:wasmexport penstock_accept_request
func acceptRequest(ptr, n uint32) uint64 { return penstock.Call(hooks.AcceptRequest, ptr, n) }

//go:wasmexport penstock_render_response
func renderResponse(ptr, n uint32) uint64 { return penstock.Call(hooks.RenderResponse, ptr, n) }

//go:wasmexport penstock_render_event
func renderEvent(ptr, n uint32) uint64 { return penstock.Call(hooks.RenderEvent, ptr, n) }
