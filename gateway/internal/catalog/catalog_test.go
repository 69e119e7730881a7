package catalog

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func load(t testing.TB) *Catalog {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func lookup(t testing.TB, provider, model string) Entry {
	t.Helper()
	e, ok := load(t).Lookup(provider, model)
	if !ok {
		t.Fatalf("Lookup(%q, %q) found nothing", provider, model)
	}
	return e
}

func TestEveryRowIsWhole(t *testing.T) {
	c := load(t)
	rows := 0
	for _, provider := range c.Providers() {
		for _, e := range c.Models(provider) {
			rows++
			if f := strings.Split(c.rows[key{provider, e.Model}].columns, "\t"); len(f) != columns {
				t.Errorf("%s/%s has %d columns, want %d", provider, e.Model, len(f), columns)
			}
			checkEntry(t, e)
			back, ok := c.Lookup(provider, e.Model)
			if !ok || back.Model != e.Model {
				t.Errorf("Lookup(%q, %q) = %q, %v", provider, e.Model, back.Model, ok)
			}
		}
	}
	if rows < 800 || len(table) > 300_000 {
		t.Errorf("the table has %d rows and %d bytes", rows, len(table))
	}
}

func checkEntry(t *testing.T, e Entry) {
	t.Helper()
	p := e.Price
	if p.Known && (p.Row == "" || p.Input < 0 || p.Output < 0 || p.Input > 0 && (p.CacheRead == 0 || p.CacheWrite == 0)) {
		t.Errorf("%s/%s has the price %+v", e.Provider, e.Model, p)
	}
	if p.Long != nil && (p.LongAbove <= 0 || !p.Long.Known || p.Long.Input < p.Input || p.Long.Output < p.Output) {
		t.Errorf("%s/%s is cheaper for long prompts: %+v", e.Provider, e.Model, p.Long)
	}
	if !p.Known && !reflect.DeepEqual(p, llm.Price{}) {
		t.Errorf("%s/%s has an unknown price that is not empty: %+v", e.Provider, e.Model, p)
	}
	if e.Quality > 1 || e.Context < 0 || e.MaxOutput < 0 {
		t.Errorf("%s/%s is out of range: %+v", e.Provider, e.Model, e)
	}
}

func TestFactsOfKnownModels(t *testing.T) {
	hash := hashOf(table)
	usd := func(s string) llm.NanoUSD {
		n, err := llm.ParseUSD(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	got := lookup(t, "openai", "gpt-5")
	want := Entry{
		Provider: "openai", Model: "gpt-5", Context: 400_000, MaxOutput: 128_000, Quality: 0.88,
		Chat: true, Released: "2025-08-07", Features: got.Features,
		Price: llm.Price{Known: true, Input: usd("1.25"), Output: usd("10"), CacheRead: usd("0.125"),
			CacheWrite: usd("1.25"), CacheWriteLong: usd("1.25"), AudioInput: usd("1.25"), AudioOutput: usd("10"), WebSearch: usd("10000"),
			Row: "openai/gpt-5@" + hash},
	}
	for tier, prices := range map[llm.Tier][3]string{llm.TierBatch: {"0.625", "5", "0.0625"}, llm.TierFlex: {"0.625", "5", "0.0625"}, llm.TierPriority: {"2.5", "20", "0.25"}} {
		in, out := usd(prices[0]), usd(prices[1])
		// No price of sound is published for a tier: it is not below the standard one.
		want.Price.SetTier(tier, llm.Price{Known: true, Input: in, Output: out, CacheRead: usd(prices[2]), CacheWrite: in, CacheWriteLong: in,
			AudioInput: max(in, usd("1.25")), AudioOutput: max(out, usd("10"))})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gpt-5 (-want +got):\n%s", diff)
	}
	if !got.Features.Has(llm.Tools | llm.Vision | llm.JSONSchema | llm.Reasoning) {
		t.Errorf("gpt-5 can do %v only", got.Features)
	}
	claude := lookup(t, "anthropic", "claude-sonnet-4-5").Price
	if claude.CacheWrite != usd("3.75") || claude.CacheWriteLong != usd("6") || claude.CacheRead != usd("0.3") {
		t.Errorf("claude-sonnet-4-5 costs %+v", claude)
	}
	if f := lookup(t, "anthropic", "claude-opus-4-6").Features; f.Has(llm.Prefill) {
		t.Error("claude-opus-4-6 has the feature prefill, but answers 400 to it")
	}
	if p := lookup(t, "openai", "gpt-3.5-turbo").Price; p.CacheRead != p.Input {
		t.Errorf("gpt-3.5-turbo's cached tokens cost %v, want the input price %v", p.CacheRead, p.Input)
	}
	if e := lookup(t, "openai", "text-embedding-3-small"); e.Chat || !e.Embeds {
		t.Error("text-embedding-3-small is a chat model")
	}
}

func TestUnknownAndFree(t *testing.T) {
	free := lookup(t, "zai", "glm-4.5-flash").Price
	if !free.Known || free.Cost(llm.Usage{Input: 1e6, Output: 1e6}) != 0 {
		t.Errorf("glm-4.5-flash is free, but costs %+v", free)
	}
	unknown := lookup(t, "perplexity", "sonar-deep-research") // bills searches and citations too
	if unknown.Price.Known {
		t.Errorf("sonar-deep-research has the price %+v, want unknown", unknown.Price)
	}
	var target llm.Target
	unknown.Fill(&target)
	if target.Price.Known || !target.FeaturesKnown || target.Context == 0 || target.Quality >= 0 {
		t.Errorf("Fill gives %+v", target)
	}
}

func TestLongPrompts(t *testing.T) {
	p := lookup(t, "gemini", "gemini-2.5-pro").Price
	for _, test := range []struct {
		prompt int64
		want   llm.NanoUSD
	}{{200_000, 250_000_000 + 10_000_000}, {200_001, 500_002_500 + 15_000_000}} {
		if got := p.Cost(llm.Usage{Input: test.prompt, Output: 1000}); got != test.want {
			t.Errorf("%d tokens cost %d nano-USD, want %d", test.prompt, got, test.want)
		}
	}
}

func TestLookupNormalises(t *testing.T) {
	for _, test := range []struct{ provider, model, want string }{
		{"openai", "gpt-5-2025-08-07", "gpt-5"},
		{"openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"}, // dearer than gpt-4o, and in the table
		{"openai", "gpt-4o-2031-01-01", "gpt-4o"},
		{"openai", "gpt-4o-2024-13-01", ""}, // no such month
		{"anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"},
		{"anthropic", "claude-sonnet-5-20260701", "claude-sonnet-5"},
		{"anthropic", "claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"},
		{"anthropic", "claude-3-5-sonnet", "claude-3-5-sonnet-20241022"},
		{"gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"},
		{"gemini", "gemini-2.0-flash-001", "gemini-2.0-flash"},
		{"vertex", "claude-sonnet-4-5", "claude-sonnet-4-5@20250929"},
		{"mistral", "mistral-large", "mistral-large-latest"},
		{"mistral", "mistral-medium-2508", "mistral-medium-2508"},
		{"mistral", "mistral-medium-2999", ""},
		{"openai", "gpt-5-turbo", ""},
		{"nobody", "gpt-5", ""},
		{"", "", ""}, {"openai", "-20250101", ""}, {"openai", "models/", ""},
	} {
		got, ok := load(t).Lookup(test.provider, test.model)
		if got.Model != test.want || ok != (test.want != "") {
			t.Errorf("Lookup(%q, %q) = %q, %v, want %q", test.provider, test.model, got.Model, ok, test.want)
		}
	}
}

func TestNear(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"openai/gpt5", "openai/gpt-5"},
		{"anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5"},
		{"deepseek/deepseek-chta", "deepseek/deepseek-chat"},
	} {
		if got := load(t).Near(test.name); len(got) == 0 || len(got) > maxNear || got[0] != test.want {
			t.Errorf("Near(%q) = %v, want %q first", test.name, got, test.want)
		}
	}
	for _, name := range []string{"", "zzzzzzzz", strings.Repeat("gpt-5", 1000)} {
		if got := load(t).Near(name); len(got) != 0 {
			t.Errorf("Near(%.20q) = %v, want nothing", name, got)
		}
	}
}

// TestCostVectors checks costs that other gateways compute wrongly.
func TestCostVectors(t *testing.T) {
	cached := llm.Price{Known: true, Input: 1_250_000_000, CacheRead: 625_000_000, Output: 10_000_000_000}
	usage := llm.Usage{Input: 262_960, CacheRead: 257_955, Output: 1_744}
	// 5,005 × 1.25 + 257,955 × 0.625 + 1,744 × 10 = 184,918.125 millionths of a dollar.
	if got := cached.Cost(usage); got != 184_918_125 {
		t.Errorf("cached prompt costs %d nano-USD, want 184918125 (0.18492 USD)", got)
	}
	deepseek := lookup(t, "deepseek", "deepseek-reasoner").Price
	if got, want := deepseek.Cost(llm.Usage{Output: 482, Reasoning: 448}), deepseek.Cost(llm.Usage{Output: 482}); got != want {
		t.Errorf("482 tokens of which 448 reasoning cost %d nano-USD, want %d: reasoning is part of them", got, want)
	}
	claude := lookup(t, "anthropic", "claude-sonnet-4-5").Price
	all := llm.Usage{Input: 1000 + 200 + 300 + 400, CacheRead: 200, CacheWrite: 300, CacheWriteLong: 400}
	// 1,000 × 3 + 200 × 0.3 + 300 × 3.75 + 400 × 6 = 6,585 millionths of a dollar.
	if got := claude.Cost(all); got != 6_585_000 {
		t.Errorf("Anthropic's four kinds of prompt tokens cost %d nano-USD, want 6585000", got)
	}
}

// TestUpToDate runs the generator's check, which needs the facts.
func TestUpToDate(t *testing.T) {
	facts := filepath.Join("..", "..", "..", "..", "shared", "prices", "models.dev.api.json")
	if _, err := os.Stat(facts); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there", facts)
	}
	out, err := exec.Command("go", "run", "./generate", "-check").CombinedOutput()
	if err != nil {
		t.Errorf("generate -check: %v\n%s", err, bytes.TrimSpace(out))
	}
}

func TestDamagedTable(t *testing.T) {
	if _, err := index("openai only\n"); err == nil {
		t.Error("a line without columns is accepted as a row")
	}
	c, err := index("p\tm\tonly\tthree\n")
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := c.Lookup("p", "m"); !ok || e.Price.Known {
		t.Errorf("a short row gives %+v", e)
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("openai", "gpt-5-2025-08-07")
	f.Add("vertex", "models/x@20250101-latest")
	c := load(f)
	f.Fuzz(func(t *testing.T, provider, model string) {
		if e, ok := c.Lookup(provider, model); ok && e.Provider != provider {
			t.Errorf("Lookup(%q, %q) found a model of %q", provider, model, e.Provider)
		}
		c.Near(provider + "/" + model)
	})
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	c := load(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Lookup("openai", "gpt-5-2025-08-07")
	}
}

func BenchmarkNear(b *testing.B) {
	c := load(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Near("claude-sonnet-4.5")
	}
}
