package policy_test

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/policy"
)

func TestDataThatExistsNowhereIsRefused(t *testing.T) {
	warn := func(value string) string { return "package penstock\nwarnings contains " + value + "\n" }
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"nothing of the kind", map[string]string{"p.rego": warn("data.teams.search")}, []string{"p.rego:2:19: data.teams does not exist", "data has penstock"}},
		{"a misspelt file member", map[string]string{"p.rego": warn("data.teems.search"), "data.json": `{"teams": {"search": "x"}}`},
			[]string{"p.rego:2:19: data.teems does not exist", "did you mean data.teams?"}},
		{"a misspelt member below", map[string]string{"p.rego": warn("data.teams.serach"), "data.json": `{"teams": {"search": "x"}}`},
			[]string{"data.teams.serach does not exist", "did you mean data.teams.search?"}},
		{"a file that is no data file", map[string]string{"p.rego": warn("data.teams.search"), "teams.json": `{"search": "x"}`},
			[]string{"data.teams does not exist", "NAME.data.json"}},
		{"a member of a text", map[string]string{"p.rego": warn("data.teams.search"), "data.json": `{"teams": "x"}`}, []string{"data.teams.search does not exist"}},
		{"a misspelt rule", map[string]string{"p.rego": warn("data.lib.badd"), "l.rego": "package lib\nbad := \"x\"\n"}, []string{"did you mean data.lib.bad?"}},
		{"an import", map[string]string{"p.rego": "package penstock\nimport data.nowhere as n\nwarnings contains n.x\n"}, []string{"p.rego:3:19: data.nowhere does not exist"}},
		{"negated", map[string]string{"p.rego": "package penstock\nwarnings contains \"x\" if not data.nowhere.x\n"}, []string{"p.rego:2:30: data.nowhere does not exist"}},
		{"as an argument", map[string]string{"p.rego": "package penstock\nwarnings contains \"x\" if count(data.nowhere) > 1\n"}, []string{"data.nowhere does not exist"}},
		{"iterated over", map[string]string{"p.rego": "package penstock\nwarnings contains w if some w in data.nowhere.list\n"}, []string{"data.nowhere does not exist"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mustRefuse(t, tt.files, tt.want)
		})
	}
}

func TestDataThatExistsSomewherePasses(t *testing.T) {
	tests := map[string]map[string]string{
		"a member that a request names": {"p.rego": "package penstock\nwarnings contains data.teams[input.key.team]\n", "data.json": `{"teams": {}}`},
		"what may be absent":            {"p.rego": "package penstock\nwarnings contains w if w := object.get(data.teams, \"x\", \"y\")\n", "data.json": `{"teams": {}}`},
		"below a rule":                  {"p.rego": "package penstock\nwarnings contains data.lib.table.x.y\n", "l.rego": "package lib\ntable := {\"x\": {\"y\": \"z\"}}\n"},
		"rules and data in one place":   {"p.rego": "package penstock\nwarnings contains data.lib.text\nwarnings contains data.lib.word\n", "l.rego": "package lib\ntext := \"x\"\n", "lib/data.json": `{"word": "y"}`},
		"what with gives":               {"p.rego": "package penstock\nwarnings contains w if w := shown with data.lib.word as \"z\"\nshown := data.lib.word\n", "lib/data.json": `{"word": "y"}`},
		"undefined contributions":       {"p.rego": "package penstock\ndecision := {\"allow\": true, \"warnings\": [w | some w in data.penstock.warnings]}\n"},
		"an element of a list":          {"p.rego": "package penstock\nwarnings contains data.list[0].name\n", "data.json": `{"list": [{"name": "x"}]}`},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			if err := policy.Check(t.Context(), source(folder(t, files))); err != nil {
				t.Errorf("Check = %v, want nil", err)
			}
		})
	}
}
