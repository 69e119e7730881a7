//go:build !linux && !darwin

package compiler

import (
	"runtime/debug"
	"time"
)

// confine bounds Go's heap; time is bounded by whoever started the process.
func confine(_ time.Duration, memory uint64) error {
	debug.SetMemoryLimit(int64(memory / 4))
	return nil
}
