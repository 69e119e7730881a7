//go:build !wasip1

package penstock

import "unsafe"

// There is no host outside a Wasm runtime. Natively time stands still, the store is
// empty, and errors are what hooks return.

// Log writes one line to the host's log.
func Log(level Level, text string) {}

// NowMS is the Unix time in milliseconds, the same during one call. Grant: clock.
func NowMS() int64 { return 0 }

// RandomU64 is the next of the numbers that the host draws for this request and module:
// the same request gets the same ones. Grant: random.
func RandomU64() uint64 { return 0 }

// MetricAdd adds to the plugin's counter called name, [a-z][a-z0-9_]*. The value must be
// finite and not negative. Grant: metrics.
func MetricAdd(name string, value float64) {}

func hostError(int32, string)                              {}
func hostGet(string, unsafe.Pointer, uint32) int32         { return -1 }
func hostSet(string, unsafe.Pointer, uint32, uint32) int32 { return 0 }
