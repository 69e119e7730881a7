//go:build wasip1

package main

import penstock "github.com/penstock/penstock/sdk/go"

//go:wasmexport penstock_accept_request
func acceptRequest(ptr, n uint32) uint64 { return penstock.Call(accept, ptr, n) }

//go:wasmexport penstock_render_response
func renderResponse(ptr, n uint32) uint64 { return penstock.Call(render, ptr, n) }

//go:wasmexport penstock_render_event
func renderEvent(ptr, n uint32) uint64 { return penstock.Call(event, ptr, n) }
