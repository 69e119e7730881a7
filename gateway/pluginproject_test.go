package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/penstock/penstock/sdk"
)

// atSDK lets a test find the compilers that make deps puts into the SDKs' folders.
func atSDK(t *testing.T) {
	t.Helper()
	for name, path := range map[string]string{
		"ASC": "../sdk/assemblyscript/node_modules/.bin/asc",
		"PYTHONPATH": "../sdk/zig/ziglang",
	} {
		abs, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(abs); err == nil && os.Getenv(name) == "" {
			t.Setenv(name, abs)
		}
	}
}

// penstock runs a command line and returns what it printed.
func penstock(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, talk bytes.Buffer
	err = run(t.Context(), args, testEnv(t), &out, &talk)
	if err != nil {
		report(err, &talk)
	}
	return out.String(), talk.String(), err
}

// TestEveryProject starts a project of each language and kind, builds it and runs its
// tests. A language without a compiler is skipped, but not in CI.
func TestEveryProject(t *testing.T) {
	atSDK(t)
	t.Chdir(t.TempDir())
	for _, lang := range sdk.Languages() {
		for _, kind := range sdk.Kinds() {
			t.Run(lang+"/"+kind, func(t *testing.T) {
				name := lang + "-" + kind
				if _, stderr, err := penstock(t, "plugin", "new", name, "--lang", lang, "--kind", kind); err != nil {
					t.Fatal(stderr)
				}
				needCompiler(t, name)
				if _, stderr, err := penstock(t, "plugin", "build", name); err != nil {
					t.Fatal(stderr)
				}
				stdout, stderr, err := penstock(t, "plugin", "test", name, "-o", "json")
				if err != nil {
					t.Fatal(stdout, stderr)
				}
				var got struct{ Passed, Failed int }
				if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Passed < 4 || got.Failed > 0 {
					t.Errorf("plugin test says %s (%v), want at least 4 cases that pass", stdout, err)
				}
				checkSheet(t, name, kind)
			})
		}
	}
}

// needCompiler skips the test when the project's compiler is not installed.
func needCompiler(t *testing.T, dir string) {
	t.Helper()
	p, err := openProject(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.compiler(t.Context()); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: make deps installs one", err)
		}
		t.Skipf("%v: make deps installs one", err)
	}
}

func checkSheet(t *testing.T, name, kind string) {
	t.Helper()
	stdout, stderr, err := penstock(t, "plugin", "inspect", filepath.Join(name, name+".wasm"), "-o", "json")
	if err != nil {
		t.Fatal(stdout, stderr)
	}
	var sheet struct {
		Kinds    []string
		Grants   []string
		Manifest struct{ Name string }
	}
	if err := json.Unmarshal([]byte(stdout), &sheet); err != nil {
		t.Fatal(err)
	}
	if len(sheet.Kinds) != 1 || sheet.Kinds[0] != kind || len(sheet.Grants) > 0 || sheet.Manifest.Name != name {
		t.Errorf("plugin inspect says %s, want a %s called %s that needs no grant", stdout, kind, name)
	}
}

// TestProjectsHoldWhatTheyNeed checks what compilers do not: nothing of the SDK's tests,
// no word that was not replaced.
func TestProjectsHoldWhatTheyNeed(t *testing.T) {
	for _, lang := range sdk.Languages() {
		for _, kind := range sdk.Kinds() {
			files, err := sdk.Project("my-name", lang, kind)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"Makefile", "README.md", "penstock.json", ".gitignore", "sdk/plugin.mk"} {
				if files[want] == nil {
					t.Errorf("%s/%s has no %s", lang, kind, want)
				}
			}
			for name, text := range files {
				own := filepath.Dir(name) == "." || filepath.Dir(name) == "tests"
				for _, word := range []string{"@name@", "@lang@", "@kind@", "@source@"} {
					if own && bytes.Contains(text, []byte(word)) {
						t.Errorf("%s/%s: %s holds %s", lang, kind, name, word)
					}
				}
				if base := filepath.Base(name); len(base) > 8 && base[len(base)-8:] == "_test.go" {
					t.Errorf("%s/%s holds the SDK's own %s", lang, kind, name)
				}
			}
		}
	}
}

func TestBuildSaysWhatToInstall(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	t.Chdir(t.TempDir())
	if _, stderr, err := penstock(t, "plugin", "new", "p", "--lang", "go", "--kind", "router"); err != nil {
		t.Fatal(stderr)
	}
	t.Setenv("GO", "no-such-compiler")
	_, stderr, err := penstock(t, "plugin", "build", "p")
	if code := report(err, &bytes.Buffer{}); code != exitFault || !bytes.Contains([]byte(stderr), []byte("https://go.dev/dl")) {
		t.Errorf("plugin build without a compiler: %d, %s; want 1 and where to get one", code, stderr)
	}
}

func TestPluginNameMakesAFolder(t *testing.T) {
	for name, ok := range map[string]bool{
		"first-router": true, "a": true, "0.x_y": true, "": false, "../x": false, "a/b": false, ".x": false, "-x": false, "Upper": false, "a b": false,
	} {
		err := pluginName(name)
		var h *hinted
		if (err == nil) != ok || err != nil && !errors.As(err, &h) {
			t.Errorf("pluginName(%q) = %v, want ok %v, with a hint if not", name, err, ok)
		}
	}
}
