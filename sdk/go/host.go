package penstock

import (
	"slices"
	"unsafe"
)

// Each of the functions of this file but Log needs a grant of the operator's. The module
// imports only what its plugin calls, so only that has to be granted. Natively they do
// nothing: time stands still and the store is empty.

// Level grades a log line.
type Level int32

// The levels, in rising order.
const (
	Debug Level = iota
	Info
	Warn
	Fault
)

// Log writes one line to the host's log.
func Log(level Level, text string) { hostLog(int32(level), text) }

// NowMS is the Unix time in milliseconds, the same during one call. Grant: clock.
func NowMS() int64 { return hostNow() }

// RandomU64 is the next of the numbers that the host draws for this request and module:
// the same request gets the same ones. Grant: random.
func RandomU64() uint64 { return hostRandom() }

// MetricAdd adds to the plugin's counter called name, [a-z][a-z0-9_]*. The value must be
// finite and not negative. Grant: metrics.
func MetricAdd(name string, value float64) { hostMetric(name, value) }

// KVGet appends to dst what the plugin's store holds under key and reports whether it
// holds anything. Grant: kv.
func KVGet(dst []byte, key string) ([]byte, bool) {
	for {
		free := dst[len(dst):cap(dst)]
		n := int(hostGet(key, unsafe.Pointer(unsafe.SliceData(free)), uint32(len(free))))
		if n < 0 || n <= len(free) {
			return dst[:len(dst)+max(n, 0)], n >= 0
		}
		dst = slices.Grow(dst, n)
	}
}

// KVSet keeps a value of at most 64 KiB for 1 to 86,400 seconds, or removes it with 0
// seconds. It reports false when the host refuses. Grant: kv.
func KVSet(key string, value []byte, seconds uint32) bool {
	return hostSet(key, unsafe.Pointer(unsafe.SliceData(value)), uint32(len(value)), seconds) == 1
}
