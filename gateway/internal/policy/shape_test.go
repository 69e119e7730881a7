package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// TestPublishedSchemasAreGenerated compares the files with what is declared in Go.
func TestPublishedSchemasAreGenerated(t *testing.T) {
	for file, want := range map[string][]byte{"input.json": InputSchema(), "decision.json": DecisionSchema()} {
		have, err := os.ReadFile("../../../policies/schema/" + file)
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("policies/schema/%s differs (%v); run go run ./gateway/internal/policy/generate", file, err)
		}
	}
}

// decisionSchema compiles the published schema of the decision.
func decisionSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(DecisionSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("decision.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("decision.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wholeDecision has every member that there is.
const wholeDecision = `{"allow": false, "reasons": [{"code": "x", "message": "y", "status": 403, "retry_after_s": 5}], "warnings": ["w"],
"limits": [{"name": "n", "scope": "s", "unit": "usd", "window": "day", "max": 1.5, "on_exceed": "warn"}],
"obligations": {"max_output_tokens": 5, "allow_targets": ["a"], "deny_targets": ["b"], "data_classes": ["c"], "regions": ["eu"], "route": "m", "model": "m",
"cache": {"mode": "force", "ttl_s": 60, "scope": "team:a"}, "tags": {"a": "b"}, "headers": {"x-a": "b"}, "log": "none"}}`

// TestSchemaAndDecoderHaveTheSameMembers decodes a decision in which nothing of the schema is
// absent, and which is refused with one member more in any object.
func TestSchemaAndDecoderHaveTheSameMembers(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(DecisionSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	v := decoded(t, wholeDecision)
	for _, path := range absent(schema, v, "decision") {
		t.Errorf("%s is in the schema, not in the decision", path)
	}
	if err := decisionSchema(t).Validate(v); err != nil {
		t.Errorf("the schema refuses it: %v", err)
	}
	if _, err := decodeDecision(ast.MustInterfaceToValue(v)); err != nil {
		t.Errorf("the decoder refuses it: %v", err)
	}
	for at := range len(wholeDecision) {
		if wholeDecision[at] != '{' || strings.HasSuffix(wholeDecision[:at], `"tags": `) || strings.HasSuffix(wholeDecision[:at], `"headers": `) {
			continue
		}
		more := decoded(t, wholeDecision[:at+1]+`"zz": 1, `+wholeDecision[at+1:])
		_, err := decodeDecision(ast.MustInterfaceToValue(more))
		if err == nil || !strings.Contains(err.Error(), "zz: unknown; known are") || decisionSchema(t).Validate(more) == nil {
			t.Errorf("with a member more at %d: %v", at, err)
		}
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// TestDecoderKeepsToTheSchema draws decisions in the schema's shape with odd values in odd places:
// what the decoder accepts, the schema accepts.
func TestDecoderKeepsToTheSchema(t *testing.T) {
	schema, s := decisionSchema(t), decisionDocument().shape
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(anyOfShape(t, &s, "decision"))
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeDecision(ast.MustInterfaceToValue(v)); err == nil {
			accepted++
			if err := schema.Validate(v); err != nil {
				t.Fatalf("the decoder accepts %s, the schema does not: %v", raw, err)
			}
		}
	})
	if accepted == 0 {
		t.Error("no decision was accepted")
	}
}

// anyOfShape draws a value of a shape, or now and then another one.
func anyOfShape(t *rapid.T, s *shape, path string) any {
	if rapid.IntRange(0, 60).Draw(t, path+" odd") == 0 {
		return rapid.SampledFrom([]any{nil, true, 0, -1, 1.5, 1e12, "", "x", "a\u0000b", []any{}, map[string]any{}, []any{"x"}, map[string]any{"x": 1}}).Draw(t, path)
	}
	switch s.kind {
	case "object":
		return anyObject(t, s, path)
	case "array":
		list := []any{}
		for range rapid.IntRange(0, 2).Draw(t, path+" items") {
			list = append(list, anyOfShape(t, s.items, path+"[]"))
		}
		return list
	case "string":
		if s.enum != nil {
			return rapid.SampledFrom(s.enum).Draw(t, path)
		}
		return rapid.SampledFrom([]string{"day", "x", "5h"}).Draw(t, path)
	case "boolean":
		return rapid.Bool().Draw(t, path)
	}
	return rapid.SampledFrom([]int{400, 599, 1, 60}).Draw(t, path)
}

func anyObject(t *rapid.T, s *shape, path string) any {
	v := map[string]any{}
	if s.rest != nil {
		v["x-a"] = anyOfShape(t, s.rest, path+".x-a")
	}
	for i := range s.members {
		m := &s.members[i]
		if m.required || rapid.Bool().Draw(t, path+"."+m.name+"?") {
			v[m.name] = anyOfShape(t, &m.shape, path+"."+m.name)
		}
	}
	return v
}
