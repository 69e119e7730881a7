// Package penstock is the guest side of Penstock's plugin contract, for Go. It passes the
// host's input to a hook and the hook's output to the host, both in buffers that are reused
// from call to call, so that a guest does not grow. It reads JSON without copying, appends
// it, and reads the flat routing record.
//
// A plugin exports its hooks itself, in a file built for wasip1 only:
//
//	//go:wasmexport penstock_route_flat
//	func route(ptr, n uint32) uint64 { return penstock.Call(rank, ptr, n) }
//
// Everything but those exports compiles natively too, so hooks are tested with go test.
// An instance of a module is single-threaded, and so is this package: the buffers belong
// to the instance, which is why they are package variables.
package penstock

import (
	"slices"
	"strings"
	"unsafe"
)

// ABIVersion is the version of the contract that this package speaks: the major
// number in the high 16 bits, the minor in the low ones.
//
//go:wasmexport penstock_abi_version
func ABIVersion() int32 { return 1<<16 | 1 }

// MaxInput bounds one input in bytes. A larger one is refused, and its call fails.
const MaxInput = 48 << 20

// A Hook reads the host's input and appends the guest's output to out.
// It may keep neither slice. Empty output means "no opinion". The host gets an *Error
// with its code; any other error counts as code 500.
type Hook func(out, in []byte) ([]byte, error)

// Error is a hook's rejection. Code is an HTTP status: 4xx blames the request, 5xx the
// plugin. The caller of the gateway sees the message.
type Error struct {
	Code    int32
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Reject returns an Error whose message is the parts joined. It takes no format, because
// that would link fmt, most of a megabyte, into every plugin.
func Reject(code int32, parts ...string) *Error {
	return &Error{Code: code, Message: strings.Join(parts, "")}
}

// input and output are the instance's buffers, which the host writes and reads.
var input, output []byte

// Alloc returns the address of n bytes of the input buffer, for the host to write to; 0
// refuses. They are valid until the next call of Alloc.
//
//go:wasmexport penstock_alloc
func Alloc(n uint32) uint32 {
	if n > MaxInput {
		return 0
	}
	if uint32(cap(input)) < n+16 { // JSON is read in words
		input = nil // Let the collector have the old one before the new one is made.
		input = make([]byte, n+n/8+1024)
	}
	input = input[:n]
	return address(input)
}

// Call runs a hook on the n bytes at ptr, which the host got from Alloc, and returns its
// result as the contract has it: address in the high 32 bits, length in the low ones, or 0
// for no opinion and after an error.
func Call(hook Hook, ptr, n uint32) uint64 {
	if n > uint32(cap(input)) || n > 0 && ptr != address(input[:1]) {
		hostError(500, "the input is not in the region that penstock_alloc returned")
		return 0
	}
	result, err := hook(output[:0], input[:n])
	if e, ok := err.(*Error); ok {
		hostError(e.Code, e.Message)
	} else if err != nil {
		hostError(500, err.Error())
	}
	if err != nil || len(result) == 0 {
		return 0
	}
	if cap(result) > cap(output) {
		output = result
	}
	return uint64(address(result))<<32 | uint64(len(result))
}

// address is where b begins in linear memory, natively cut to 32 bits.
func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// Level grades a log line: Debug, Info, Warn or Fault.
type Level int32

const Debug, Info, Warn, Fault Level = 0, 1, 2, 3

// KVGet appends to dst what the plugin's store holds under key and reports whether it
// holds anything. Grant: kv.
func KVGet(dst []byte, key string) ([]byte, bool) {
	for {
		room := dst[len(dst):cap(dst)]
		n := int(hostGet(key, unsafe.Pointer(unsafe.SliceData(room)), uint32(len(room))))
		if n <= len(room) {
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
