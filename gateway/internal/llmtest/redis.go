package llmtest

import "testing"

// Redis starts a redis-server and returns the path of its socket once it takes connections.
// stop kills it, and may be called again; the end of the test does it, too.
func Redis(t testing.TB) (socket string, stop func()) {
	t.Helper()
	return OnSocket(t, "redis-server", func(dir, socket string) []string {
		return []string{"--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir}
	})
}
