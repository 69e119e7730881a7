package config

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestDiscoverNothing(t *testing.T) {
	c := Discover(t.Context(), func(string) string { return "" }, nil)
	if len(c.Providers)+len(c.Models)+len(c.Found) != 0 || c.Keys != KeysOff || !IsLoopback(c.Listen) || !IsLoopback(c.Admin.Listen) {
		t.Errorf("nothing to find gives %+v", c)
	}
	if c.Server.MaxBody != 32<<20 || c.Cache.Size == 0 || c.Ledger.File() != "penstock.db" {
		t.Errorf("the defaults are missing: %+v", c)
	}
	if got := c.Fault("listen", "", "port in use"); got.Line != 1 || got.snippet() == "" {
		t.Errorf("a fault without a file is %+v", got)
	}
}

func TestDiscover(t *testing.T) {
	var probed []string
	probe := func(ctx context.Context, base string) bool {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the probe may take for ever")
		}
		probed = append(probed, base)
		return true
	}
	env := map[string]string{"OPENAI_API_KEY": "canary", "GOOGLE_API_KEY": "canary", "ANTHROPIC_API_KEY": " canary\n", "XAI_API_KEY": " ", "HF_TOKEN": "a\x00b"}
	c := Discover(t.Context(), func(name string) string { return env[name] }, probe)
	want := []string{"openai (env)", "anthropic (env)", "gemini (env)", "ollama (127.0.0.1:11434)"}
	if diff := cmp.Diff(want, c.Found); diff != "" {
		t.Errorf("Found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"http://127.0.0.1:11434/v1"}, probed); diff != "" {
		t.Errorf("probed (-want +got):\n%s", diff)
	}
	if p := c.Providers["anthropic"]; p.Dialect != "anthropic" || p.APIKey.Reveal() != "canary" || p.Catalog != "anthropic" {
		t.Errorf("anthropic = %+v", p)
	}
	if p := c.Providers["ollama"]; !p.AllowPrivate || !p.APIKey.IsZero() {
		t.Errorf("ollama = %+v", p)
	}
	alias, star, ok := c.Match("openai/gpt-5")
	if m := c.Models[alias]; !ok || star != "gpt-5" || m.Targets[0].Target != "openai/*" || m.Retries.Attempts != 2 || m.Timeout.Total == 0 {
		t.Errorf("Match = %q, %q, %+v", alias, star, m)
	}
}

// TestOtherAddresses: a dialect chooses the address of a well-known provider, and an address
// the dialect.
func TestOtherAddresses(t *testing.T) {
	for text, want := range map[string][2]string{
		"minimax: {api_key: env:KEY, dialect: anthropic}":                             {"anthropic", "https://api.minimax.io/anthropic/v1"},
		"azure: {api_key: env:KEY, base_url: 'https://r.openai.azure.com/openai/v1'}": {"openai", "https://r.openai.azure.com/openai/v1"},
		"vllm: {}":                   {"openai", "http://127.0.0.1:8000/v1"},
		"cohere: {api_key: env:KEY}": {"cohere", "https://api.cohere.com/v2"},
		"cohere: {api_key: env:KEY, dialect: openai}":                                 {"openai", "https://api.cohere.ai/compatibility/v1"},
		"mine: {api_key: env:KEY, base_url: https://api.cohere.ai/compatibility/v1/}": {"openai", "https://api.cohere.ai/compatibility/v1"},
		"mine: {api_key: env:KEY, dialect: cohere}":                                   {"cohere", "https://api.cohere.com/v2"},
		"ollama: {}":                {"openai", "http://127.0.0.1:11434/v1"},
		"ollama: {dialect: ollama}": {"ollama", "http://127.0.0.1:11434/api"},
		"box: {dialect: ollama, base_url: 'http://10.0.0.5:11434/api', allow_private: true}": {"ollama", "http://10.0.0.5:11434/api"},
	} {
		name, _, _ := strings.Cut(text, ":")
		c, err := Parse("penstock.yaml", []byte("providers: {"+text+"}\n"), func(string) string { return "secret-0123" })
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if p := c.Providers[name]; string(p.Dialect) != want[0] || p.BaseURL != want[1] {
			t.Errorf("%s has the dialect %s at %s, want %v", text, p.Dialect, p.BaseURL, want)
		}
	}
}

// TestKnownProviders checks the table itself, and that each entry can be configured
// with its key alone.
func TestKnownProviders(t *testing.T) {
	var names []string
	for _, k := range KnownProviders() {
		if k.URLForm != "" {
			continue
		}
		u, err := url.Parse(k.BaseURL)
		if err != nil || strings.HasSuffix(k.BaseURL, "/") || (u.Scheme != "https") != k.Private || !isName(k.Name) || k.Name == Demo {
			t.Errorf("%+v is not right", k)
		}
		if slices.Contains(names, k.Name) || k.Private != (len(k.Env) == 0) {
			t.Errorf("%s is there twice, or has no way to its key", k.Name)
		}
		names = append(names, k.Name)
		text := "providers: {" + k.Name + ": {}}"
		if len(k.Env) > 0 {
			text = "providers: {" + k.Name + ": {api_key: env:OPENAI_API_KEY}}"
		}
		if p := parseText(t, text).Providers[k.Name]; p.BaseURL != k.BaseURL || p.Dialect != k.Dialect || p.Catalog != k.Name || !slices.Equal(p.Also, k.Also) {
			t.Errorf("%s = %+v", text, p)
		}
	}
}

func TestCatalogFollows(t *testing.T) {
	c := parseText(t, `
providers:
  openai:  {base_url: https://proxy.example.com/v1}
  second:  {dialect: openai, api_key: env:OPENAI_API_KEY}
  claude:  {dialect: anthropic, api_key: env:ANTHROPIC_API_KEY}
  own:     {base_url: https://llm.example.com/v1}
  fast:    {base_url: https://api.groq.com/openai/v1/, api_key: env:OPENAI_API_KEY}
  cloud:   {base_url: https://x.example.com/v1, catalog: azure}
`)
	for name, want := range map[string]string{"openai": "openai", "second": "openai", "claude": "anthropic", "own": "", "fast": "groq", "cloud": "azure"} {
		if got := c.Providers[name].Catalog; got != want {
			t.Errorf("%s takes its prices from %q, want %q", name, got, want)
		}
	}
	if p := c.Providers["own"]; p.Dialect != "openai" {
		t.Errorf("own speaks %q", p.Dialect)
	}
}

func TestAlso(t *testing.T) {
	c := parseText(t, `
providers:
  openai: {api_key: env:OPENAI_API_KEY, also: []}
  groq:   {dialect: anthropic, api_key: env:OPENAI_API_KEY}
  own:    {base_url: https://llm.example.com/v1, also: [anthropic, openai-responses]}
`)
	for name, want := range map[string][]llm.Dialect{"openai": {}, "groq": nil, "own": {llm.Anthropic, llm.Responses}} {
		if got := c.Providers[name].Also; !slices.Equal(got, want) {
			t.Errorf("%s also speaks %v, want %v", name, got, want)
		}
	}
}
