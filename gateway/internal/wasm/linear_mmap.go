//go:build linux || darwin

package wasm

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// allocateLinear gives an instance the addresses for all the memory that it may come
// to have, outside of Go's heap: growing moves nothing, what the guest has not touched
// takes no room, and the garbage collector does not count it. Whoever holds a view of
// the memory must be done with it before the instance is closed.
func allocateLinear(_, most uint64) experimental.LinearMemory {
	b, err := syscall.Mmap(-1, 0, int(most), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil { // the addresses are short: then the memory moves as it grows
		return new(heapMemory)
	}
	return &mappedMemory{b}
}

// mappedMemory is a stretch of addresses of which the guest has the first part.
type mappedMemory struct{ all []byte }

// Reallocate implements experimental.LinearMemory.
func (m *mappedMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.all)) {
		return nil
	}
	return m.all[:size:size]
}

// Free implements experimental.LinearMemory.
func (m *mappedMemory) Free() {
	if m.all != nil {
		_ = syscall.Munmap(m.all) // it fails only for addresses that are no mapping
		m.all = nil
	}
}
