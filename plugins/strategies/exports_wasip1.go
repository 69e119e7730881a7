//go:build wasip1

package main

import penstock "github.com/penstock/penstock/sdk/go"

// guest is the instance's ranker, reused by every call: an instance is
// single-threaded.
var guest ranker

//go:wasmexport penstock_route_flat
func routeFlat(ptr, n uint32) uint64 { return penstock.Call(guest.rank, ptr, n) }
