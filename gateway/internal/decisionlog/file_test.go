package decisionlog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/decisionlog"
)

func openFile(t *testing.T, path string, o decisionlog.FileOptions) *decisionlog.File {
	t.Helper()
	f, err := decisionlog.OpenFile(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, f *decisionlog.File, texts ...string) {
	t.Helper()
	var lines []decisionlog.Line
	for _, text := range texts {
		lines = append(lines, decisionlog.Line{JSON: []byte(text)})
	}
	if n, reason, err := f.Write(t.Context(), lines); n > 0 || err != nil {
		t.Fatalf("Write(%q) dropped %d: %s, %v", texts, n, reason, err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFileIsRotatedBySize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.jsonl")
	f := openFile(t, path, decisionlog.FileOptions{MaxSize: 10, Keep: 2})
	write(t, f, "aaaa", "bbbb", "cccc") // the second one fills it
	write(t, f, "dddd", "eeee", "ffff", "gggg")
	for name, want := range map[string]string{"": "gggg\n", ".1": "eeee\nffff\n", ".2": "cccc\ndddd\n"} {
		if got := read(t, path+name); got != want {
			t.Errorf("d.jsonl%s holds %q, want %q", name, got, want)
		}
	}
	if _, err := os.Stat(path + ".3"); !os.IsNotExist(err) {
		t.Errorf("a third old file is kept: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v; want 0600", info.Mode(), err)
	}
}

// What other programs do to the file: logrotate renames or truncates it, people delete it.
func TestFileIsFoundAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.jsonl")
	f := openFile(t, path, decisionlog.FileOptions{})
	write(t, f, "one")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two")
	if old, now := read(t, path+".old"), read(t, path); old != "one\n" || now != "two\n" {
		t.Errorf("after a rename: %q and %q", old, now)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, f, "three")
	if now := read(t, path); now != "three\n" {
		t.Errorf("after truncating: %q", now)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "four")
	if now := read(t, path); now != "four\n" {
		t.Errorf("after deleting: %q", now)
	}
}

// A file that cannot be written loses lines until it can.
func TestFileRecovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logs", "d.jsonl")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	f := openFile(t, path, decisionlog.FileOptions{Log: textLog(&log)})
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		lines := []decisionlog.Line{{JSON: []byte("a")}, {JSON: []byte("b")}}
		if n, reason, err := f.Write(t.Context(), lines); n != 2 || reason != "write_failed" || err == nil {
			t.Fatalf("Write %d = %d, %s, %v", i, n, reason, err)
		}
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f, "c")
	if got := read(t, path); got != "c\n" {
		t.Errorf("the file holds %q", got)
	}
	if n, again := strings.Count(log.String(), "cannot be written"), strings.Count(log.String(), "written again"); n != 1 || again != 1 {
		t.Errorf("logged %d failures and %d recoveries, want 1 and 1:\n%s", n, again, log.String())
	}
}

func TestStream(t *testing.T) {
	var b bytes.Buffer
	s := decisionlog.NewStream("stderr", &b)
	if n, _, err := s.Write(t.Context(), []decisionlog.Line{{JSON: []byte("a")}, {JSON: []byte("b")}}); n != 0 || err != nil || b.String() != "a\nb\n" {
		t.Errorf("Write = %d, %v and wrote %q", n, err, b.String())
	}
	broken := decisionlog.NewStream("stderr", brokenWriter{})
	if n, reason, err := broken.Write(t.Context(), []decisionlog.Line{{}}); n != 1 || reason != "write_failed" || err == nil {
		t.Errorf("Write = %d, %s, %v", n, reason, err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, fmt.Errorf("closed") }
