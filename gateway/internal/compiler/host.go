package compiler

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
)

// Verb is the command-line verb that runs Compile. Its argument is the folder.
const Verb = "compile-module"

// OpenHost opens a host of modules that compiles plugins in a process of its own, this
// program started anew, and keeps what is compiled in $PENSTOCK_CACHE_DIR, else where the
// user's caches are. Without such a folder modules are compiled at every start.
func OpenHost(getenv func(string) string, log *slog.Logger) (*wasm.Host, error) {
	const costs = "modules are compiled at every start, which takes some seconds"
	dir := getenv("PENSTOCK_CACHE_DIR")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			log.Warn(costs+": set PENSTOCK_CACHE_DIR to a folder that is this user's alone", "err", err)
			return wasm.NewHost(wasm.Options{SelfTest: cases.SelfTest, Log: log})
		}
		dir = filepath.Join(base, "penstock")
	}
	host, err := wasm.NewHost(wasm.Options{SelfTest: cases.SelfTest, CacheDir: filepath.Join(dir, "modules"), Apart: process().Run, Log: log})
	if err != nil {
		log.Warn(costs+": PENSTOCK_CACHE_DIR names another folder for what is compiled", "err", err)
		return wasm.NewHost(wasm.Options{SelfTest: cases.SelfTest, Log: log})
	}
	return host, nil
}

// process is this program with the command line that makes it the compiler.
func process() Program { return Program{Name: "penstock", Args: []string{Verb}} }

// Compile is what that process does: it compiles the module on in, which its parent has
// checked and built fuel counting into, and leaves the result in dir.
func Compile(ctx context.Context, dir string, in io.Reader) error {
	code, err := Read(in)
	if err != nil {
		return err
	}
	return wasm.Compile(ctx, dir, code)
}
