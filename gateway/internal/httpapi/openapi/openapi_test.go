package openapi

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestDocumentIsOpenAPI validates the document against the specification's own schema, and every
// reference in it.
func TestDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	meta, err := os.Open("testdata/oas31.json")
	if err != nil {
		t.Fatal(err)
	}
	defer meta.Close()
	schema, err := jsonschema.UnmarshalJSON(meta)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	const at = "https://spec.openapis.org/oas/3.1/schema/2022-10-07"
	if err := c.AddResource(at, schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(at)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSON()))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(document); err != nil {
		t.Error(err)
	}
	references := 0
	checkReferences(t, document, document, &references)
	if references < 100 {
		t.Errorf("only %d references were followed", references)
	}
}

// checkReferences follows every $ref below v, and compiles no more: each schema is compiled by
// the test that sends the examples.
func checkReferences(t *testing.T, document, v any, followed *int) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			*followed++
			at := document
			for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
				members, _ := at.(map[string]any)
				at = members[name]
			}
			if at == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		for _, inner := range v {
			checkReferences(t, document, inner, followed)
		}
	case []any:
		for _, inner := range v {
			checkReferences(t, document, inner, followed)
		}
	}
}

func TestParsed(t *testing.T) {
	t.Parallel()
	d := Parsed()
	names := map[string]bool{}
	for _, tag := range d.Tags {
		names[tag.Name] = false
	}
	for _, op := range d.Operations {
		if op.Summary == "" || op.ID == "" || !op.Data && !op.Admin || len(op.Responses) == 0 {
			t.Errorf("%s %s lacks something: %+v", op.Method, op.Path, op)
		}
		if op.Body != nil && op.Body.Content["application/json"].Example == nil {
			t.Errorf("%s %s has no example", op.Method, op.Path)
		}
		if _, known := names[op.Tags[0]]; !known {
			t.Errorf("%s %s has the tag %s, which is not declared", op.Method, op.Path, op.Tags[0])
		}
		names[op.Tags[0]] = true
	}
	for name, used := range names {
		if !used {
			t.Errorf("no operation has the tag %s", name)
		}
	}
	if len(d.Operations) < 60 || len(d.Schemas) < 40 {
		t.Errorf("%d operations and %d schemas", len(d.Operations), len(d.Schemas))
	}
	if _, err := parse([]byte("{")); err == nil {
		t.Error("half a document is parsed")
	}
	if !json.Valid(JSON()) || !bytes.HasPrefix(YAML(), []byte("openapi: 3.1.0\n")) {
		t.Error("the documents do not begin as they should")
	}
}
