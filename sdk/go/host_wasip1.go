//go:build wasip1

package penstock

import "unsafe"

//go:wasmimport penstock error
func hostError(code int32, message string)

//go:wasmimport penstock log
func hostLog(level int32, text string)

//go:wasmimport penstock now_ms
func hostNow() int64

//go:wasmimport penstock random_u64
func hostRandom() uint64

//go:wasmimport penstock metric_add
func hostMetric(name string, value float64)

//go:wasmimport penstock kv_get
func hostGet(key string, value unsafe.Pointer, capacity uint32) int32

//go:wasmimport penstock kv_set
func hostSet(key string, value unsafe.Pointer, n, seconds uint32) int32

//go:wasmexport penstock_abi_version
func abiVersion() int32 { return ABIVersion }

//go:wasmexport penstock_alloc
func alloc(n uint32) uint32 { return Alloc(n) }
