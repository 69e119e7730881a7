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

// gcPercent is how far the heap may grow beyond what is alive before it is cleaned.
// Guests' memory is not in the heap, so what is alive is small, and a larger share of it
// may wait for the collector.
const gcPercent = 150

// tuneMemory keeps the process small and within the memory that it is given. What
// starting up has used and nobody needs any more is given back to the system.
func (s *Server) tuneMemory() {
	debug.SetGCPercent(gcPercent)
	// With a GOMEMLIMIT of the user's own the runtime has read it already.
	if limit := availableMemory(os.DirFS("/")); limit > 0 && s.o.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit(limit))
	}
	debug.FreeOSMemory()
}

// heapLimit is the part of a limit in bytes that Go's heap may use: the memory of Wasm
// guests lies outside of it.
func heapLimit(limit int64) int64 { return limit / 10 * 8 }

// defaultBodies is how many bytes the requests in flight may hold when nobody says so.
const defaultBodies = 512 << 20

// bodiesLimit is how many bytes the requests in flight may hold, where the process may
// use so much memory; 0 is unlimited.
func bodiesLimit(s config.Server, available int64) int64 {
	switch {
	case s.MaxBodies > 0:
		return int64(s.MaxBodies)
	case available > 0:
		return max(min(defaultBodies, available/4), int64(s.MaxBody))
	}
	return max(defaultBodies, int64(s.MaxBody))
}

// availableMemory is the limit in bytes that control groups set to the process's memory;
// 0 when they set none. Files are read from root, the system's root folder.
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

// groupLimit is the least limit of a group and those that it is in. In a container the
// group may be called by its name on the host, and be seen at the top; every folder that
// is not there is passed over.
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
