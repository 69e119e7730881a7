package wasm

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Compile is what the process of a Compiler does: it compiles metered code and leaves the
// machine code in the cache in dir.
func Compile(ctx context.Context, dir string, code []byte) (err error) {
	c, err := newCompileCache(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	r := wazero.NewRuntimeWithConfig(ctx, runtimeConfig().WithCompilationCache(c.code))
	defer func() { err = errors.Join(err, r.Close(ctx), c.close(ctx)) }()
	_, err = c.compileHere(ctx, r, code)
	return err
}

// runtimeConfig is the configuration that all runtimes share. Machine code depends on it.
func runtimeConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2).WithDebugInfoEnabled(false)
}

// compilerVersion is the version of wazero; empty when the build does not record it.
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
