//go:build !linux && !darwin

package compiler

import (
	"runtime/debug"
	"time"
)

// confine limits Go's heap; the parent process limits the time.
func confine(_ time.Duration, memory uint64) error {
	debug.SetMemoryLimit(int64(memory / 4))
	return nil
}
