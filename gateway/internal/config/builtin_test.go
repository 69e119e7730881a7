package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTextsNameTheBuiltIns compares what people read with the lists of the built-in module:
// the comments that become the schema's descriptions, and the example.
func TestTextsNameTheBuiltIns(t *testing.T) {
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	line := func(text, beginning string) string {
		_, rest, ok := strings.Cut(text, beginning)
		if !ok {
			t.Errorf("nothing begins with %q", beginning)
		}
		line, _, _ := strings.Cut(rest, "\n")
		return line
	}
	var dialects []string
	for _, d := range builtinDialects() {
		dialects = append(dialects, string(d))
	}
	for _, text := range []struct {
		where, line string
		names       []string
	}{
		{"the schema's router", line(string(schema), "Ranks the targets: "), builtinRouters()},
		{"the example's router", line(exampleFile, "\n    router: "), builtinRouters()},
		{"the schema's dialect", line(string(schema), "The wire format: "), dialects},
	} {
		for _, name := range text.names {
			if !strings.Contains(text.line, name) {
				t.Errorf("%s is %q, without %s", text.where, text.line, name)
			}
		}
	}
}

// TestKnownDialectsAreBuiltIn holds that no well-known provider, and no dialect that the
// gateway knows natively, is missing from the built-in ones or is one of later versions.
func TestKnownDialectsAreBuiltIn(t *testing.T) {
	native := []llm.Dialect{llm.OpenAI, llm.Anthropic}
	for _, p := range KnownProviders() {
		native = append(native, p.Dialect)
	}
	for _, d := range native {
		if !slices.Contains(builtinDialects(), d) {
			t.Errorf("%s is not a built-in dialect", d)
		}
	}
	for _, name := range plannedDialects() {
		if slices.Contains(builtinDialects(), llm.Dialect(name)) {
			t.Errorf("%s is built in and planned", name)
		}
	}
}
