package wasm

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// cached returns a host with a compile cache in dir, and its log.
func cached(t *testing.T, dir string, apart Compiler) (*Host, *bytes.Buffer) {
	t.Helper()
	said := new(bytes.Buffer)
	h, err := NewHost(Options{CacheDir: dir, Compiler: apart, Log: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h, said
}

// here is a Compiler that compiles in this process and counts its calls.
func here(times *int) Compiler {
	return func(ctx context.Context, dir string, code []byte) (bool, error) {
		*times++
		return true, Compile(ctx, dir, code)
	}
}

func TestAPluginIsCompiledOnceInAnotherProcess(t *testing.T) {
	dir, times := filepath.Join(t.TempDir(), "cache"), 0
	for round, want := range []bool{false, true, true} {
		h, _ := cached(t, dir, here(&times))
		m, err := h.Load(t.Context(), Spec{Name: "a", Wasm: asm.Echo().Bytes()})
		if err != nil {
			t.Fatal(err)
		}
		if times != 1 || m.Stats().FromCache != want {
			t.Errorf("round %d: compiled apart %d times, from the cache: %v; want once, %v", round, times, m.Stats().FromCache, want)
		}
	}
	h, _ := cached(t, dir, here(&times))
	if _, err := h.Load(t.Context(), Spec{Name: "own", Wasm: asm.Misbehaving(asm.I64(0)).Bytes(), BuiltIn: true}); err != nil || times != 1 {
		t.Errorf("the gateway's own module: %v, compiled apart %d times, want not once more", err, times)
	}
}

func TestTheCompilerProcessGetsAnAbsolutePath(t *testing.T) {
	t.Chdir(t.TempDir())
	h, _ := cached(t, "cache", func(_ context.Context, dir string, _ []byte) (bool, error) {
		if !filepath.IsAbs(dir) {
			t.Errorf("the process gets %q", dir)
		}
		return true, nil
	})
	if _, err := h.Load(t.Context(), Spec{Name: "a", Wasm: asm.Echo().Bytes()}); err != nil {
		t.Error(err)
	}
}

func TestWhatTheOtherProcessRefusesIsNotCompiledHere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	h, _ := cached(t, dir, func(context.Context, string, []byte) (bool, error) {
		return true, errors.New("it took longer than 2m0s")
	})
	_, err := h.Load(t.Context(), Spec{Name: "slow", Wasm: asm.Echo().Bytes()})
	if err == nil || !strings.Contains(err.Error(), "load module slow: compile: it took longer") {
		t.Errorf("Load: %v", err)
	}
	if n := h.cache.files(); n != 0 {
		t.Errorf("there are %d files with machine code, want none", n)
	}
}

func TestWithoutAnotherProcessThisOneCompilesAndSaysSo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	none := func(context.Context, string, []byte) (bool, error) {
		return false, errors.New("operation not permitted")
	}
	for _, c := range []struct {
		dir   string
		apart Compiler
		want  string
	}{{dir, none, "operation not permitted"}, {dir, nil, "compiled in this process"}, {"", here(new(int)), "compiled in this process"}} {
		h, said := cached(t, c.dir, c.apart)
		if _, err := h.Load(t.Context(), Spec{Name: "a", Wasm: asm.Echo().Bytes()}); err != nil || !strings.Contains(said.String(), c.want) {
			t.Errorf("Load: %v, the log says %q, want %q", err, said, c.want)
		}
	}
}

// TestASlowCompilationBlocksNobody: who waits for a compilation, or for the one before it,
// waits no longer than their context.
func TestASlowCompilationBlocksNobody(t *testing.T) {
	begun, gate := make(chan struct{}), make(chan struct{})
	slow := func(ctx context.Context, _ string, _ []byte) (bool, error) {
		close(begun)
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return true, ctx.Err()
	}
	h, _ := cached(t, filepath.Join(t.TempDir(), "cache"), slow)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := h.Load(ctx, Spec{Name: "slow", Wasm: asm.Echo().Bytes()}); !errors.Is(err, context.Canceled) {
			t.Errorf("the slow one: %v, want that it is canceled", err)
		}
	})
	<-begun
	late, never := context.WithCancel(t.Context())
	never()
	if _, err := h.Load(late, Spec{Name: "next", Wasm: asm.Echo().Bytes()}); !errors.Is(err, context.Canceled) {
		t.Errorf("the one behind it: %v, want that it is canceled", err)
	}
	if err := h.Close(late); err == nil {
		t.Error("Close did not say that something is being compiled")
	}
	stop()
	wg.Wait()
}

func TestABrokenOrFullCompileCacheStopsNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	spec := Spec{Name: "a", Wasm: asm.Echo().Bytes()}
	h, _ := cached(t, dir, nil)
	if _, err := h.Load(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	h.cache.eachFile(func(path string) {
		text, err := os.ReadFile(path)
		if err == nil {
			text[len(text)/2] ^= 0xff
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	})
	again, said := cached(t, dir, nil)
	m, err := again.Load(t.Context(), spec)
	if err != nil || !strings.Contains(said.String(), "does not work") {
		t.Fatalf("with a broken file: %v, the log says %q", err, said)
	}
	if out, _, err := m.Call(t.Context(), hook.Route, 1, []byte("x"), nil); err != nil || string(out) != "x" {
		t.Errorf("Call = %q, %v", out, err)
	}
	gone, said := cached(t, dir, nil)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Load(t.Context(), spec); err != nil || !strings.Contains(said.String(), "does not work") {
		t.Errorf("with a folder that is gone: %v, the log says %q", err, said)
	}
}
