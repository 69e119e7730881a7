package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/format"

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
	dirs, err := filepath.Glob(policiesDir + "/examples/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no example policies: %v", err)
	}
	return dirs
}
