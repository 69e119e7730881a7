//go:build wasip1

// Goguest is a module built by the stock Go toolchain, for the tests of the host: it
// ranks candidates by price, and misbehaves when the strategy's name asks it to.
package main

import (
	"encoding/binary"
	"math"
	"os"
	"strings"
	"unsafe"
)

func main() {}

var in, out []byte

// kept holds on to memory between calls, for the strategy "leak".
var kept [][]byte

//go:wasmexport penstock_abi_version
func version() int32 { return 1 << 16 }

//go:wasmexport penstock_alloc
func alloc(n int32) int32 {
	if int(n) > cap(in) {
		in = make([]byte, n)
	}
	in = in[:n]
	return int32(uintptr(unsafe.Pointer(unsafe.SliceData(in))))
}

//go:wasmexport penstock_init
func start(ptr, n int32) int64 {
	if strings.Contains(string(in[:n]), `"bad":true`) {
		msg := []byte("bad must not be true")
		reject(400, unsafe.Pointer(unsafe.SliceData(msg)), int32(len(msg)))
	}
	return 0
}

//go:wasmimport penstock error
func reject(code int32, ptr unsafe.Pointer, n int32)

//go:wasmexport penstock_route_flat
func route(ptr, n int32) int64 {
	b := in[:n]
	le := binary.LittleEndian
	textAt := le.Uint32(b[20:])
	name, _, _ := strings.Cut(string(b[textAt:]), "\n")
	switch name {
	case "panic":
		panic("the guest was told to")
	case "exit":
		os.Exit(3)
	case "garbage":
		var sum int
		for range 500 {
			s := make([]byte, 100)
			sum += len(s)
			kept = [][]byte{s}
		}
	case "leak":
		kept = append(kept, make([]byte, 1<<20))
	case "say":
		println("hello from Go")
	}
	size, count := int(le.Uint16(b[2:])), int(le.Uint32(b[4:]))
	out = out[:0]
	for range count {
		best, price := -1, uint64(math.MaxUint64)
		for i := range count {
			rec := b[32+i*size:]
			if le.Uint32(rec[4:])&(1<<31) == 0 && le.Uint64(rec[8:]) < price {
				best, price = i, le.Uint64(rec[8:])
			}
		}
		rec := b[32+best*size:]
		le.PutUint32(rec[4:], le.Uint32(rec[4:])|1<<31)
		out = le.AppendUint32(out, uint32(best))
		out = le.AppendUint32(out, 0)
		out = le.AppendUint64(out, math.Float64bits(-float64(price)))
	}
	return int64(uintptr(unsafe.Pointer(unsafe.SliceData(out))))<<32 | int64(len(out))
}
