//go:build wasip1

package main

import penstock "github.com/penstock/penstock/sdk/go"

// guest holds the instance's buffers, reused by every call: an instance is
// single-threaded.
var guest redactor

//go:wasmexport penstock_normalise_response
func normaliseResponse(ptr, n uint32) uint64 { return penstock.Call(guest.normaliseResponse, ptr, n) }

//go:wasmexport penstock_normalise_event
func normaliseEvent(ptr, n uint32) uint64 { return penstock.Call(guest.normaliseEvent, ptr, n) }
