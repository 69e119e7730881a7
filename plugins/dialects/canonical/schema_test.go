package canonical

import (
	"strings"
	"testing"
)

// TestResolve looks up references within a schema. What does not exist is nil.
func TestResolve(t *testing.T) {
	s := Resolver{Root: Value(`{"$defs":{"A":{"type":"string"},"a/b~c":{"type":"null"}},"anyOf":[{"title":"first"},{"title":"second"}],"properties":{"x":{"$ref":"#/$defs/A"}}}`)}
	for ref, want := range map[string]string{
		"#":                   string(s.Root),
		"#/$defs/A":           `{"type":"string"}`,
		"#/$defs/a~1b~0c":     `{"type":"null"}`,
		"#/anyOf/1":           `{"title":"second"}`,
		"#/properties/x":      `{"$ref":"#/$defs/A"}`,
		"#/anyOf/1/title":     `"second"`,
		"#/$defs/B":           "",
		"#/anyOf/2":           "",
		"#/anyOf/01":          "",
		"#/anyOf/1x":          "",
		"#/anyOf/x":           "",
		"#/anyOf/":            "",
		"#/anyOf/1000":        "",
		"#$defs/A":            "",
		"https://example.com": "",
		"":                    "",
	} {
		if got := string(s.Resolve([]byte(ref))); got != want {
			t.Errorf("Resolve(%q) = %s, want %s", ref, got, want)
		}
	}
}

// TestWriteInlined replaces references where schemas stand, and nowhere else.
func TestWriteInlined(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"object"}`: `{"type":"object"}`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b","title":"A"},"b":{"type":"string","title":"B","description":"b"}},"description":"own"}`: `{"description":"own","title":"A","type":"string"}`,
		`{"properties":{"$ref":{"type":"string"},"$defs":{"$ref":"#/definitions/x"}},"definitions":{"x":{"const":1}}}`:                                `{"properties":{"$ref":{"type":"string"},"$defs":{"const":1}}}`,
		`{"anyOf":[{"$ref":"#/$defs/x"},true],"items":{"$ref":"#/$defs/x"},"enum":[{"$ref":"#/$defs/x"}],"$defs":{"x":{"type":"null"}}}`:              `{"anyOf":[{"type":"null"},true],"items":{"type":"null"},"enum":[{"$ref":"#/$defs/x"}]}`,
	} {
		var w Writer
		s := Resolver{Root: Value(in)}
		if ok := s.WriteInlined(&w); !ok || string(w.B) != want {
			t.Errorf("%s became %s, %t; want %s", in, w.B, ok, want)
		}
	}
	// Each definition refers twice to the next one.
	var grows strings.Builder
	grows.WriteString(`{"$ref":"#/$defs/0","$defs":{`)
	for i := range 20 {
		n := string(rune('a' + i))
		next := string(rune('a' + i + 1))
		if i == 0 {
			n = "0"
		}
		grows.WriteString(`"` + n + `":{"anyOf":[{"$ref":"#/$defs/` + next + `"},{"$ref":"#/$defs/` + next + `"}]},`)
	}
	grows.WriteString(`"u":{}}}`)
	var w Writer
	if s := (Resolver{Root: Value(grows.String())}); s.WriteInlined(&w) || len(w.B) > 1<<20 {
		t.Errorf("a schema that doubles 20 times became %d bytes", len(w.B))
	}
}
