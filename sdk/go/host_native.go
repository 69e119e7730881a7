//go:build !wasip1

package penstock

import "unsafe"

// There is no host outside a Wasm runtime: native tests call hooks directly and
// look at the errors that they return. Time stands still and the store is empty.

func hostError(int32, string) {}

func hostLog(int32, string) {}

func hostNow() int64 { return 0 }

func hostRandom() uint64 { return 0 }

func hostMetric(string, float64) {}

func hostGet(string, unsafe.Pointer, uint32) int32 { return -1 }

func hostSet(string, unsafe.Pointer, uint32, uint32) int32 { return 0 }
