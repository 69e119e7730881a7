package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPluginsAreCompiledByThisProgramAnew starts this very binary, which is penstock when
// it is called so.
func TestPluginsAreCompiledByThisProgramAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "modules")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if started, err := apart()(t.Context(), dir, []byte("\x00asm\x01\x00\x00\x00")); err != nil || !started {
		t.Fatalf("an empty module: %v, %v", started, err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(files) != 1 {
		t.Errorf("the compile cache holds %q, %v; want one file", files, err)
	}
	if started, err := apart()(t.Context(), dir, []byte("no module")); !started || err == nil || !strings.Contains(err.Error(), "invalid magic number") {
		t.Errorf("what is no module: %v, %v", started, err)
	}
}

func TestWithoutAHomeTheLogSaysWhatToSet(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	var said bytes.Buffer
	g := &gateway{app: &app{getenv: func(string) string { return "" }}, log: slog.New(slog.NewTextHandler(&said, nil))}
	host, err := g.openHost()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close(context.WithoutCancel(t.Context()))
	if lines := strings.Count(said.String(), "\n"); lines != 1 || !strings.Contains(said.String(), "set PENSTOCK_CACHE_DIR") {
		t.Errorf("the log says %q, want one line that names PENSTOCK_CACHE_DIR", said.String())
	}
}
