package policy_test

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/policy"
)

const anyPolicy = "package penstock\ndecision := {\"allow\": true}\n"

func TestDuplicateDataIsRefused(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"at the root", map[string]string{"a.data.json": `{"x": 1}`, "data.json": `{"x": 2}`}, []string{"data.json: data.x is already defined by ", "a.data.json"}},
		{"equal values", map[string]string{"a.data.json": `{"x": 1}`, "b.data.json": `{"x": 1}`}, []string{"b.data.json: data.x is already defined by ", "a.data.json"}},
		{"below a common object", map[string]string{"a.data.json": `{"x": {"y": {"z": 1}}}`, "b/data.json": "{}", "x/data.yaml": "y: {z: 2}\n"}, []string{"x/data.yaml: data.x.y.z is already defined by ", "a.data.json"}},
		{"an object and a number", map[string]string{"a.data.json": `{"x": {"y": 1}}`, "b.data.yml": "x: 1\n"}, []string{"b.data.yml: data.x is already defined by", "a.data.json"}},
		{"lists", map[string]string{"data.json": `{"x": [1]}`, "data.yaml": "x: [2]\n"}, []string{"data.yaml: data.x is already defined by", "data.json"}},
		{"in one JSON file", map[string]string{"data.json": "{\"x\": {\n  \"y\": 1,\n  \"y\": 2}}"}, []string{`data.json:3:3: "y" is given twice`}},
		{"in one YAML file", map[string]string{"data.yaml": "x:\n  y: 1\n  y: 2\n"}, []string{"data.yaml:3: ", `"y" already defined`}},
		{"two YAML documents", map[string]string{"data.yaml": "x: 1\n---\ny: 2\n"}, []string{"more than one YAML document"}},
		{"after the end", map[string]string{"data.json": "{} {}"}, []string{"data.json:1:4: not valid JSON: expected the end of the text"}},
		{"cut off", map[string]string{"data.json": "{\"x\": "}, []string{"data.json:1:7: not valid JSON: expected a value, found the end of the text"}},
		{"nested without end", map[string]string{"data.json": `{"x": ` + strings.Repeat("[", 1000)}, []string{"nested more than 200 levels deep"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.files["p.rego"] = anyPolicy
			mustRefuse(t, tt.files, tt.want)
		})
	}
}

func TestDataFilesMerge(t *testing.T) {
	dir := folder(t, map[string]string{
		"p.rego":               "package penstock\ndecision := {\"allow\": true, \"warnings\": [data.teams.a, data.teams.b, data.teams.c, data.teams.d.e]}\n",
		"data.json":            "\xef\xbb\xbf" + `{"teams": {"a": "1"}}`,
		"data.yaml":            "---\nteams: {b: \"2\"}\n",
		"teams/data.json":      `{"c": "3"}`,
		"sub/x.teams.data.yml": "teams: {d: {e: \"4\"}}\n",
	})
	e, err := policy.New(t.Context(), policy.Options{Source: source(dir)})
	if err != nil {
		t.Fatal(err)
	}
	if v := decide(t, e, policy.Input{Request: request("smart")}); strings.Join(v.Warnings, " ") != "1 2 3 4" {
		t.Errorf("warnings = %q, want the data of all four files", v.Warnings)
	}
}
