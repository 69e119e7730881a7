package policy_test

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/policy"
)

func TestRulesWithoutEffectAreRefused(t *testing.T) {
	const decides = "package penstock\ndecision := {\"allow\": true}\n"
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"another package", map[string]string{"p.rego": "package authz\ndefault allow := false\nallow if input.key.team == \"x\"\n"},
			[]string{"p.rego:2:1: rule data.authz.allow has no effect", "package penstock", "deny contains"}},
		{"a package that OPA hides", map[string]string{"p.rego": "package system.authz\ndefault allow := false\n"},
			[]string{"p.rego:2:1: rule data.system.authz.allow has no effect", "package penstock"}},
		{"allow beside the built-in decision", map[string]string{"p.rego": "package penstock\nallow if input.key.team == \"x\"\n"},
			[]string{"p.rego:2:1: rule data.penstock.allow has no effect", "deny contains"}},
		{"a misspelt name", map[string]string{"p.rego": "package penstock\ndenny contains {\"code\": \"x\", \"message\": \"x\"}\n"},
			[]string{"data.penstock.denny has no effect", "did you mean deny?"}},
		{"a rule beside an own decision that does not read it", map[string]string{"p.rego": decides + "deny contains {\"code\": \"x\", \"message\": \"x\"}\n"},
			[]string{"p.rego:3:1: rule data.penstock.deny has no effect"}},
		{"a package below penstock", map[string]string{"p.rego": "package penstock.team\ndeny contains \"x\"\n"},
			[]string{"data.penstock.team.deny has no effect"}},
		{"a default", map[string]string{"p.rego": "package penstock\ndefault admit := false\n"}, []string{"data.penstock.admit has no effect"}},
		{"a function", map[string]string{"p.rego": decides + "twice(x) := x * 2\n"}, []string{"data.penstock.twice has no effect"}},
		{"only read by its test", map[string]string{"p.rego": "package authz\nallow if input.key.team == \"x\"\n",
			"p_test.rego": "package authz_test\nimport data.authz\ntest_x if authz.allow with input.key.team as \"x\"\n"}, []string{"data.authz.allow has no effect"}},
		{"read by rules that nothing reads", map[string]string{"p.rego": decides, "a.rego": "package a\nx := data.b.y\n", "b.rego": "package b\ny := 1\n"},
			[]string{"a.rego:2:1: rule data.a.x", "b.rego:2:1: rule data.b.y"}},
		{"a decision in a package of which something else is read", map[string]string{
			"p.rego": "package penstock\ndecision := {\"allow\": data.authz.open}\n", "a.rego": "package authz\nopen := true\nallow := false\n"},
			[]string{"a.rego:3:1: rule data.authz.allow has no effect"}},
		{"files without a rule", map[string]string{"p.rego": "package authz\n"}, []string{"no rule"}},
		{"tests alone", map[string]string{"p_test.rego": "package p_test\ntest_x if true\n"}, []string{"no .rego file"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mustRefuse(t, tt.files, tt.want)
		})
	}
}

func TestRulesThatAreReadSomehowPass(t *testing.T) {
	tests := map[string]map[string]string{
		"a library of which a part is read": {"p.rego": "package penstock\nimport data.lib\ndeny contains {\"code\": \"x\", \"message\": \"x\"} if lib.bad\n",
			"lib.rego": "package lib\nbad if input.key.team == \"x\"\ngood if not bad\nhalf(x) := x / 2\n"},
		"a library behind a library": {"p.rego": "package penstock\ndeny contains {\"code\": \"x\", \"message\": \"x\"} if data.a.f(input.key.team)\n",
			"a.rego": "package a\nf(x) if data.b.names[x]\n", "b.rego": "package b\nnames contains \"x\"\n"},
		"a variable in the reference": {"p.rego": "package penstock\ndeny contains reason if some reason in data.teams[input.key.team].deny\n",
			"x.rego": "package teams.x\ndeny contains {\"code\": \"x\", \"message\": \"x\"}\n"},
		"obligations":          {"p.rego": "package penstock\nobligations.log := \"none\"\nobligations[\"model\"] := \"fast\" if input.request.model == \"smart\"\n"},
		"else and default":     {"p.rego": "package penstock\ndefault level := 0\nlevel := 1 if input.key.team == \"x\" else := 2 if input.key.team == \"y\"\nwarnings contains sprintf(\"%d\", [level])\n"},
		"tests among policies": {"p.rego": "package penstock\nwarnings contains \"x\"\ntest_x if true\n", "help.rego": "package lib_test\nkey := {\"id\": \"x\"}\n"},
		"part of a decision":   {"p.rego": "package penstock\ndecision.allow := true\ndecision.warnings := [\"x\"]\n"},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			if err := policy.Check(t.Context(), source(folder(t, files))); err != nil {
				t.Errorf("Check = %v, want nil", err)
			}
		})
	}
}

// mustRefuse checks that a folder of these files is refused with all wanted texts.
func mustRefuse(t *testing.T, files map[string]string, want []string) {
	t.Helper()
	dir := folder(t, files)
	err := policy.Check(t.Context(), source(dir))
	if err == nil {
		t.Fatal("Check accepted it")
	}
	got := faultsOf(t, err, dir)
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("Check: %s\nwant %q in it", got, w)
		}
	}
}
