package demo

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are like those that callers send; their examples must be valid.
var schemas = []string{
	`{"type":"object","properties":{"city":{"type":"string"},"degrees":{"type":"number"}},"required":["city","degrees"],"additionalProperties":false}`,
	`{"type":"object","properties":{"steps":{"type":"array","minItems":2,"items":{"$ref":"#/$defs/step"}}},"required":["steps"],
	  "$defs":{"step":{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":9},"done":{"type":"boolean"}},"required":["n","done"]}}}`,
	`{"type":"object","properties":{"a":{"anyOf":[{"type":"string","format":"date-time"},{"type":"null"}]},"b":{"type":["integer","null"]},"c":{"const":"x"},
	  "d":{"enum":[3,4]},"e":{"type":"string","minLength":9,"maxLength":9},"f":{"type":"null"},"g":{"type":"number","exclusiveMinimum":4}},"required":["a","b","c","d","e","f","g"]}`,
	`{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"integer","maximum":-5}},"required":["b"]}]}`,
	`{"type":"object","properties":{"u":{"type":"string","format":"uuid"},"m":{"type":"string","format":"email"},"l":{"oneOf":[{"items":{"type":"integer"}}]},
	  "k":{"type":"integer","multipleOf":7},"x":{"type":"number","exclusiveMaximum":0},"o":{"type":"object"}},"required":["u","m","l","k","x","o"]}`,
	`{"type":"string","maxLength":2}`,
	`{"type":"array","items":{"type":"string"}}`,
	`{"type":"object","properties":{"a/b":{"$ref":"#/definitions/x~1y"}},"required":["a/b"],"definitions":{"x/y":{"type":"boolean"}}}`,
	`{"type":"object"}`,
	`true`,
	`{}`,
}

func TestExamplesFitTheirSchema(t *testing.T) {
	for _, schema := range schemas {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		if err := compiler.AddResource("schema.json", doc); err != nil {
			t.Fatal(err)
		}
		compiled, err := compiler.Compile("schema.json")
		if err != nil {
			t.Fatal(err)
		}
		got := example(json.RawMessage(schema))
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(got))
		if err != nil {
			t.Fatalf("example of %s is %q: %v", schema, got, err)
		}
		if err := compiled.Validate(value); err != nil {
			t.Errorf("example of %s is %s: %v", schema, got, err)
		}
	}
}

func FuzzExample(f *testing.F) {
	for _, s := range schemas {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"$ref":"#"}`))
	f.Add([]byte(`{"type":"array","minItems":1e9,"items":{"$ref":"#"}}`))
	f.Add([]byte(`{"type":"string","minLength":1e18}`))
	f.Fuzz(func(t *testing.T, schema []byte) {
		got := example(schema)
		if !json.Valid([]byte(got)) || len(got) > 1<<20+8*len(schema)*maxNodes {
			t.Errorf("example of %q is %d bytes: %.100q", schema, len(got), got)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"model":"demo","messages":[{"role":"user","content":[{"text":"x"}]}],"tools":[{}],"tool_choice":"required"}`))
	f.Add([]byte(`{"model":"demo-fail-500","messages":[{}],"metadata":{"demo_fault":1},"max_tokens":-1}`))
	f.Add([]byte(`{"model":"demo","messages":[{"role":"user","content":"é\ud800"}],"max_tokens":1,"n":-5}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := parse(body)
		if err != nil {
			return
		}
		r := compose(q)
		if len(r.pieces) == 0 || r.size > q.limit() || r.finish == "" || r.size < 0 {
			t.Errorf("reply to %q = %+v", body, r)
		}
	})
}
