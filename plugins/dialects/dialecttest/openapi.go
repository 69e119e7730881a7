package dialecttest

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a schema of OpenAI's own description of its API.
type Schema struct{ schema *jsonschema.Schema }

// OpenAPI compiles a schema of the description that lies beside the repository, once. Without
// it it skips the test.
func OpenAPI(t testing.TB, name string) Schema {
	t.Helper()
	if known, ok := compiled.Load(name); ok {
		return known.(Schema)
	}
	s := compile(t, name)
	compiled.Store(name, s)
	return s
}

// compiled are the schemas by their names.
var compiled sync.Map

func compile(t testing.TB, name string) Schema {
	t.Helper()
	path := filepath.Join(shared(t), "openapi", "openai.openapi.json")
	description, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("no description of OpenAI's API: %v", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(description))
	if err != nil {
		t.Fatal(err)
	}
	loosen(doc)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openai.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("openai.json#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return Schema{schema}
}

// loosen takes out what can't be checked, choices of which several hold, such as the kinds of
// messages, and a member of an older draft; and it puts what is nullable in today's words.
func loosen(v any) {
	switch v := v.(type) {
	case map[string]any:
		if choice, ok := v["oneOf"]; ok {
			delete(v, "oneOf")
			v["anyOf"] = choice
		}
		delete(v, "$recursiveAnchor")
		if kind, one := v["type"].(string); one && v["nullable"] == true {
			v["type"] = []any{kind, "null"}
			if enum, ok := v["enum"].([]any); ok {
				v["enum"] = append(enum, nil)
			}
		}
		for _, member := range v {
			loosen(member)
		}
	case []any:
		for _, item := range v {
			loosen(item)
		}
	}
}

// Check reports what of a JSON text does not satisfy the schema.
func (s Schema) Check(t testing.TB, text []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = s.schema.Validate(v)
	}
	if err != nil {
		t.Errorf("%s\n%v", text[:min(len(text), 3000)], err)
	}
}
