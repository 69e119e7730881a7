package llmtest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// redisStart is how long a redis-server may take to its first connection.
const redisStart = 20 * time.Second

// Redis starts a redis-server and returns the path of its socket once it takes connections.
// stop kills it, and may be called again; the end of the test does it, too. The test is skipped
// where there is no redis-server.
func Redis(t testing.TB) (socket string, stop func()) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("there is no redis-server: install it, or run make deps")
	}
	dir, err := os.MkdirTemp("", "redis") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	c := exec.Command(program, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	t.Cleanup(stop)
	awaitSocket(t, socket)
	return socket, stop
}

// awaitSocket waits until a socket takes connections.
func awaitSocket(t testing.TB, socket string) {
	t.Helper()
	giveUp := time.After(redisStart)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-giveUp:
			t.Fatal("redis-server took too long to start")
		}
	}
}
