package main

import (
	"os"
	"testing"
	"testing/synctest"
)

// runAsTest runs the program as a test, since the standard library has a clock of one's own for
// tests only, and exits: with 1 if f fails, after the line PASS or FAIL.
func runAsTest(f func(t *testing.T) error) {
	test := testing.InternalTest{Name: "simulation", F: func(t *testing.T) {
		if err := f(t); err != nil {
			t.Error(err)
		}
	}}
	os.Args = os.Args[:1] // the flags are the program's, not those of go test
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{test}, nil, nil)
}

// inBubble calls f with a clock that stands still while anything is computed, and goes on to
// the next timer when everything waits. It returns when all that f has started is over.
func inBubble(t *testing.T, f func()) { synctest.Test(t, func(*testing.T) { f() }) }
