//go:build race

package server

import "testing"

// skipRaced skips a test that goes through many combinations with a gateway for each: under the
// race detector they would take ten minutes, and `make test` runs them whole without it.
func skipRaced(t *testing.T) {
	t.Helper()
	t.Skip("goes through every combination; runs whole without the race detector")
}
