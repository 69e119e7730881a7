package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The bill of this very test has the modules of the tests, twice the same.
func TestBill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := run([]string{self, "v1.2.3+dirty"}, out); err != nil {
			t.Fatal(err)
		}
	}
	var b bill
	if err := json.Unmarshal(first.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) || b.SpecVersion != "1.6" || b.Metadata.Component.Name != "github.com/penstock/penstock" ||
		b.Metadata.Component.PURL != "pkg:golang/github.com/penstock/penstock@v1.2.3%2Bdirty" {
		t.Errorf("the bill is %s", &first)
	}
	if !slices.ContainsFunc(b.Components, func(c component) bool { return c.Name == "stdlib" && c.Version != "" }) {
		t.Errorf("the standard library is not in it: %s", &first)
	}
}

func TestBillFaults(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {text}, {text, "v1"}, {text + ".gone", "v1"}} {
		var out bytes.Buffer
		if err := run(args, &out); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v and %q", args, err, &out)
		}
	}
}
