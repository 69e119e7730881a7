package routes

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
)

// routesOf makes the routes of a configuration, of discovery for an empty one.
func routesOf(t testing.TB, text string, env ...string) *Routes {
	t.Helper()
	getenv := func(name string) string {
		for _, e := range env {
			if e == name {
				return "sk-test"
			}
		}
		return ""
	}
	cat, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Discover(t.Context(), getenv, nil)
	if text != "" {
		if c, err = config.Parse("penstock.yaml", []byte(text), getenv); err != nil {
			t.Fatal(err)
		}
	}
	return New(c, cat, text == "", nil)
}

// TestModelsOfPatterns asks for models by name that List does not return.
func TestModelsOfPatterns(t *testing.T) {
	const text = `
providers:
  openai: {api_key: env:OPENAI_API_KEY}
  local: {base_url: http://127.0.0.1:9/v1, allow_private: true}
models:
  "openai/*": {targets: ["openai/*"]}
  "mine-*": {targets: ["local/*"]}
  smart: {targets: [openai/gpt-5]}
`
	configured, discovered := routesOf(t, text, "OPENAI_API_KEY"), routesOf(t, "", "OPENAI_API_KEY")
	for _, c := range []struct {
		routes *Routes
		name   string
		owner  string
	}{
		{configured, "smart", "penstock"},
		{configured, "openai/gpt-5", "openai"},
		{configured, "openai/gpt-5-2025-08-07", "openai"},
		{configured, "openai/no-such-model", ""},
		{configured, "mine-llama/70b", "local"},
		{configured, "mine-", ""},
		{configured, "openai/*", ""},
		{configured, "gpt-5", ""},
		{discovered, "gpt-5", "openai"},
		{discovered, "openai/gpt-5", "openai"},
		{discovered, "demo", "demo"},
		{discovered, "nothing", ""},
	} {
		got, ok := c.routes.Model(c.name)
		if ok != (c.owner != "") || got.Owner != c.owner || ok && got.ID != c.name {
			t.Errorf("Model(%q) = %+v, %v, want owner %q", c.name, got, ok, c.owner)
		}
	}
}

// TestUnknownModelsSayWhatIsMissing asks for models of well-known providers that are not
// configured.
func TestUnknownModelsSayWhatIsMissing(t *testing.T) {
	discovered, configured := routesOf(t, ""), routesOf(t, "models: {m: {targets: [demo/demo]}}")
	for _, c := range []struct {
		routes     *Routes
		name, want string
	}{
		{discovered, "gpt-5", "set OPENAI_API_KEY"},
		{discovered, "openai/gpt-5", "set OPENAI_API_KEY"},
		{discovered, "anthropic/claude-sonnet-4-5", "set ANTHROPIC_API_KEY"},
		{configured, "gpt-5", "openai: {api_key: env:OPENAI_API_KEY}"},
		{discovered, "no-such-thing", "GET /v1/models"},
		{discovered, "m\U000E0067\"", `"m\udb40\udc67\"" does not exist`},
	} {
		if _, err := c.routes.Named(c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Named(%q) = %v, want …%s…", c.name, err, c.want)
		}
	}
}

// TestWhatModelsDo wants models that make embeddings told apart from those that converse, as far
// as that is known.
func TestWhatModelsDo(t *testing.T) {
	const text = `
providers:
  openai: {api_key: env:OPENAI_API_KEY}
  local: {base_url: http://127.0.0.1:9/v1, allow_private: true}
  claude: {dialect: anthropic, base_url: http://127.0.0.1:9/v1, allow_private: true}
models:
  "openai/*": {targets: ["openai/*"]}
  embed: {targets: [openai/text-embedding-3-small]}
  own: {targets: [local/m]}
  thinker: {targets: [claude/m]}
  demo: {targets: [demo/demo]}
`
	r := routesOf(t, text, "OPENAI_API_KEY")
	listed := map[string]Model{}
	for _, m := range r.List() {
		listed[m.ID] = m
	}
	for name, want := range map[string]struct{ chat, embeds bool }{
		"openai/gpt-5": {true, false}, "openai/text-embedding-3-large": {false, true}, "embed": {false, true},
		"own": {true, true}, "thinker": {true, false}, "demo": {true, false},
	} {
		m, ok := r.Model(name)
		if l := listed[name]; !ok || m.Chat != want.chat || m.Embeds != want.embeds || l.Chat != want.chat || l.Embeds != want.embeds {
			t.Errorf("%s: chat %t, embeds %t, listed as %+v; want %+v", name, m.Chat, m.Embeds, l, want)
		}
	}
}
