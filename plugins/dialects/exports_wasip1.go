//go:build wasip1

package main

import penstock "github.com/penstock/penstock/sdk/go"

// guest is the instance's translator, reused by every call: an instance is
// single-threaded.
var guest translator

//go:wasmexport penstock_transform_request
func transformRequest(ptr, n uint32) uint64 { return penstock.Call(guest.transformRequest, ptr, n) }

//go:wasmexport penstock_normalise_response
func normaliseResponse(ptr, n uint32) uint64 { return penstock.Call(guest.normaliseResponse, ptr, n) }

//go:wasmexport penstock_normalise_event
func normaliseEvent(ptr, n uint32) uint64 { return penstock.Call(guest.normaliseEvent, ptr, n) }
