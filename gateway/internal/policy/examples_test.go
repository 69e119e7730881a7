package policy_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/format"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

const policiesDir = "../../../policies"

func TestExamplesPassTheirTests(t *testing.T) {
	for _, dir := range examples(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if err := policy.Check(t.Context(), source(dir)); err != nil {
				t.Errorf("Check: %v", err)
			}
			var out strings.Builder
			r, err := policy.Test(t.Context(), source(dir), &out, policy.TestOptions{Coverage: true})
			if err != nil || r.Failed > 0 || r.Passed == 0 {
				t.Errorf("Test = %+v, %v\n%s", r, err, out.String())
			}
			for _, rows := range r.Uncovered {
				if !strings.HasPrefix(rows, "builtin/") {
					t.Errorf("no test reaches %s", rows)
				}
			}
		})
	}
}

// TestExamplesCompose puts the files of the examples with rules into one folder, alone and with
// those of each recipe, as the README says: no file replaces another.
func TestExamplesCompose(t *testing.T) {
	var rules, recipes []string
	for _, dir := range examples(t) {
		if settings, _ := filepath.Glob(dir + "/*.yaml"); len(settings) > 0 {
			recipes = append(recipes, dir)
		} else {
			rules = append(rules, dir)
		}
	}
	for _, recipe := range append(recipes, "") {
		folder := t.TempDir()
		for _, dir := range rules {
			copyFiles(t, filepath.Join(folder, filepath.Base(dir)), dir)
		}
		if recipe != "" {
			copyFiles(t, folder, recipe)
		}
		if err := policy.Check(t.Context(), source(folder)); err != nil {
			t.Errorf("Check of %v and %q in one folder: %v", rules, recipe, err)
		}
	}
}

func copyFiles(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestRepositoryFolderIsAPolicy checks that the folder of the built-in policy and the
// examples is itself a valid policy.
func TestRepositoryFolderIsAPolicy(t *testing.T) {
	if err := policy.Check(t.Context(), source(policiesDir)); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// TestNamesMatchInRegoAsInGo checks patterns that other pattern languages would match
// differently.
func TestNamesMatchInRegoAsInGo(t *testing.T) {
	e := newEngine(t, "", policy.Options{})
	names := []string{"gpt-4", "gpt-5", "gpt-[45]", "gpt-[45]-mini", "gpt-?", "a.b/c", "a/b/c", "{a,b}", "a", "b", `a\b`, `a\*b`, "a*b", "axb", "", "é/x", "a\nb", "*", "!a", "a-b", "aXbXc"}
	patterns := append([]string{"gpt-[45]*", "gpt-*", "*-mini", "gpt-?*", "{a,b}*", "a*", "*a", `a\*`, `a\**`, "a*b*c", "*/*", "**", "a**b", "[a-z]*", "[!a]*", "é*", "*\n*", "a*a*a*", "*b*"}, names...)
	for _, pattern := range patterns {
		for _, name := range names {
			r := request(name)
			r.Principal = llm.Principal{KeyID: "k", Models: []string{pattern}}
			if got, want := decide(t, e, policy.Input{Request: r}).Allow, llm.MatchName(pattern, name); got != want {
				t.Errorf("the policy lets a key with %q use %q: %v; llm.MatchName = %v", pattern, name, got, want)
			}
		}
	}
}

func TestNamesOfAnyKindMatchInRegoAsInGo(t *testing.T) {
	e := newEngine(t, "", policy.Options{MemoBytes: -1})
	text := rapid.StringOf(rapid.SampledFrom([]rune(`ab*?[]{},\\-!^./ é`)))
	rapid.Check(t, func(t *rapid.T) {
		r := request(text.Draw(t, "name"))
		r.Principal = llm.Principal{KeyID: "k", Models: []string{text.Draw(t, "pattern")}}
		v, err := e.Decide(context.Background(), policy.Input{Request: r})
		if want := llm.MatchName(r.Principal.Models[0], r.Facts.Model); err != nil || v.Allow != want {
			t.Fatalf("the policy lets a key with %q use %q: %v (%v); llm.MatchName = %v", r.Principal.Models[0], r.Facts.Model, v.Allow, err, want)
		}
	})
}

func TestBuiltinPolicyIsCoveredByItsTests(t *testing.T) {
	var out strings.Builder
	r, err := policy.Test(t.Context(), source(""), &out, policy.TestOptions{Coverage: true})
	if err != nil || r.Coverage < 100 {
		t.Errorf("Test = %+v, %v, want full coverage\n%s", r, err, out.String())
	}
}

func TestPoliciesAreFormatted(t *testing.T) {
	files, err := filepath.Glob(policiesDir + "/*.rego")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(policiesDir + "/examples/*/*.rego")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, more...) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := format.Source(file, src)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if string(want) != string(src) {
			t.Errorf("%s is not formatted; want\n%s", file, want)
		}
	}
}

func examples(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(policiesDir + "/examples")
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(policiesDir, "examples", e.Name()))
		}
	}
	if len(dirs) < 4 {
		t.Fatalf("found the examples %v only", dirs)
	}
	return dirs
}
