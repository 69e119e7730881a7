package sdk

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

// maxLines bounds either side of an SDK, in lines of code: the contract's, and what reads
// and writes JSON. Whoever wants to trust a plugin reads both in one sitting.
const maxLines = 300

func TestEverySDKIsSmall(t *testing.T) {
	for _, language := range Languages() {
		contract, json := 0, 0
		err := fs.WalkDir(files, language, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !source(name) {
				return err
			}
			text, err := files.ReadFile(name)
			switch base := path.Base(name); strings.TrimSuffix(base, path.Ext(base)) {
			case "json", "penstock_json", "scalar":
				json += codeLines(string(text))
			default:
				contract += codeLines(string(text))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: the contract has %d lines of code, JSON %d", language, contract, json)
		if contract == 0 || contract > maxLines {
			t.Errorf("%s: the contract's side has %d lines of code, want at most %d", language, contract, maxLines)
		}
		if json == 0 || json > maxLines {
			t.Errorf("%s: JSON has %d lines of code, want at most %d", language, json, maxLines)
		}
	}
}

// source reports whether a file belongs to the SDK's own text.
func source(name string) bool {
	switch path.Ext(name) {
	case ".go", ".rs", ".h", ".zig", ".ts":
		return !strings.HasSuffix(name, "_test.go")
	}
	return false
}

// codeLines counts the lines that are neither empty nor a comment.
func codeLines(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

// TestProjectsHoldWhatTheirHintsName: the build file of an SDK says what to install from.
func TestProjectsHoldWhatTheirHintsName(t *testing.T) {
	for _, language := range Languages() {
		project, err := Project("x", language, "router")
		if err != nil {
			t.Fatal(err)
		}
		for _, named := range regexp.MustCompile(`\$\(SDK\)([a-z.-]+\.(txt|json))`).FindAllStringSubmatch(string(project["sdk/plugin.mk"]), -1) {
			if project["sdk/"+named[1]] == nil {
				t.Errorf("%s: sdk/plugin.mk names sdk/%s, which is not in the project", language, named[1])
			}
		}
	}
}
