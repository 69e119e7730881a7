//go:build unix

package wasm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheCacheFolderMustBelongToTheUser tries the ways in which another user's machine code
// could be run.
func TestTheCacheFolderMustBelongToTheUser(t *testing.T) {
	root := os.Geteuid() == 0
	do := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	const other = 12345 // a user
	for _, c := range []struct {
		name  string
		needs bool
		make  func(base, dir string)
		want  string // empty: it is fine
	}{
		{"one that is not there yet", true, func(string, string) {}, ""},
		{"one's own", true, func(_, dir string) { do(os.Mkdir(dir, 0o700)) }, ""},
		{"readable", true, func(_, dir string) { do(os.Mkdir(dir, 0o755)) }, ""},
		{"writable for all", true, func(_, dir string) { do(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)) }, "chmod 700"},
		{"writable for a group", true, func(_, dir string) { do(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770)) }, "chmod 700"},
		{"sticky is not enough for itself", true, func(_, dir string) { do(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777|os.ModeSticky)) }, "chmod 700"},
		{"a link", true, func(base, dir string) {
			do(os.Mkdir(filepath.Join(base, "real"), 0o700), os.Symlink("real", dir))
		}, "may lead elsewhere"},
		{"a parent that all can write to", true, func(base, _ string) { do(os.Chmod(base, 0o777)) }, "leads to it: run chmod go-w"},
		{"a sticky parent", true, func(base, _ string) { do(os.Chmod(base, 0o777|os.ModeSticky)) }, ""},
		{"a link in it", true, func(_, dir string) { do(os.Mkdir(dir, 0o700), os.Symlink("/etc/passwd", filepath.Join(dir, "x"))) }, "is a link"},
		{"another user's", root, func(_, dir string) { do(os.Mkdir(dir, 0o700), os.Chown(dir, other, other)) }, "belongs to another user"},
		{"another user's parent", root, func(base, _ string) { do(os.Chown(base, other, other)) }, "leads to it, belongs to another user"},
		{"another user's file in it", root, func(_, dir string) {
			file := filepath.Join(dir, "code")
			do(os.Mkdir(dir, 0o700), os.WriteFile(file, nil, 0o600), os.Chown(file, other, other))
		}, "another user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.needs {
				t.Skip("only root can give files away")
			}
			base := filepath.Join(t.TempDir(), "base")
			do(os.Mkdir(base, 0o700))
			dir := filepath.Join(base, "cache")
			c.make(base, dir)
			err := makePrivate(dir)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("private: %v, want %q", err, c.want)
			}
			if _, err := NewHost(Options{CacheDir: dir}); (err == nil) != (c.want == "") {
				t.Errorf("NewHost: %v", err)
			}
		})
	}
}

func TestALinkOfTheUserInThePathIsFollowed(t *testing.T) {
	base := t.TempDir()
	if err := os.MkdirAll(filepath.Join(base, "real", "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(base, "home")
	if err := os.Symlink(filepath.Join("real", "home"), link); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(filepath.Join(link, "cache")); err != nil {
		t.Errorf("behind a link: %v", err)
	}
	if err := os.Chmod(filepath.Join(base, "real"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(filepath.Join(link, "cache")); err == nil {
		t.Error("a link into a folder where all can write is trusted")
	}
}
