package generated

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestFinish(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	if err := Finish(path, []byte("a"), true, "make x"); err == nil {
		t.Error("a file that is not there is up to date")
	}
	if err := Finish(path, []byte("a"), false, "make x"); err != nil {
		t.Fatal(err)
	}
	if err := Finish(path, []byte("a"), true, "make x"); err != nil {
		t.Errorf("the same content: %v", err)
	}
	if err := Finish(path, []byte("b"), true, "make x"); err == nil || !strings.HasSuffix(err.Error(), "x.json is out of date: run make x") {
		t.Errorf("another content: %v", err)
	}
}
