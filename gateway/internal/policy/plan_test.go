package policy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/policies"
)

// programOf compiles Rego without publishing it.
func programOf(t testing.TB, rego string) *program {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.rego"), []byte("package penstock\n"+rego), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := compileFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func compileFolder(dir string) (*program, error) {
	b, err := load(Source{Dir: dir, FS: policies.FS})
	if err != nil {
		return nil, err
	}
	return b.compile(context.Background(), Options{MemoBytes: -1}.withDefaults())
}

// readingPolicies read the input in every way that Rego has.
var readingPolicies = map[string]string{
	"plain":               `decision := {"x": input.request.model, "y": input.key.team}`,
	"all of it":           `decision := input`,
	"brackets":            `decision := {"x": input["request"]["model"]}`,
	"variable":            `decision := {x | some name in ["model", "ip"]; x := input.request[name]}`,
	"variable at the top": `decision := {x | some name in ["request", "key"]; x := input[name].tags}`,
	"iteration":           `decision := {k: v | some k, v in input.request}`,
	"walk":                `decision := {path | some path, v; walk(input, [path, v]); is_number(v)}`,
	"walk below":          `decision := {path | some path, v; walk(input.key, [path, v]); is_string(v)}`,
	"alias":               "import input.request as r\ndecision := {\"x\": r.model, \"y\": r.tags.usecase}",
	"alias of all":        "import input as everything\ndecision := everything.key.roles",
	"local":               `decision := x if { r := input.request; x := [r.model, r.ip] }`,
	"function":            "f(r) := r.model\ndecision := {\"x\": f(input.request)}",
	"function by pattern": "f({\"tags\": {\"usecase\": u}}) := u\ndecision := {\"x\": f(o)} if o := object.filter(input.request, [\"tags\"])",
	"nested reference":    `decision := {"x": input.request.tags[input.key.team]}`,
	"default in get":      `decision := {"x": object.get(input.request, ["metadata", "usecase"], "none")}`,
	"get at the top":      `decision := {"x": object.get(input, ["key", "id"], "none")}`,
	"one tag":             `decision := {"x": object.get(input.request.tags, "usecase", "none"), "y": input.key.tags.env}`,
	"one tag and any":     `decision := {"x": input.request.tags.usecase, "y": count(input.request.tags)}`,
	"negation":            `decision := "anonymous" if not input.key.id else := "known" if input.key.id`,
	"negated tag":         `decision := {"untagged": x} if { x := {name | some name in ["usecase", "env"]; not input.request.tags[name]} }`,
	"every":               "default decision := \"some\"\ndecision := \"all\" if every t in input.route.targets { t.region == \"eu\" }",
	"with":                "model := input.request.model\ndecision := {\"x\": model, \"y\": y, \"z\": z} if { y := model with input.request.model as \"other\"; z := input.request with input.request.ip as \"x\" }",
	"with all":            "model := input.request.model\ndecision := {\"x\": y, \"id\": input.key.id} if y := model with input as {\"request\": {\"model\": \"m\"}}",
	"head":                "rule[input.request.endpoint] := input.request.max_tokens\ndecision := rule",
	"deep head":           "rule.x[input.key.user][input.route.name] contains input.time.date\ndecision := rule",
	"rule by name":        "rule.a := input.request.stream\nrule.b := input.key.roles\ndecision := {x | some name in [\"a\", \"b\"]; x := rule[name]}",
	"comprehension":       `decision := {t.id: t.price_in | some t in input.route.targets; t.price_in < 5}`,
	"arrays":              `decision := [input.key.models[0], input.key.roles[count(input.key.roles) - 1]]`,
	"print":               `decision := {"x": true} if { print(input.request.ip); input.request.stream }`,
	"template string":     "decision := {\"x\": $\"{input.request.model} for {input.key.user}\"}",
	"sprintf":             `decision := {"x": sprintf("%v", [input.time])}`,
	"budget":              `decision := {"x": input.key.budget.max}`,
	"membership":          `decision := {"x": "tools" in input.request.features, "y": "search" in input.key}`,
	"equality":            `decision := {"x": true} if input.request.tags == input.key.tags else := {"x": input.request.model == input.route.name}`,
	"unification":         `decision := {"x": m} if {"model": m, "ip": _} = object.filter(input.request, ["model", "ip"])`,
	"usage":               `decision := {"x": input.usage["team:search"].day.usd, "y": input.usage}`,
}

func TestLeavingOutChangesNoDecision(t *testing.T) {
	for name, rego := range readingPolicies {
		t.Run(name, func(t *testing.T) {
			p := programOf(t, rego)
			rapid.Check(t, func(t *rapid.T) { sameDecision(t, p, anyInput().Draw(t, "input")) })
		})
	}
}

// TestLeavingOutChangesNoDecisionOfAnyPolicy generates policies from references.
func TestLeavingOutChangesNoDecisionOfAnyPolicy(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		refs := rapid.SliceOfN(anyReference(), 1, 4).Draw(t, "references")
		var b strings.Builder
		b.WriteString("package penstock\ndecision := {n: v | some n, v in d}\n")
		for i, ref := range refs {
			fmt.Fprintf(&b, "d[\"%d\"] := x if { %s }\n", i, ref)
		}
		if err := os.WriteFile(filepath.Join(dir, "p.rego"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := compileFolder(dir)
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		for range 3 {
			sameDecision(t, p, anyInput().Draw(t, "input"))
		}
	})
}

// anyReference draws a body that binds x to some part of the input.
func anyReference() *rapid.Generator[string] {
	var paths [][]string
	for l, at := range leafPaths {
		if l != leafUsage {
			paths = append(paths, at)
		}
		if openLeaves&l != 0 && l != leafUsage {
			paths = append(paths, append(slices.Clone(at), "usecase"), append(slices.Clone(at), "env"))
		}
	}
	slices.SortFunc(paths, slices.Compare)
	return rapid.Custom(func(t *rapid.T) string {
		path := rapid.SampledFrom(paths).Draw(t, "path")
		path = path[:rapid.IntRange(0, len(path)).Draw(t, "depth")]
		before, ref := "", "input"
		for i, name := range path {
			switch rapid.IntRange(0, 2).Draw(t, "style") {
			case 0:
				ref += "." + name
			case 1:
				ref += fmt.Sprintf("[%q]", name)
			default:
				before += fmt.Sprintf("some n%d in [%q]; ", i, name)
				ref += fmt.Sprintf("[n%d]", i)
			}
		}
		if rapid.Bool().Draw(t, "negated") {
			return before + "not " + ref + "; x := 0"
		}
		return before + "x := " + ref
	})
}

func sameDecision(t *rapid.T, p *program, in Input) {
	percent := rapid.SliceOfN(rapid.IntRange(-1, 120), len(someLimits), len(someLimits)).Draw(t, "percent")
	var c encoder
	c.write(&p.plan, &in)
	if p.plan.has(leafUsage) {
		c.usage(&p.plan, someLimits, percent)
	}
	c.close()
	got, gotErr := p.evaluate(context.Background(), value(string(c.b)), time.Minute)
	want, wantErr := p.evaluate(context.Background(), value(string(wholeInput(in, someLimits, percent))), time.Minute)
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		t.Fatalf("error %v, with the whole input %v", gotErr, wantErr)
	}
	if wantErr == nil && got.Compare(want) != 0 {
		t.Fatalf("decision %v, with the whole input %v\nread: %v", got, want, p.plan.reads())
	}
}

func TestPlanHasOnlyWhatIsRead(t *testing.T) {
	tests := []struct {
		rego string
		want []string
	}{
		{`decision := {"allow": true}`, nil},
		{`decision := {"allow": input.request.model == "x"}`, []string{"input.request.model"}},
		{`decision := {"allow": input.request.tags.usecase == "x", "y": input.request.tags["env"]}`, []string{`input.request.tags["env"]`, `input.request.tags["usecase"]`}},
		{`decision := {"allow": input.request.tags.usecase == "x", "y": input.request.tags}`, []string{"input.request.tags"}},
		{`decision := {"allow": input.request.tags == {}, "y": input.request.tags.a}`, []string{"input.request.tags"}},
		{`decision := {"allow": input.time}`, []string{"input.time.date", "input.time.minute_of_day", "input.time.unix_minute", "input.time.weekday"}},
		{`decision := {"allow": input.usage["a"].day.usd}`, []string{`input.usage["a"]`}},
		{`decision := {"allow": input.key.budget.max}`, []string{"input.key.budget"}},
		{`decision := {"allow": input.route.targets[0].id}`, []string{"input.route.targets"}},
	}
	for _, tt := range tests {
		p := programOf(t, tt.rego)
		if diff := cmp.Diff(tt.want, p.plan.reads()); diff != "" {
			t.Errorf("%s: reads differ (-want +got):\n%s", tt.rego, diff)
		}
	}
	if p := programOf(t, "decision := input"); len(p.plan.reads()) != len(leafPaths) {
		t.Errorf("a policy that passes on its input reads %v, want all", p.plan.reads())
	}
}

func TestReasonsNameTheirRule(t *testing.T) {
	p := programOf(t, `decision := {"allow": false, "reasons": deny}
deny contains {"code": "one", "message": "x"}
deny contains {"code": "two", "message": sprintf("%s", ["y"])} if input.request.model == "smart"
deny contains {"code": "twice", "message": "a"}
deny contains {"code": "twice", "message": "b"}
`)
	got := make(map[string]string)
	v, err := p.decide(t.Context(), value(string(wholeInput(Input{Request: &llm.Request{Facts: llm.Facts{Model: "smart"}}}, nil, nil))), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range v.Reasons {
		got[r.Code] = filepath.Base(r.Rule)
	}
	want := map[string]string{"one": "p.rego:3", "two": "p.rego:4", "twice": "."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules differ (-want +got):\n%s", diff)
	}
}
