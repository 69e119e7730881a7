package wasm

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Compile is the work of the process that Apart starts: it compiles code with fuel
// counting built in, and leaves the machine code in the cache in dir.
func Compile(ctx context.Context, dir string, code []byte) (err error) {
	c, err := newCompileCache(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	r := wazero.NewRuntimeWithConfig(ctx, runtimeConfig().WithCompilationCache(c.code))
	defer func() { err = errors.Join(err, r.Close(ctx), c.close(ctx)) }()
	_, err = c.make(ctx, r, code)
	return err
}

// runtimeConfig is what all runtimes have in common. Machine code depends on it.
func runtimeConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2).WithDebugInfoEnabled(false)
}

// compilerVersion is the version of the library that compiles; empty when the build does
// not say.
func compilerVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, d := range info.Deps {
		if d.Path == "github.com/tetratelabs/wazero" {
			return d.Version
		}
	}
	return ""
}
