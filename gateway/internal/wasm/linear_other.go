//go:build !linux && !darwin

package wasm

import "github.com/tetratelabs/wazero/experimental"

// allocateLinear allocates an instance's memory in Go's heap, where it moves as it grows.
func allocateLinear(uint64, uint64) experimental.LinearMemory { return new(heapMemory) }
