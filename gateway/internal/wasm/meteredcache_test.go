package wasm

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
)

// meteredFiles are the files with metered code in dir.
func meteredFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+meteredSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestMeteredCodeIsKept loads a module again and again: from nothing, from its kept code, which
// another kept code stands in for to show that it is used, and from broken files.
func TestMeteredCodeIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	h, said := cached(t, dir, nil)
	want := prepareEcho(t, h)
	files := meteredFiles(t, dir)
	if len(files) != 1 {
		t.Fatalf("the cache has %q, want one file with metered code", files)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	other := append([]byte(nil), want...)
	other = append(other, 0, 1, 0) // an empty custom section
	check := sha256.Sum256(other)
	for _, c := range []struct {
		name       string
		file, want []byte
	}{
		{"whole", good, want},
		{"another code with its digest", append(check[:], other...), other},
		{"cut", good[:len(good)-1], want},
		{"a byte changed", append(append([]byte(nil), good[:len(good)-1]...), ^good[len(good)-1]), want},
		{"shorter than a digest", good[:5], want},
		{"empty", nil, want},
	} {
		if err := os.WriteFile(files[0], c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := prepareEcho(t, h); !bytes.Equal(got, c.want) {
			t.Errorf("%s: other code than wanted was loaded", c.name)
		}
	}
	if now, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(now, good) {
		t.Errorf("the broken file was not mended: %v", err)
	}
	if said.Len() > 0 {
		t.Errorf("the log has %s", said)
	}
}

// TestMeteredCodeDependsOnTheFormOfThePass keeps code of one form from being used for another.
func TestMeteredCodeDependsOnTheFormOfThePass(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	h, _ := cached(t, dir, nil)
	charged := prepareEcho(t, h)
	h.charging = fuel.Nothing
	if bytes.Equal(prepareEcho(t, h), charged) {
		t.Error("a module without charges got the code of one with them")
	}
}

func prepareEcho(t *testing.T, h *Host) []byte {
	t.Helper()
	p, err := h.prepare(Spec{Name: "echo", Wasm: asm.Echo().Bytes()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.code
}

func TestTheCompileCacheIsBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	h, _ := cached(t, dir, nil)
	write := func(name string, days, size int) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().AddDate(0, 0, -days)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("wazero-x/old", 90, 400)
	write("older"+meteredSuffix, 100, 400)
	write("wazero-x/young", 1, 400)
	write("young"+meteredSuffix, 0, 100)
	for _, c := range []struct {
		most int64
		left int64
	}{{1300, 1300}, {1299, 500}, {499, 100}} {
		h.cache.prune(c.most)
		var left int64
		for _, pattern := range []string{"*", "wazero-x/*"} {
			files, _ := filepath.Glob(filepath.Join(dir, pattern))
			for _, f := range files {
				if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
					left += info.Size()
				}
			}
		}
		if left != c.left {
			t.Errorf("with at most %d bytes, %d are left, want %d", c.most, left, c.left)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "young"+meteredSuffix)); err != nil {
		t.Errorf("the file used last is gone: %v", err)
	}
}
