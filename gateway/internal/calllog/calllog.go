// Package calllog records the calls of plugins during the last requests. Each call is a
// file with a test case, so that it can be made again with another version of the plugin.
package calllog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Dir returns the folder of the recorded calls, which is beside the ledger's file. It is
// empty if the ledger is not a file.
func Dir(ledger string) string {
	file, ok := strings.CutPrefix(ledger, "sqlite://")
	file, _, _ = strings.Cut(file, "?")
	if !ok || file == "" || strings.HasPrefix(file, ":memory:") {
		return ""
	}
	return file + ".calls"
}

// Call is a recorded call.
type Call struct {
	// File is the name of its file, Plugin the plugin that was called.
	File, Plugin string
	// Text is the test case.
	Text []byte
}

// Read returns the calls of a request in their order. If there are none, the error is
// fs.ErrNotExist.
func Read(dir, id string) ([]Call, error) {
	if !isFileName(id) {
		return nil, fmt.Errorf("%q is not a request's id", id)
	}
	at := filepath.Join(dir, id)
	if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) { // the request may still run
		at = filepath.Join(dir, nameOfSeed(hook.SeedOf(id)))
	}
	entries, err := os.ReadDir(at) // sorted by name, which is by number
	if err != nil {
		return nil, err
	}
	var calls []Call
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(at, e.Name()))
		if err != nil {
			return nil, err
		}
		_, rest, _ := strings.Cut(e.Name(), "-")
		calls = append(calls, Call{e.Name(), rest[:max(strings.LastIndexByte(rest, '-'), 0)], text})
	}
	return calls, nil
}
