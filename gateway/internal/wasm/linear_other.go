//go:build !linux && !darwin

package wasm

import "github.com/tetratelabs/wazero/experimental"

// allocateLinear gives an instance memory of Go's heap, which moves as it grows.
func allocateLinear(uint64, uint64) experimental.LinearMemory { return new(heapMemory) }
