//go:build linux || darwin

package compiler

import (
	"runtime/debug"
	"syscall"
	"time"
)

// confine has the system bound this process, and Go's collector work harder before it
// comes to that.
func confine(cpu time.Duration, memory uint64) error {
	debug.SetMemoryLimit(int64(memory / 4))
	for what, most := range map[int]uint64{
		syscall.RLIMIT_CPU:  uint64(cpu / time.Second),
		syscall.RLIMIT_AS:   memory,
		syscall.RLIMIT_CORE: 0,
	} {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(what, &now); err != nil {
			return err
		}
		now.Cur = min(now.Max, most)
		now.Max = now.Cur
		if err := syscall.Setrlimit(what, &now); err != nil {
			return err
		}
	}
	return nil
}
