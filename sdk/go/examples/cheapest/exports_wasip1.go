//go:build wasip1

package main

import penstock "github.com/penstock/penstock/sdk/go"

// guest is the instance's ranking, reused by every call: an instance is single-threaded.
var guest ranking

//go:wasmexport penstock_route
func route(ptr, n uint32) uint64 { return penstock.Call(guest.route, ptr, n) }

//go:wasmexport penstock_route_flat
func routeFlat(ptr, n uint32) uint64 { return penstock.Call(guest.routeFlat, ptr, n) }
