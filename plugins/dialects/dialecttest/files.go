package dialecttest

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the wanted files of testdata")

// Golden compares got with a file of testdata, or rewrites the file with -update.
func Golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Inputs returns the files of a pattern, of which there must be some.
func Inputs(t testing.TB, pattern string) []string {
	t.Helper()
	ins, err := filepath.Glob(pattern)
	if err != nil || len(ins) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(ins), err)
	}
	return ins
}

// Indent returns JSON as golden files hold it.
func Indent(t *testing.T, v []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, v, "", "  "); err != nil {
		t.Fatalf("%s: %v", v, err)
	}
	return append(b.Bytes(), '\n')
}

// Encode returns v as JSON without escapes for HTML.
func Encode(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Compact returns a JSON object in one spelling. It fails the test when s is none.
func Compact(t testing.TB, s string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%q is not a JSON object: %v", s, err)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// Recording is one real exchange with a provider.
type Recording struct {
	Path     string            `json:"-"`
	Endpoint string            `json:"endpoint"`
	Provider string            `json:"provider"`
	Model    string            `json:"model"`
	URLPath  string            `json:"url_path"`
	Status   int               `json:"status"`
	Stream   bool              `json:"stream"`
	Request  string            `json:"request_body"`
	Headers  map[string]string `json:"response_headers"`
	Response string            `json:"response_body"`
}

// shared is the folder beside the repository with the data that tests read.
func shared(t testing.TB) string {
	t.Helper()
	root, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(root, "go.mod")); missing == nil || root == "/" {
			break
		}
		root = filepath.Dir(root)
	}
	return filepath.Join(root, "..", "shared")
}

// Recordings reads those of one provider and endpoint from beside the repository. Without any
// it skips the test.
func Recordings(t testing.TB, provider, endpoint string) []Recording {
	t.Helper()
	dir := filepath.Join(shared(t), "recordings", provider)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no recordings: %v", err)
	}
	var found []Recording
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		r := Recording{Path: path}
		if err := json.Unmarshal(data, &r); err != nil {
			return err
		}
		if r.Endpoint == endpoint {
			found = append(found, r)
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("recordings of %s %s: %d found, %v", provider, endpoint, len(found), err)
	}
	return found
}

// ParseSSE reads the events of a recorded stream.
func ParseSSE(body string) []Event {
	var events []Event
	for block := range strings.SplitSeq(strings.ReplaceAll(body, "\r\n", "\n"), "\n\n") {
		var e Event
		for line := range strings.SplitSeq(block, "\n") {
			if name, ok := strings.CutPrefix(line, "event:"); ok {
				e.Name = strings.TrimSpace(name)
			}
			if data, ok := strings.CutPrefix(line, "data:"); ok {
				e.Data = strings.TrimSpace(data)
			}
		}
		if e.Data != "" {
			events = append(events, e)
		}
	}
	return events
}

// CheckStored checks that values can be stored as their memory: that their types hold no
// pointers.
func CheckStored(t *testing.T, values ...any) {
	t.Helper()
	for _, v := range values {
		checkStored(t, reflect.TypeOf(v))
	}
}

func checkStored(t *testing.T, typ reflect.Type) {
	t.Helper()
	switch kind := typ.Kind(); {
	case kind == reflect.Struct:
		for i := range typ.NumField() {
			checkStored(t, typ.Field(i).Type)
		}
	case kind == reflect.Array:
		checkStored(t, typ.Elem())
	case kind < reflect.Bool || kind > reflect.Complex128 || kind == reflect.Uintptr:
		t.Errorf("%s holds pointers, and is stored as its memory", typ)
	}
}
