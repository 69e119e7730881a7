package anthropic_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestLargeSchemas: the work must grow with the schema's size alone, as a call's fuel does.
func TestLargeSchemas(t *testing.T) {
	var defs, properties strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&defs, `,"D%d":{"type":"object","properties":{"next":{"$ref":"#/$defs/D%d"},"n":{"type":"integer","minimum":%d}}}`, i, i+1, i)
		fmt.Fprintf(&properties, `,"p%d":{"$ref":"#/$defs/D%d"}`, i, i)
	}
	schema := `{"type":"object","properties":{` + properties.String()[1:] + `},"$defs":{"D2000":{"type":"string"}` + defs.String() + `}}`
	if got := formatted(t, schema); got != "" {
		t.Errorf("references 2,000 deep became %s, want none", got[:100])
	}
	flat := strings.ReplaceAll(schema, `"next":{"$ref":`, `"next":{"description":`)
	if got := formatted(t, flat); got != "" {
		t.Errorf("a property of any type became %s, want none", got[:100])
	}
}

// TestMultiplyingSchemas are small schemas whose references and choices multiply.
func TestMultiplyingSchemas(t *testing.T) {
	pointers := `{"type":"object","properties":{"x0":{"type":"string"}`
	for i := range 60 {
		pointers += fmt.Sprintf(`,"x%d":{"type":"object","properties":{"a":{"$ref":"#/properties/x%d"},"b":{"$ref":"#/properties/x%d"}}}`, i+1, i, i)
	}
	if got := formatted(t, pointers+`}}`); got != "" {
		t.Errorf("pointers became %d bytes, want none", len(got))
	}
	branches := strings.TrimSuffix(strings.Repeat(`{"$ref":"#/$defs/A%[1]d"},`, 20), ",")
	defs := `"A20":{"type":"object","properties":{"z":{"type":"string"}}}`
	for i := range 20 {
		defs += fmt.Sprintf(`,"A%d":{"anyOf":[`+branches+`]}`, i+1)
	}
	defs = strings.Replace(defs, `,"A20":{"anyOf"`, `,"B":{"anyOf"`, 1)
	_, err := transformFor(t, dialecttest.Target{Model: "claude-sonnet-4-5"}, false,
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"$ref":"#/$defs/A1","$defs":{`+defs+`}}}}]}`)
	if err != nil {
		t.Error(err)
	}
}
