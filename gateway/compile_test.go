package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/compiler"
)

// TestPluginsAreCompiledByThisProgramAnew starts this very binary, which is penstock when
// it is called so.
func TestPluginsAreCompiledByThisProgramAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "modules")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	process := compiler.Program{Name: "penstock", Args: []string{compiler.Verb}}
	if started, err := process.Run(t.Context(), dir, []byte("\x00asm\x01\x00\x00\x00")); err != nil || !started {
		t.Fatalf("an empty module: %v, %v", started, err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(files) != 1 {
		t.Errorf("the compile cache holds %q, %v; want one file", files, err)
	}
	if started, err := process.Run(t.Context(), dir, []byte("no module")); !started || err == nil || !strings.Contains(err.Error(), "invalid magic number") {
		t.Errorf("what is no module: %v, %v", started, err)
	}
}
