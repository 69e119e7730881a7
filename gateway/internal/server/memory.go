package server

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/config"
)

// gcPercent is the heap growth that starts a garbage collection. The memory of Wasm guests
// is not in the heap, so the live heap is small and may grow by a larger share.
const gcPercent = 150

// tuneMemory keeps the process small and within its memory limit, and returns the memory
// that only the start needed to the system.
func (s *Server) tuneMemory() {
	debug.SetGCPercent(gcPercent)
	// The runtime has read the user's own GOMEMLIMIT.
	if limit := availableMemory(os.DirFS("/")); limit > 0 && s.o.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit(limit))
	}
	debug.FreeOSMemory()
}

// heapLimit returns the part of a limit in bytes that Go's heap may use. The memory of
// Wasm guests is outside of the heap.
func heapLimit(limit int64) int64 { return limit / 10 * 8 }

// defaultBodies is how many bytes the requests in flight may hold by default.
const defaultBodies = 512 << 20

// bodiesLimit returns how many bytes the requests in flight may hold if the process may
// use this many bytes of memory; 0 is unlimited.
func bodiesLimit(s config.Server, available int64) int64 {
	switch {
	case s.MaxBodies > 0:
		return int64(s.MaxBodies)
	case available > 0:
		return max(min(defaultBodies, available/4), int64(s.MaxBody))
	}
	return max(defaultBodies, int64(s.MaxBody))
}

// availableMemory returns the memory limit of the process's control groups in bytes, 0 if
// there is none. Root is the system's root folder.
func availableMemory(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0 // not Linux
	}
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch {
		case fields[0] == "0": // version 2
			limit = min(limit, groupLimit(root, "sys/fs/cgroup", fields[2], "memory.max"))
		case strings.Contains(","+fields[1]+",", ",memory,"):
			limit = min(limit, groupLimit(root, "sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes"))
		}
	}
	if limit >= 1<<60 { // version 1 writes a huge number for none
		return 0
	}
	return limit
}

// groupLimit returns the smallest limit of a group and its parents. In a container the
// group may have its name on the host and be mounted at the top, so folders that do not
// exist are skipped.
func groupLimit(root fs.FS, mount, group, file string) int64 {
	limit := int64(math.MaxInt64)
	for dir := path.Join("/", group); ; dir = path.Dir(dir) {
		text, err := fs.ReadFile(root, path.Join(mount, dir, file))
		if err == nil {
			if n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil && n > 0 { // not "max"
				limit = min(limit, n)
			}
		}
		if dir == "/" {
			return limit
		}
	}
}
