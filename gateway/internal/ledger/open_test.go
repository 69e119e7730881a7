package ledger

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(t.Context(), "sqlite://"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mustWrite(t, l, record("x"))
	for _, f := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(f), mode)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "sqlite://" + path
	}
	newer := "sqlite://" + filepath.Join(dir, "newer.db")
	l, err := Open(t.Context(), newer, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.DB().Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"penstock.db":          "want sqlite://PATH",
		"postgres://localhost": "want sqlite://PATH",
		"sqlite://":            "the path is missing",
		file("text.db", strings.Repeat("this is not a database", 100)): "not a SQLite database",
		"sqlite://" + filepath.Join(dir, "no/such/dir.db"):             "does not exist; create it first",
		"sqlite://" + dir: "is a directory",
		newer:             "newer penstock (schema 99",
	} {
		l, err := Open(t.Context(), url, Options{})
		if err == nil {
			l.Close()
			t.Errorf("Open(%q) succeeded, want an error with %q", url, want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q) = %v, want %q in it", url, err, want)
		}
	}
}
