package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestDocumentIsUpToDate compares the files with what the types of the replies make of them.
func TestDocumentIsUpToDate(t *testing.T) {
	t.Parallel()
	root := "../../../../.."
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		now, err := os.ReadFile(filepath.Join(root, folder, name))
		if err != nil || !bytes.Equal(now, text) {
			t.Errorf("%s is out of date (%v): run go run ./%s/generate", name, err, folder)
		}
	}
}
