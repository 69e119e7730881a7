package internal

import (
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module   = "github.com/penstock/penstock"
	internal = module + "/gateway/internal"
)

// base are the packages that every other may import. They import the standard library
// only.
var base = []string{"llm", "framing", "jsontext", "bounded", "ratelimit", "hint", "publicaddr", "atomicfile"}

// floors is the drawing of the gateway: every package with the packages of this module
// that it imports besides the base. A package imports only from floors below its own. The
// table is exact: what is no longer imported has to go from it.
var floors = []map[string]string{
	{
		"cli": "server plugintool classifier compiler config audit httpapi/admin httpapi/tags keys ledger policy replay similar /plugins/strategies/classify",
	},
	{
		"server": "activity bundle catalog/source certs decisionlog routes holds labels calllog compiler pipeline replay wire httpapi httpapi/admin httpapi/dashboard httpapi/tags wasm wasm/hook policy cache cache/remote upstream media meter ledger keys audit raises oidc " +
			"catalog config telemetry tracing logging webhook tokens demo similar /plugins /plugins/dialects /plugins/strategies /plugins/strategies/classify /policies",
		"plugintool": "calllog compiler config wasm wasm/cases wasm/hook /sdk",
	},
	{
		"calllog":  "wasm wasm/cases wasm/hook",
		"compiler": "wasm wasm/cases",
		"holds":    "ledger meter pipeline",
		"routes":   "catalog config demo",
		"wire":     "wire/apierror wire/intake",
		"httpapi":  "audit httpapi/admin httpapi/dashboard httpapi/openapi httpapi/tags queue",
	},
	{
		"wasm/cases": "wasm wasm/hook",
	},
	{
		"wasm":     "wasm/fuel wasm/hook",
		"wasm/asm": "wasm/hook", // modules for tests

		"httpapi/admin":     "audit httpapi/tags keys",
		"httpapi/dashboard": "audit httpapi/dashboard/chart httpapi/openapi keys replay",
	},
	{
		"activity": "", "cache": "similar", "cache/remote": "", "catalog": "", "certs": "", "classifier": "/plugins/strategies/classify", "config": "oidc similar /plugins/dialects /plugins/strategies", "demo": "", "httpapi/tags": "", "keys": "audit", "labels": "", "ledger": "", "media": "", "meter": "", "pipeline": "", "bundle": "", "decisionlog": "", "raises": "",
		"policy": "", "logging": "", "replay": "", "telemetry": "", "tokens": "", "tracing": "", "webhook": "", "upstream": "queue", "wasm/fuel": "", "wasm/hook": "", "wire/apierror": "", "wire/intake": "",
		"llmtest": "",
	},
	{
		"audit": "", "generated": "", "httpapi/openapi": "", "queue": "", "httpapi/dashboard/chart": "", "catalog/source": "", "oidc": "", "similar": "",
	},
}

// owners lists, for each third-party library, the one package that may import it. A
// prefix covers all packages below it.
var owners = map[string]string{
	"github.com/spf13/cobra":               "cli",
	"github.com/labstack/echo":             "httpapi",
	"github.com/tetratelabs/wazero":        "wasm",
	"github.com/open-policy-agent/opa":     "policy",
	"github.com/dgraph-io/ristretto":       "cache",
	"github.com/redis/rueidis":             "cache/remote",
	"golang.org/x/crypto":                  "certs",
	"modernc.org/sqlite":                   "ledger",
	"github.com/goccy/go-yaml":             "config",
	"go.yaml.in/yaml":                      "policy",
	"google.golang.org/protobuf":           "decisionlog",
	"github.com/invopop/jsonschema":        "config",
	"github.com/fsnotify/fsnotify":         "config",
	"github.com/prometheus/client_golang":  "telemetry",
	"go.opentelemetry.io/otel":             "tracing",
	"github.com/tiktoken-go/tokenizer":     "tokens",
	"github.com/lestrrat-go/jwx":           "oidc",
	"github.com/rogpeppe/go-internal/diff": "cli",
}

// programs are programs of their own beside the gateway: the benchmark, whose floor is a
// bare Echo handler on purpose, the simulation of routing, and what runs at build time.
var programs = []string{"bench", "bench/floor", "simulation", "catalog/generate", "classifier/generate", "policy/generate", "httpapi/openapi/generate", "config/generate", "testreport", "sbom"}

// execs may start programs. The compiler starts this program anew to compile a plugin
// while it is loaded: a module that crashes the compiler must not crash the gateway.
var execs = []string{"plugintool", "compiler", "llmtest"}

// TestImports compares what every package imports with the table.
func TestImports(t *testing.T) {
	found := packages(t)
	for _, floor := range floors {
		for dir := range floor {
			if _, ok := found[dir]; !ok {
				t.Errorf("the table has %s, which is not a package", dir)
			}
		}
	}
	for library, owner := range owners {
		if !slices.ContainsFunc(found[owner], func(imp string) bool { return within(imp, library) }) {
			t.Errorf("%s no longer imports %s: remove it from owners", owner, library)
		}
	}
	for dir, imports := range found {
		if slices.Contains(programs, dir) {
			continue
		}
		var inner []string
		for _, imp := range imports {
			switch {
			case within(imp, module):
				inner = append(inner, short(imp))
			case imp == "os/exec" && !slices.Contains(execs, dir):
				t.Errorf("%s imports os/exec; only %v may start a program", dir, execs)
			case strings.Contains(imp, "."):
				checkLibrary(t, dir, imp)
			}
		}
		checkInner(t, dir, inner)
	}
}

// within reports whether a package is another one or below it.
func within(imp, parent string) bool { return imp == parent || strings.HasPrefix(imp, parent+"/") }

// short is how the table names a package of this module.
func short(imp string) string {
	if name, ok := strings.CutPrefix(imp, internal+"/"); ok {
		return name
	}
	return strings.TrimPrefix(imp, module)
}

func checkLibrary(t *testing.T, dir, imp string) {
	t.Helper()
	for library, owner := range owners {
		if within(imp, library) {
			if owner != dir {
				t.Errorf("%s imports %s; only %s may", dir, imp, owner)
			}
			return
		}
	}
	t.Errorf("%s imports %s, which no package owns: name its owner in imports_test.go and its reason in RATIONALE.md", dir, imp)
}

func checkInner(t *testing.T, dir string, imports []string) {
	t.Helper()
	if slices.Contains(base, dir) {
		if len(imports) > 0 {
			t.Errorf("%s imports %v; packages of the base import the standard library only", dir, imports)
		}
		return
	}
	at := floorOf(dir)
	if at < 0 {
		t.Errorf("%s is not in the table of imports_test.go: put it on a floor, with what it imports", dir)
		return
	}
	allowed := strings.Fields(floors[at][dir])
	for _, imp := range imports {
		if !slices.Contains(allowed, imp) && !slices.Contains(base, imp) {
			t.Errorf("%s imports %s, which the table of imports_test.go does not allow", dir, imp)
		}
	}
	for _, name := range allowed {
		if !slices.Contains(imports, name) {
			t.Errorf("%s no longer imports %s: remove it from the table of imports_test.go", dir, name)
		}
		if below := floorOf(name); below >= 0 && below <= at {
			t.Errorf("the table lets %s import %s, which is not on a floor below", dir, name)
		}
	}
}

// floorOf returns the floor of a package in the table, -1 if it is not there.
func floorOf(dir string) int {
	return slices.IndexFunc(floors, func(floor map[string]string) bool { _, ok := floor[dir]; return ok })
}

// packages maps each directory below internal to what its non-test files import.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(dir string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() == "testdata" || dir == "." {
			return err
		}
		p, err := build.ImportDir(dir, 0)
		if _, none := err.(*build.NoGoError); none {
			return nil
		}
		if err == nil {
			found[filepath.ToSlash(dir)] = p.Imports
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 25 {
		t.Fatalf("found %d packages: the walk is broken", len(found))
	}
	return found
}

// TestMap holds that doc.go has a line for every package.
func TestMap(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var listed, found []string
	for line := range strings.Lines(string(text)) {
		if entry, ok := strings.CutPrefix(line, "//\t"); ok {
			listed = append(listed, strings.Fields(entry)[0])
		}
	}
	for dir := range packages(t) {
		found = append(found, dir)
	}
	slices.Sort(listed)
	slices.Sort(found)
	if !slices.Equal(listed, found) {
		t.Errorf("doc.go lists\n%v\nand there are\n%v", listed, found)
	}
}

// TestMainIsSmall holds that the program does nothing but call the command line.
func TestMainIsSmall(t *testing.T) {
	p, err := build.ImportDir("..", 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{internal + "/cli", "os"}; !slices.Equal(p.GoFiles, []string{"main.go"}) || !slices.Equal(p.Imports, want) {
		t.Errorf("package main has the files %v and imports %v, want main.go and %v", p.GoFiles, p.Imports, want)
	}
}

// TestTopLevel keeps the top of the tree to the names that belong there.
func TestTopLevel(t *testing.T) {
	allowed := []string{"gateway", "plugins", "policies", "sdk", "examples", "go.mod", "go.sum", "Makefile",
		"README.md", "LICENSE", "CHANGELOG.md", "RATIONALE.md", "Dockerfile", "bin", "dist"}
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "penstock.yaml" || strings.HasPrefix(e.Name(), "penstock.db") {
			continue // README's first commands leave these here, make run among them
		}
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s stands at the top level; what belongs there is %v", e.Name(), allowed)
		}
	}
}
