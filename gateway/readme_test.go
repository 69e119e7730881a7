package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadmePolicyCommandsWorkInAClone runs every `penstock policy …` of the READMEs as a
// newcomer does: in the repository's folder.
func TestReadmePolicyCommandsWorkInAClone(t *testing.T) {
	t.Chdir("..")
	ran := 0
	for _, readme := range []string{"README.md", "policies/README.md"} {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(strings.TrimPrefix(line, "$ "), "#")
			args := strings.Fields(strings.TrimPrefix(line, "bin/"))
			if len(args) < 3 || args[0] != "penstock" || args[1] != "policy" {
				continue
			}
			ran++
			if stdout, stderr, code := penstock(t, args[1:]...); code != 0 {
				t.Errorf("%s: %q: %d\n%s%s", readme, line, code, stdout, stderr)
			}
		}
	}
	if ran < 5 {
		t.Errorf("found %d commands only", ran)
	}
}
