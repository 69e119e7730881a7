//go:build wasip1

package penstock

import "unsafe"

//go:wasmimport penstock error
func hostError(code int32, message string)

//go:wasmimport penstock log
func Log(level Level, text string)

//go:wasmimport penstock now_ms
func NowMS() int64

//go:wasmimport penstock random_u64
func RandomU64() uint64

//go:wasmimport penstock metric_add
func MetricAdd(name string, value float64)

//go:wasmimport penstock kv_get
func hostGet(key string, value unsafe.Pointer, capacity uint32) int32

//go:wasmimport penstock kv_set
func hostSet(key string, value unsafe.Pointer, n, seconds uint32) int32
