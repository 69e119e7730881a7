//go:build wasip1

package main

import penstock "github.com/penstock/penstock/sdk/go"

// guest holds the instance's settings.
var guest plugin

//go:wasmexport penstock_init
func settings(ptr, n uint32) uint64 { return penstock.Call(guest.settings, ptr, n) }

//go:wasmexport penstock_transform_request
func transformRequest(ptr, n uint32) uint64 { return penstock.Call(guest.transformRequest, ptr, n) }
