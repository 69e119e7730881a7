//go:build linux || darwin

package compiler

import (
	"runtime/debug"
	"syscall"
	"time"
)

// confine sets this process's resource limits, and a lower memory limit for Go's garbage
// collector.
func confine(cpu time.Duration, memory uint64) error {
	debug.SetMemoryLimit(int64(memory / 4))
	for resource, limit := range map[int]uint64{
		syscall.RLIMIT_CPU:  uint64(cpu / time.Second),
		syscall.RLIMIT_AS:   memory,
		syscall.RLIMIT_CORE: 0,
	} {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(resource, &now); err != nil {
			return err
		}
		now.Cur = min(now.Max, limit)
		now.Max = now.Cur
		if err := syscall.Setrlimit(resource, &now); err != nil {
			return err
		}
	}
	return nil
}
