package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/sdk"
)

// atSDK lets a test find the compilers that make deps puts into the SDKs' folders.
func atSDK(t *testing.T) {
	t.Helper()
	for name, path := range map[string]string{
		"ASC":        "../sdk/assemblyscript/node_modules/.bin/asc",
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

// TestEveryProject starts a project of each language and kind, builds it and runs its
// tests. A language without a compiler is skipped, but not in CI.
func TestEveryProject(t *testing.T) {
	atSDK(t)
	t.Chdir(t.TempDir())
	for _, lang := range sdk.Languages() {
		for _, kind := range sdk.Kinds() {
			t.Run(lang+"/"+kind, func(t *testing.T) {
				name := lang + "-" + kind
				if _, stderr, code := penstock(t, "plugin", "new", name, "--lang", lang, "--kind", kind); code != 0 {
					t.Fatal(stderr)
				}
				needCompiler(t, name)
				if _, stderr, code := penstock(t, "plugin", "build", name); code != 0 {
					t.Fatal(stderr)
				}
				stdout, stderr, code := penstock(t, "plugin", "test", name, "-o", "json")
				if code != 0 {
					t.Fatal(stdout, stderr)
				}
				var got struct{ Passed, Failed int }
				if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Passed < 4 || got.Failed > 0 {
					t.Errorf("plugin test printed %s (%v), want at least 4 cases that pass", stdout, err)
				}
				checkSheet(t, name, kind)
			})
		}
	}
}

// needCompiler skips the test when the project's compiler is not installed.
func needCompiler(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", "-s", "--no-print-directory", "-C", dir, "compiler")
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=", "MFLAGS=")
	if out, err := cmd.Output(); err == nil && len(bytes.TrimSpace(out)) > 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("there is no compiler for %s: make deps installs one", dir)
	}
	t.Skipf("there is no compiler for %s: make deps installs one", dir)
}

func checkSheet(t *testing.T, name, kind string) {
	t.Helper()
	stdout, stderr, code := penstock(t, "plugin", "inspect", filepath.Join(name, name+".wasm"), "-o", "json")
	if code != 0 {
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
		t.Errorf("plugin inspect printed %s, want a %s called %s that needs no grant", stdout, kind, name)
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
	if _, stderr, code := penstock(t, "plugin", "new", "p", "--lang", "go", "--kind", "router"); code != 0 {
		t.Fatal(stderr)
	}
	t.Setenv("GO", "no-such-compiler")
	_, stderr, code := penstock(t, "plugin", "build", "p")
	if code != 1 || !strings.Contains(stderr, "https://go.dev/dl") {
		t.Errorf("plugin build without a compiler: %d, %s; want 1 and where to get one", code, stderr)
	}
}
