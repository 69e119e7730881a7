package dashboard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readSource returns the source of the package without its tests.
func readSource(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// TestFilesAreSmall keeps what a browser loads within the sizes of the design.
func TestFilesAreSmall(t *testing.T) {
	for pattern, most := range map[string]int64{"static/*.css": 12 << 10, "static/*.js": 15 << 10} {
		files, _ := filepath.Glob(pattern)
		var size int64
		for _, f := range files {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			size += info.Size()
		}
		if size > most || size == 0 {
			t.Errorf("%s has %d bytes, want at most %d", pattern, size, most)
		}
	}
}
