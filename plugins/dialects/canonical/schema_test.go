package canonical

import "testing"

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
