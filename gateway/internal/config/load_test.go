package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLoadUnusualFiles: a pipe without a writer and an endless file must not block a reload.
func TestLoadUnusualFiles(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{pipe: "is a pipe without a writer", "/dev/zero": "larger than"} {
		if _, err := Load(path, os.Getenv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%s) = %v, want %q", path, err, want)
		}
	}
	if _, ok := contentOf(pipe); !ok {
		t.Error("a pipe in place of a watched file is a change as any other")
	}
}

// What a shell's <(…) gives is a pipe with a writer.
func TestLoadFromPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		_, _ = w.WriteString("listen: 127.0.0.1:7777\n")
		_ = w.Close()
	}()
	c, err := Load(fmt.Sprintf("/dev/fd/%d", r.Fd()), os.Getenv)
	if err != nil || c.Listen != "127.0.0.1:7777" {
		t.Errorf("Load of a pipe = %v, %v", c, err)
	}
}
