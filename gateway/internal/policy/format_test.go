package policy

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	unformatted = "package penstock\n# why\ndeny   contains {\"code\":\"x\",\"message\":\"m\"} if {\n  input.request.model==\"x\"\n}\n"
	formatted   = "package penstock\n\n# why\ndeny contains {\"code\": \"x\", \"message\": \"m\"} if {\n\tinput.request.model == \"x\"\n}\n"
)

func TestFormatFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a.rego"), filepath.Join(dir, "link.rego")
	if err := errors.Join(os.WriteFile(path, []byte(unformatted), 0o640), os.Symlink("a.rego", link)); err != nil {
		t.Fatal(err)
	}
	for _, write := range []bool{false, true} {
		before, after, err := FormatFile(link, write)
		if err != nil || string(before) != unformatted {
			t.Fatalf("FormatFile(link, %v) = %q, _, %v", write, before, err)
		}
		if d := cmp.Diff(formatted, string(after)); d != "" {
			t.Error(d)
		}
		want := map[bool]string{false: unformatted, true: formatted}[write]
		if has, _ := os.ReadFile(path); string(has) != want {
			t.Errorf("after FormatFile(link, %v) the file has %q, want %q", write, has, want)
		}
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("the file has the mode %v, want 0640, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("the folder has %v, want the file and the link", entries)
	}
}

func TestFormatLeavesWhatDoesNotParse(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "package penstock\nx if {", "package p\nallow { true }\n", "\x00\xff", "package p\n\"" + string(make([]byte, 100))} {
		path := filepath.Join(t.TempDir(), "a.rego")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var faults Faults
		if _, _, err := FormatFile(path, true); !errors.As(err, &faults) || faults[0].File != path {
			t.Errorf("FormatFile(%q) = %v, want faults with the file's name", text, err)
		}
		if has, _ := os.ReadFile(path); string(has) != text {
			t.Errorf("the file of %q has %q now", text, has)
		}
	}
}

// What has been formatted stays as it is.
func FuzzFormat(f *testing.F) {
	f.Add(unformatted)
	f.Add("package p\nimport data.b\nimport data.a\nx[1] = 2 if input[\"a\"].b\nelse := 3")
	f.Fuzz(func(t *testing.T, text string) {
		once, err := Format("a.rego", []byte(text))
		if err != nil {
			return
		}
		if _, err := Format("a.rego", once); err != nil {
			t.Errorf("what Format has made of %q is refused: %v", text, err)
		}
	})
}

// The policies that come with the gateway are formatted.
func TestOwnPoliciesAreFormatted(t *testing.T) {
	t.Parallel()
	files, err := RegoFiles(t.Context(), []string{filepath.Join("..", "..", "..", "policies")})
	if err != nil || len(files) < 5 {
		t.Fatalf("RegoFiles(policies) = %v, %v", files, err)
	}
	for _, path := range files {
		before, after, err := FormatFile(path, false)
		if d := cmp.Diff(string(after), string(before)); d != "" || err != nil {
			t.Errorf("%s is not formatted, %v: penstock policy fmt policies\n%s", path, err, d)
		}
	}
}
