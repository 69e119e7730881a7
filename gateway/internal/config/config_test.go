package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// getenv is the environment of the tests.
func getenv(name string) string {
	return map[string]string{"OPENAI_API_KEY": "hidden-openai", "ANTHROPIC_API_KEY": "hidden-anthropic", "EMPTY": ""}[name]
}

func parseText(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse("penstock.yaml", []byte(text), getenv)
	if err != nil {
		t.Fatalf("Parse:\n%v", err)
	}
	return c
}

// TestFaultSnippets compares the printed faults with testdata/faults/*.want.
func TestFaultSnippets(t *testing.T) {
	ins, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil || len(ins) == 0 {
		t.Fatalf("there are no cases: %v", err)
	}
	for _, in := range ins {
		t.Run(filepath.Base(in), func(t *testing.T) {
			_, err := Load(in, getenv)
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("Load = %v, want faults", err)
			}
			golden(t, strings.TrimSuffix(in, ".yaml")+".want", err.Error()+"\n")
			for _, f := range faults {
				if f.Line < 1 || f.Col < 1 || f.File != in || strings.Contains(f.Error(), "hidden") {
					t.Errorf("the fault is %v", f)
				}
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Error("a secret is shown")
			}
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// full is the configuration that the documentation shows, as far as this version goes.
const full = `
listen: 127.0.0.1:8080
admin:  {listen: 127.0.0.1:8081}
keys:   required
providers:
  openai:    {dialect: openai, api_key: env:OPENAI_API_KEY}
  anthropic: {dialect: anthropic, api_key: env:ANTHROPIC_API_KEY}
  local:     {dialect: openai, base_url: http://127.0.0.1:11434/v1, allow_private: true}
models:
  smart:
    router: balanced
    with: {cost: 0.5, quality: 0.3, latency: 0.2}
    targets: [openai/gpt-5, {target: anthropic/claude-sonnet-4-5, weight: 2, order: 1}]
    fallback: [local/llama3.3]
    retries: {attempts: 2, backoff: 200ms..5s}
    timeout: {first_token: 15s, idle: 20s, total: 10m}
    cache: {ttl: 1h, similar: off}
  "openai/*": {targets: ["openai/*"]}
  tuned: {targets: [{target: local/mine, price: {input: 0.2, output: 0.6, cached: 0.05}, context: 32768, quality: 0.6}]}
cache:  {size: 256MiB}
ledger: sqlite://penstock.db
state:  memory
`

func TestFullConfiguration(t *testing.T) {
	c := parseText(t, full)
	got := c.Models["smart"]
	want := Model{
		Router: "balanced", With: Object(`{"cost":0.5,"latency":0.2,"quality":0.3}`),
		Targets:  []Target{{Target: "openai/gpt-5", Weight: 1}, {Target: "anthropic/claude-sonnet-4-5", Weight: 2, Order: 1}},
		Fallback: []Target{{Target: "local/llama3.3", Weight: 1}},
		Retries:  Retries{Attempts: 2, Total: 10, Backoff: Span{200 * time.Millisecond, 5 * time.Second}},
		Timeout:  Timeout{FirstToken: 15 * time.Second, Idle: 20 * time.Second, PingIdle: 2 * time.Minute, KeepAlive: 5 * time.Second, Total: 10 * time.Minute},
		Empty:    EmptyFallback,
		Stream:   Stream{Resume: ResumeAuto, Abandoned: CancelAbandoned},
		Cache:    RouteCache{TTL: time.Hour, Similar: Similar{Mode: "off", Threshold: 0.95, Embedder: "lexical", MaxChars: 500}, Coalesce: CoalesceOn}, PromptCache: PromptCacheOff, OnUnsupported: DropUnsupported,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("smart (-want +got):\n%s", diff)
	}
	openai := c.Providers["openai"]
	if openai.BaseURL != "https://api.openai.com/v1" || openai.Catalog != "openai" || openai.APIKey.Reveal() != "hidden-openai" {
		t.Errorf("openai = %+v", openai)
	}
	if local := c.Providers["local"]; local.Catalog != "ollama" || !local.AllowPrivate || !local.APIKey.IsZero() {
		t.Errorf("local = %+v", local)
	}
	if c.Cache.Size != 256<<20 || c.Ledger.File() != "penstock.db" || c.Keys != KeysRequired || len(c.Warnings()) != 0 {
		t.Errorf("the rest is %+v, warnings %v", c, c.Warnings())
	}
}

func TestDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "{}", "models:\nproviders:\nadmin:\n", "---\n", "\ufefflisten: 127.0.0.1:8080\r\n"} {
		c := parseText(t, text)
		if c.Keys != KeysRequired || c.Listen != "127.0.0.1:8080" || c.Admin != (Admin{Listen: "127.0.0.1:8081", Auth: AuthLoopback}) ||
			c.Server.MaxBody != 32<<20 || c.Server.Grace != 30*time.Second || c.Cache.Size != 256<<20 || c.State != "memory" {
			t.Errorf("%q gives %+v", text, c)
		}
	}
	m := parseText(t, "models: {m: {targets: [demo/demo], retries: {attempts: 3}}}").Models["m"]
	if m.Router != "ordered" || m.Retries.Attempts != 3 || m.Retries.Backoff.Max != 5*time.Second || m.Timeout.Idle != 20*time.Second {
		t.Errorf("a sparse model is %+v", m)
	}
}

func TestMergeAndAliases(t *testing.T) {
	c := parseText(t, `
models:
  a: &base {targets: &t [demo/demo], retries: {attempts: 3}}
  b: {<<: *base, router: weighted}
  c: {targets: *t, with: {deep: [1, 2.50, true, null, "x", {y: 1_000}]}}
`)
	if b := c.Models["b"]; b.Router != "weighted" || b.Retries.Attempts != 3 || len(b.Targets) != 1 {
		t.Errorf("b = %+v", b)
	}
	if got := string(c.Models["c"].With); got != `{"deep":[1,2.50,true,null,"x",{"y":1000}]}` {
		t.Errorf("with = %s", got)
	}
}

// TestColonsInFlowStyle is about names of models as Ollama writes them.
func TestColonsInFlowStyle(t *testing.T) {
	c := parseText(t, `
models: {m: {targets: [demo/llama3:8b, demo/a:b:c, {target: demo/x:7}, "demo/q:1", demo/z:8.5], with: {tags: [a:b, {c: d}]}}}
`)
	var got []string
	for _, target := range c.Models["m"].Targets {
		got = append(got, target.Target)
	}
	if diff := cmp.Diff([]string{"demo/llama3:8b", "demo/a:b:c", "demo/x:7", "demo/q:1", "demo/z:8.5"}, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if with := string(c.Models["m"].With); with != `{"tags":["a:b",{"c":"d"}]}` {
		t.Errorf("with = %s", with)
	}
}

// TestAliasBomb is nine lines that stand for a thousand million targets.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("models:\n  m:\n    targets: [demo/demo]\n    with:\n      a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "      a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	_, err := Parse("bomb.yaml", []byte(b.String()), getenv)
	if err == nil || !strings.Contains(err.Error(), "too deeply nested") {
		t.Errorf("Parse = %.200v, want a fault about nesting", err)
	}
}

func TestFaultFromOutside(t *testing.T) {
	c := parseText(t, full)
	f := c.Fault("models.smart.targets[1].target", "try another", "does not %s", "answer")
	want := `penstock.yaml:13:38: models.smart.targets[1].target: does not answer
   13 |     targets: [openai/gpt-5, {target: anthropic/claude-sonnet-4-5, weight: 2, order: 1}]
      |                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = try another
`
	if diff := cmp.Diff(want, f.snippet()); diff != "" {
		t.Errorf("snippet (-want +got):\n%s", diff)
	}
	if got := c.Fault("models.smart.stream.resume", "", "x").Line; got != 11 {
		t.Errorf("what the file does not mention is placed in line %d, want 11, where its model is", got)
	}
	if got := c.Fault(Path("models", "openai/*"), "", "x").Line; got != 18 {
		t.Errorf("a quoted name is placed in line %d, want 18", got)
	}
}

func TestWarnings(t *testing.T) {
	c := parseText(t, `
listen: 0.0.0.0:8080
keys: off
providers:
  far: {base_url: http://example.com/v1, api_key: env:OPENAI_API_KEY}
plugins:
  mine: {file: config_test.go}
`)
	if got := c.Warnings(); len(got) != 3 {
		t.Errorf("Warnings = %q, want three", got)
	}
}

func TestLoadOfWhatIsNoFile(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "missing.yaml"), t.TempDir()} {
		_, err := Load(path, getenv)
		var faults Faults
		if err == nil || errors.As(err, &faults) {
			t.Errorf("Load(%q) = %v, want an error that is no fault of the content", path, err)
		}
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"rego/a.rego", "p.wasm", "key"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("canary\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "penstock.yaml")
	text := "policies: ./rego\nplugins: {p: {file: p.wasm}}\nledger: sqlite://sub/l.db\nproviders: {openai: {api_key: file:key}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, getenv)
	if err != nil {
		t.Fatal(err)
	}
	if c.Policies.Folder != filepath.Join(dir, "rego") || c.Plugins.Own["p"].File != filepath.Join(dir, "p.wasm") ||
		c.Ledger.File() != filepath.Join(dir, "sub/l.db") || c.Providers["openai"].APIKey.Reveal() != "canary" {
		t.Errorf("Load = %+v", c)
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"targets", "tagets", 1}, {"weight", "wieght", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got, back := distance(test.a, test.b), distance(test.b, test.a); got != test.want || back != got {
			t.Errorf("distance(%q, %q) = %d and %d, want %d", test.a, test.b, got, back, test.want)
		}
	}
}
