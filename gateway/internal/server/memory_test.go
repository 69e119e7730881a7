package server

import (
	"testing"
	"testing/fstest"

	"github.com/penstock/penstock/gateway/internal/config"
)

func TestAvailableMemory(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no control groups", nil, 0},
		{"version 2", map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1000\n"}, 1000},
		{"version 2, none", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		{"version 2, the outer group has less", map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1000\n",
			"sys/fs/cgroup/a/memory.max": "900\n"}, 900},
		{"version 2, in a container", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "800\n"}, 800},
		{"version 1", map[string]string{"proc/self/cgroup": "9:cpu:/x\n4:memory:/a\n0::/\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "700\n"}, 700},
		{"version 1, with others", map[string]string{"proc/self/cgroup": "4:cpu,memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "700\n"}, 700},
		{"version 1, by the host's name", map[string]string{"proc/self/cgroup": "4:memory:/docker/123\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "600\n"}, 600},
		{"version 1, none", map[string]string{"proc/self/cgroup": "4:memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		{"nonsense", map[string]string{"proc/self/cgroup": "x\n4:memory\n0::/../..\n", "sys/fs/cgroup/memory.max": "-5"}, 0},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := availableMemory(root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestBodiesLimit(t *testing.T) {
	for _, c := range []struct {
		server          config.Server
		available, want int64
	}{
		{config.Server{MaxBody: 32 << 20}, 0, 512 << 20},
		{config.Server{MaxBody: 1 << 30}, 0, 1 << 30},
		{config.Server{MaxBody: 32 << 20}, 1 << 30, 256 << 20},
		{config.Server{MaxBody: 32 << 20}, 64 << 20, 32 << 20},
		{config.Server{MaxBody: 32 << 20, MaxBodies: 100 << 20}, 64 << 20, 100 << 20},
	} {
		if got := bodiesLimit(c.server, c.available); got != c.want {
			t.Errorf("%+v of %d: %d, want %d", c.server, c.available, got, c.want)
		}
	}
}
