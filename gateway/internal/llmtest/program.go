package llmtest

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program that make deps installs. Where it is missing, the test is
// skipped, and fails with CI set.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("there is no %s, which make deps installs", name)
	default:
		t.Skipf("there is no %s: install it, or run make deps", name)
	}
	return path
}
