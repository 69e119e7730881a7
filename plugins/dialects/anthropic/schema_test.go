package anthropic_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// checkStrict checks that Anthropic's structured outputs take a schema.
func checkStrict(t testing.TB, path string, v any) {
	t.Helper()
	schema, ok := v.(map[string]any)
	if !ok {
		t.Errorf("%s is %v, want a schema", path, v)
		return
	}
	_, typed := schema["type"]
	_, chosen := schema["anyOf"]
	_, referred := schema["$ref"]
	if !typed && !chosen && !referred {
		t.Errorf("%s has neither type nor anyOf nor $ref", path)
	}
	for key, member := range schema {
		at := path + "." + key
		switch key {
		case "$defs", "definitions", "properties":
			for name, inner := range member.(map[string]any) {
				checkStrict(t, at+"."+name, inner)
			}
		case "items":
			checkStrict(t, at, member)
		case "anyOf":
			for i, inner := range member.([]any) {
				checkStrict(t, fmt.Sprintf("%s[%d]", at, i), inner)
			}
		case "additionalProperties":
			if member != false {
				t.Errorf("%s is %v", at, member)
			}
		case "minItems":
			if member != 0.0 && member != 1.0 {
				t.Errorf("%s is %v", at, member)
			}
		case "enum":
			for _, one := range member.([]any) {
				switch one.(type) {
				case map[string]any, []any:
					t.Errorf("%s holds %v", at, one)
				}
			}
		case "type", "required", "const", "title", "description", "format", "$ref":
		default:
			t.Errorf("%s is refused", at)
		}
	}
	if hasType(schema, "object") && schema["additionalProperties"] != false {
		t.Errorf("%s lacks additionalProperties: false", path)
	}
}

func hasType(schema map[string]any, name string) bool {
	list, _ := schema["type"].([]any)
	for _, one := range append(list, schema["type"]) {
		if one == name {
			return true
		}
	}
	return false
}

// checkSchemas checks a request's schemas: the answer's, and the tools'.
func checkSchemas(t testing.TB, body []byte) {
	t.Helper()
	var r struct {
		Output struct {
			Format struct{ Schema any }
		} `json:"output_config"`
		Tools []struct {
			Schema map[string]any `json:"input_schema"`
			Strict bool
		}
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	if s := r.Output.Format.Schema; s != nil {
		checkStrict(t, "schema", s)
	}
	for i, tool := range r.Tools {
		if tool.Strict {
			checkStrict(t, fmt.Sprintf("tools[%d]", i), tool.Schema)
		}
		for _, choice := range []string{"anyOf", "oneOf", "allOf", "$ref"} {
			if tool.Schema[choice] != nil {
				t.Errorf("tools[%d] has %s at its top", i, choice)
			}
		}
	}
}

// formatted asks for an answer of a schema and returns the schema that Anthropic gets, empty
// when it goes into the prompt.
func formatted(t testing.TB, schema string) string {
	t.Helper()
	s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":`+schema+`}}}`)
	if err != nil {
		t.Fatal(err)
	}
	checkRules(t, s.Body)
	var r struct {
		System []struct{ Text string }
		Output struct {
			Format struct{ Schema json.RawMessage }
		} `json:"output_config"`
	}
	if err := json.Unmarshal(s.Body, &r); err != nil {
		t.Fatal(err)
	}
	got := string(r.Output.Format.Schema)
	if inPrompt := len(r.System) == 1 && len(s.Dropped) == 1 && s.Dropped[0] == "response_format"; inPrompt == (got != "") {
		t.Errorf("%s: in the prompt: %v, schema %q, dropped %v", schema, inPrompt, got, s.Dropped)
	}
	return got
}

func TestStrictSchemas(t *testing.T) {
	object := func(inner string) string {
		return `{"type":"object","properties":{"a":` + inner + `},"required":["a"]}`
	}
	for in, want := range map[string]string{
		`{"type":"integer","minimum":1,"maximum":10}`:                                              `{"type":"integer","description":"{minimum: 1, maximum: 10}"}`,
		`{"type":"integer","description":"How \"good\"","minimum":1}`:                              `{"type":"integer","description":"How \"good\"\n\n{minimum: 1}"}`,
		`{"type":"string","minLength":1,"pattern":"^\"[a-z]\\d$"}`:                                 `{"type":"string","description":"{minLength: 1, pattern: ^\"[a-z]\\d$}"}`,
		`{"type":"string","format":"date","maxLength":9}`:                                          `{"type":"string","format":"date","description":"{maxLength: 9}"}`,
		`{"type":"string","format":"color"}`:                                                       `{"type":"string","description":"{format: color}"}`,
		`{"type":"array","items":{"type":"string"},"minItems":1}`:                                  `{"type":"array","items":{"type":"string"},"minItems":1}`,
		`{"type":"array","items":{"type":"string","maxLength":2},"minItems":2,"uniqueItems":true}`: `{"type":"array","items":{"type":"string","description":"{maxLength: 2}"},"description":"{uniqueItems: true, minItems: 2}"}`,
		`{"oneOf":[{"type":"string"},{"type":"null"}]}`:                                            `{"anyOf":[{"type":"string"},{"type":"null"}]}`,
		`{"type":["string","null"],"maxLength":2}`:                                                 `{"type":["string","null"],"description":"{maxLength: 2}"}`,
		`{"type":"string","nullable":true}`:                                                        `{"type":["string","null"]}`,
		`{"enum":["x","y"]}`:                                                                       `{"type":"string","enum":["x","y"]}`,
		`{"enum":[1,2.5,null]}`:                                                                    `{"type":["number","null"],"enum":[1,2.5,null]}`,
		`{"const":null}`:                                                                           `{"type":"null","const":null}`,
		`{"minimum":2}`:                                                                            `{"type":"number","description":"{minimum: 2}"}`,
		`{"type":"string","default":"x","examples":["y"],"x-order":1}`:                             `{"type":"string","description":"{default: x, examples: [\"y\"]}"}`,
		`{"allOf":[{"type":"string","maxLength":1}],"description":"d"}`:                            `{"anyOf":[{"type":"string","description":"{maxLength: 1}"}],"description":"d"}`,
		`{"allOf":[{"type":"object","properties":{"x":{"type":"string"}},"required":["x"]},{"properties":{"y":{"minimum":1}}}]}`:   `{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"number","description":"{minimum: 1}"}},"additionalProperties":false,"required":["x"]}`,
		`{"type":"object","properties":{"x":{"type":"string"}},"anyOf":[{"required":["x"]},{"properties":{"y":{"type":"null"}}}]}`: `{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"null"}},"additionalProperties":false,"description":"{anyOf: [{\"required\":[\"x\"]},{\"properties\":{\"y\":{\"type\":\"null\"}}}]}"}`,
		`{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"minItems":2}`:                                       `{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"integer"}]},"description":"{prefixItems: [{\"type\":\"string\"},{\"type\":\"integer\"}], minItems: 2}"}`,
		`{"type":"object","additionalProperties":false}`:                                                                           `{"type":"object","properties":{},"additionalProperties":false}`,
		`{"type":"object","properties":{"x":{"type":"string"}},"additionalProperties":true}`:                                       `{"type":"object","properties":{"x":{"type":"string"}},"additionalProperties":false}`,
	} {
		want := `{"type":"object","properties":{"a":` + want + `},"additionalProperties":false,"required":["a"]}`
		if got := formatted(t, object(in)); got != want {
			t.Errorf("%s became\n%s, want\n%s", in, got, want)
		}
	}
	// References to definitions stay, others are replaced by their schema.
	for in, want := range map[string]string{
		`{"$ref":"#/$defs/A","$defs":{"A":{"type":"object","properties":{"b":{"$ref":"#/$defs/B"}}},"B":{"type":"string","maxLength":1}}}`:            `{"$defs":{"A":{"type":"object","properties":{"b":{"$ref":"#/$defs/B"}},"additionalProperties":false},"B":{"type":"string","description":"{maxLength: 1}"}},"type":"object","properties":{"b":{"$ref":"#/$defs/B"}},"additionalProperties":false}`,
		`{"type":"object","properties":{"a":{"type":"object","properties":{"x/y":{"type":"string"}}},"b":{"$ref":"#/properties/a/properties/x~1y"}}}`: `{"type":"object","properties":{"a":{"type":"object","properties":{"x/y":{"type":"string"}},"additionalProperties":false},"b":{"type":"string"}},"additionalProperties":false}`,
	} {
		if got := formatted(t, in); got != want {
			t.Errorf("%s became\n%s, want\n%s", in, got, want)
		}
	}
	// What Anthropic can't hold a model to goes into the prompt.
	for _, in := range []string{`true`, `{}`, `{"type":"object"}`, `{"type":"object","additionalProperties":{"type":"integer"}}`, `{"type":"array"}`,
		`{"type":"array","items":{}}`, `{"$ref":"#"}`, `{"$ref":"https://example.com/x"}`, `{"$ref":"#/$defs/none"}`, `{"enum":[{"a":1}]}`, `{"not":{}}`,
		`{"allOf":[{"type":"string"},{"type":"integer"}]}`, strings.Repeat(`{"type":"array","items":`, 80) + `{"type":"string"}` + strings.Repeat(`}`, 80)} {
		if got := formatted(t, object(in)); got != "" {
			t.Errorf("%s became %s, want none", in, got)
		}
	}
}

// TestToolParameters sends choices and references at the top of a tool's parameters, which
// Anthropic refuses there.
func TestToolParameters(t *testing.T) {
	for in, want := range map[string]string{
		`{"anyOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["a","b"]}]}`: `"properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["a"]}`,
		`{"oneOf":[{"properties":{"a":{"type":"string"}}},{"properties":{"a":{"type":"integer"}}}],"description":"d","x":1}`:                                                                     `{"type":"object","description":"d\n\n{oneOf: [{\"properties\":{\"a\":{\"type\":\"string\"}}},{\"properties\":{\"a\":{\"type\":\"integer\"}}}]}","properties":{"a":{"anyOf":[{"type":"string"},{"type":"integer"}]}},"x":1}`,
		`{"type":"object","properties":{"a":{"minimum":1}},"allOf":[{"properties":{"b":{}},"required":["b"]}]}`:                                                                                  `{"type":"object","properties":{"a":{"minimum":1},"b":{}},"required":["b"]}`,
		`{"$ref":"#/definitions/A","definitions":{"A":{"type":"object","properties":{"a":{}},"additionalProperties":false}}}`:                                                                    `{"type":"object","properties":{"a":{}},"additionalProperties":false,"definitions":{"A":{"type":"object","properties":{"a":{}},"additionalProperties":false}}}`,
		`{"type":["object","null"],"properties":{}}`:                     `{"type":"object","properties":{}}`,
		`{"properties":{"a":{}}}`:                                        `{"type":"object","properties":{"a":{}}}`,
		`{"type":"object","properties":{"a":{"anyOf":[{"minimum":1}]}}}`: `{"type":"object","properties":{"a":{"anyOf":[{"minimum":1}]}}}`,
	} {
		for _, tool := range []string{`{"type":"function","function":{"name":"f","parameters":` + in + `}}`, `{"name":"f","input_schema":` + in + `}`,
			`{"type":"function","function":{"name":"f","strict":true,"parameters":` + in + `}}`} {
			s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"tools":[`+tool+`]}`)
			if err != nil {
				t.Fatal(err)
			}
			checkRules(t, s.Body)
			if !strings.Contains(tool, "strict") && !strings.Contains(string(s.Body), want) {
				t.Errorf("%s became %s, want %s", tool, s.Body, want)
			}
		}
	}
}

// TestAnySchemas rewrites schemas of any kind: what comes out is one that Anthropic takes,
// or goes into the prompt.
func TestAnySchemas(t *testing.T) {
	var schema func(depth int) *rapid.Generator[any]
	schema = func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			s := map[string]any{}
			for range rapid.IntRange(1, 4).Draw(t, "members") {
				key := rapid.SampledFrom([]string{"type", "type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "minimum", "minItems",
					"pattern", "additionalProperties", "required", "$defs", "format", "nullable", "description", "not", "prefixItems"}).Draw(t, "key")
				var inner any = true
				if depth > 0 {
					inner = schema(depth-1).Draw(t, "inner")
				}
				switch key {
				case "type":
					s[key] = rapid.SampledFrom([]any{"object", "array", "string", "integer", []any{"string", "null"}, []any{"object", "null"}, "nonsense", 7}).Draw(t, "type")
				case "properties", "$defs":
					s[key] = map[string]any{rapid.SampledFrom([]string{"a", "b", "é\""}).Draw(t, "name"): inner}
				case "anyOf", "oneOf", "allOf", "prefixItems":
					s[key] = []any{inner, map[string]any{"type": "string"}}[:rapid.IntRange(1, 2).Draw(t, "branches")]
				case "$ref":
					s[key] = rapid.SampledFrom([]any{"#", "#/$defs/a", "#/properties/a", "#/anyOf/0", "x", 3}).Draw(t, "ref")
				case "enum":
					s[key] = []any{"x", 1, nil}
				case "required":
					s[key] = []any{"a"}
				case "minItems", "minimum":
					s[key] = rapid.IntRange(0, 3).Draw(t, "n")
				case "pattern", "format", "description":
					s[key] = rapid.SampledFrom([]string{"date", "a\"b\\c\n"}).Draw(t, "text")
				default:
					s[key] = inner
				}
			}
			return s
		})
	}
	rapid.Check(t, func(rt *rapid.T) {
		in, _ := json.Marshal(schema(4).Draw(rt, "schema"))
		formatted(t, string(in))
		for _, strict := range []string{"true", "false"} {
			s, err := transform(t, "claude-sonnet-4-5", false, `{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","strict":`+strict+`,"parameters":`+string(in)+`}}]}`)
			if err != nil {
				rt.Fatal(err)
			}
			var members map[string]any
			if err := json.Unmarshal(s.Body, &members); err != nil {
				rt.Fatalf("%s became %s", in, s.Body)
			}
		}
		if t.Failed() {
			rt.Fatalf("%s", in)
		}
	})
}
