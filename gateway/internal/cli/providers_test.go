package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProviders lists what is configured and what could be, and shows no key.
func TestProviders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "penstock.yaml")
	text := "providers:\n  groq: {api_key: env:GROQ_API_KEY}\n  own: {base_url: https://llm.example.com/v1, api_key: env:OWN_KEY}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		var out, failed bytes.Buffer
		env := map[string]string{"GROQ_API_KEY": "canary-groq", "OPENAI_API_KEY": "canary-openai", "OWN_KEY": "canary-own"}
		code := Run(t.Context(), append([]string{"providers", "-c", path}, args...),
			Environment{Getenv: func(name string) string { return env[name] }, Stdout: &out, Stderr: &failed})
		if code != 0 || strings.Contains(out.String(), "canary") {
			t.Fatalf("exit code %d: %s%s", code, out.String(), failed.String())
		}
		return out.String()
	}
	table := run()
	for _, want := range []string{"PROVIDER", "groq ", "yes ", "GROQ_API_KEY is set", "set ANTHROPIC_API_KEY", "https://RESOURCE.openai.azure.com/openai/v1"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	var list []providerState
	if err := json.Unmarshal([]byte(run("-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]providerState{}
	for _, p := range list {
		if _, twice := found[p.Name]; twice {
			t.Errorf("%s is listed twice", p.Name)
		}
		found[p.Name] = p
	}
	if g := found["groq"]; !g.Configured || !g.WellKnown || g.EnvSet != "GROQ_API_KEY" {
		t.Errorf("groq = %+v", g)
	}
	if o := found["own"]; !o.Configured || o.WellKnown || o.BaseURL != "https://llm.example.com/v1" {
		t.Errorf("own = %+v", o)
	}
	if o := found["openai"]; o.Configured || o.EnvSet != "OPENAI_API_KEY" {
		t.Errorf("openai = %+v", o)
	}
}
