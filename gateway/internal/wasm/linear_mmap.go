//go:build linux || darwin

package wasm

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// allocateLinear reserves addresses for all the memory that an instance may come to have,
// outside of Go's heap: growing moves nothing, untouched pages take no memory, and the
// garbage collector does not count it. Views of the memory must not be used after the
// instance is closed.
func allocateLinear(_, most uint64) experimental.LinearMemory {
	b, err := syscall.Mmap(-1, 0, int(most), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil { // too few addresses: the memory moves as it grows
		return new(heapMemory)
	}
	return &mappedMemory{b}
}

// mappedMemory is a range of addresses of which the guest uses the first part.
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
		_ = syscall.Munmap(m.all) // it fails only for addresses that are not mapped
		m.all = nil
	}
}
