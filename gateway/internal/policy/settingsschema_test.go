package policy_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/penstock/penstock/gateway/internal/policy"
)

// TestSchemasAcceptWhatTheReaderAccepts compares the schemas, which editors use, with the reader
// on files in JSON, which is YAML.
func TestSchemasAcceptWhatTheReaderAccepts(t *testing.T) {
	tests := []struct {
		name, text string
		valid      bool
	}{
		{"teams", `null`, true},
		{"teams", `{"defaults": {"budget": {"month": {"hard": 500, "soft": "80%", "on_exceed": "deny"}}, "past_soft": {"model": "small"}}, "teams": {"a": null, "b": {"rpm": 5, "models": "x"}}}`, true},
		{"teams", `{"teams": {"a": {"hours": [{"models": ["x"], "open": ["Mon-Fri 08:00-18:00", "Sat"]}, {"closed": "22:00-24:00"}]}}}`, true},
		{"limits", `{"everyone": {"concurrent": {"soft": 5}}, "tags": {"usecase": {"required": true, "by_value": {"a": {"tpm": 7}}}}}`, true},
		{"limits", `{"everyone": {"budget": {"day": 0.25}}, "raises": [{"everyone": true, "window": "day", "add": 1.5, "until": "2026-12-31"}]}`, true},
		{"models", `{"models": {"a": {"teams": ["b"], "max_output_tokens": 1}}, "data_classes": {"c": {"regions": "eu"}}}`, true},
		{"teams", `{"teams": {"a": {"bugdet": {}}}}`, false},
		{"teams", `{"teams": {"a": {"rpm": -1}}}`, false},
		{"teams", `{"teams": {"a": {"rpm": 1.5}}}`, false},
		{"teams", `{"teams": {"a": {"rpm": null}}}`, false},
		{"teams", `{"teams": {"a": {"budget": {"day": {}}}}}`, false},
		{"teams", `{"teams": {"a": {"budget": {"day": {"hard": 1, "soft": "100%"}}}}}`, false},
		{"teams", `{"teams": {"a": {"hours": [{"closed": "25:00-06:00"}]}}}`, false},
		{"limits", `{"raises": [{"everyone": true, "window": "day", "add": 1}]}`, false},
		{"limits", `{"raises": [{"everyone": true, "unit": "eur", "window": "day", "add": 1, "until": "2026-12-31"}]}`, false},
		{"models", `{"models": {"a": {"max_output_tokens": 0}}}`, false},
		{"models", `[]`, false},
	}
	for _, tt := range tests {
		err := policy.Check(t.Context(), inMemory(map[string]string{tt.name + ".yaml": tt.text}))
		if (err == nil) != tt.valid {
			t.Errorf("Check of %s = %v, want valid = %v", tt.text, err, tt.valid)
		}
		var doc any
		if err := json.Unmarshal([]byte(tt.text), &doc); err != nil {
			t.Fatal(err)
		}
		if err := schemaOf(t, tt.name).Validate(doc); (err == nil) != tt.valid {
			t.Errorf("the schema of %s says %v, want valid = %v", tt.text, err, tt.valid)
		}
	}
}

func schemaOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := policy.SettingsSchema(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile(name)
}
