//go:build wasip1

package main

import penstock "github.com/penstock/penstock/sdk/go"

//go:wasmexport penstock_route
func penstockRoute(ptr, n uint32) uint64 { return penstock.Call(route, ptr, n) }

//go:wasmexport penstock_route_flat
func penstockRouteFlat(ptr, n uint32) uint64 { return penstock.Call(routeFlat, ptr, n) }
