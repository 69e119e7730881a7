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

// Verb is the command-line verb that runs Compile. Its argument is the folder for the
// result.
const Verb = "compile-module"

// OpenHost opens a host of modules that compiles plugins in a separate process and caches
// compiled modules in $PENSTOCK_CACHE_DIR, by default below the user's cache folder. If
// neither folder can be used, modules are compiled at every start.
func OpenHost(getenv func(string) string, log *slog.Logger) (*wasm.Host, error) {
	const uncached = "modules are compiled at every start, which takes some seconds"
	dir := getenv("PENSTOCK_CACHE_DIR")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			log.Warn(uncached+": set PENSTOCK_CACHE_DIR to a folder that only this user can write", "err", err)
			return wasm.NewHost(wasm.Options{SelfTest: cases.SelfTest, Log: log})
		}
		dir = filepath.Join(base, "penstock")
	}
	host, err := wasm.NewHost(wasm.Options{SelfTest: cases.SelfTest, CacheDir: filepath.Join(dir, "modules"), Compiler: process().Run, Log: log})
	if err != nil {
		log.Warn(uncached+": set PENSTOCK_CACHE_DIR to another folder for compiled modules", "err", err)
		return wasm.NewHost(wasm.Options{SelfTest: cases.SelfTest, Log: log})
	}
	return host, nil
}

// process returns the command line that makes this program the compiler.
func process() Program { return Program{Name: "penstock", Args: []string{Verb}} }

// Compile runs in that process. It compiles the module on in, which the parent has
// validated and instrumented for fuel, and writes the result into dir.
func Compile(ctx context.Context, dir string, in io.Reader) error {
	code, err := Read(in)
	if err != nil {
		return err
	}
	return wasm.Compile(ctx, dir, code)
}
