package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/penstock/penstock/gateway/internal/cli"
)

// hello is the body of a request without its model.
const hello = `"messages":[{"role":"user","content":"hi"}]`

// penstock runs a command line in this process and returns what it printed and
// the exit code.
func penstock(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Run(t.Context(), args, cli.Environment{Getenv: testEnv(t), Stdout: &out, Stderr: &errs})
	return out.String(), errs.String(), code
}

// testEnv is an environment with a folder for compiled modules and a provider's key.
func testEnv(t *testing.T) func(string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) string {
		switch name {
		case "PENSTOCK_CACHE_DIR":
			return filepath.Join(cache, "penstock-test")
		case "TEST_KEY":
			return "sk-test"
		}
		return ""
	}
}

// testLog writes a gateway's log to the test's.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("gateway: %s", p)
	return len(p), nil
}
