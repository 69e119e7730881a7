package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// line is a row of a file.
func line(fields ...string) string { return strings.Join(fields, "\t") + "\n" }

// rowOf is a valid row with some of its columns replaced.
func rowOf(provider, model string, replaced map[int]string) string {
	f := append([]string{provider, model}, strings.Split("1000000000 2000000000 - - - - - - 1000 100 tools,json_schema - 0.5 2025-01-01 - -", " ")...)
	for i, s := range replaced {
		f[i+2] = s
	}
	return line(f...)
}

func TestFileOverTheTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.tsv")
	text := "# a comment\n" + rowOf("openai", "gpt-5", nil) + rowOf("openai", "gpt-9-2030-01-01", map[int]string{colLong: "500:3000000000:4000000000:-:-:-"}) + rowOf("acme", "a/b", map[int]string{0: "-", 1: "-"})
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := c.Lookup("openai", "gpt-5-2025-08-07")
	if e.Price.Input != llm.USD || e.Price.Row != "openai/gpt-5@"+hashOf(text) || e.Context != 1000 {
		t.Errorf("the file's gpt-5 = %+v", e)
	}
	if e, ok := c.Lookup("openai", "gpt-9"); !ok || e.Price.LongAbove != 500 || e.Price.Cost(llm.Usage{Input: 501}) != 501*3000 {
		t.Errorf("a model that only the file has = %+v, %v", e, ok)
	}
	if e, ok := c.Lookup("acme", "a/b"); !ok || e.Price.Known {
		t.Errorf("a model without a price = %+v, %v", e, ok)
	}
	if e, _ := c.Lookup("openai", "gpt-4o"); e.Price.Row != "openai/gpt-4o@"+hashOf(table) {
		t.Errorf("the table's price is by %s", e.Price.Row)
	}
	if _, err := Open(path + "x"); !os.IsNotExist(err) {
		t.Errorf("Open of a missing file = %v", err)
	}
	partial, err := Over(rowOf("openai", "gpt-5", map[int]string{colContext: "-", colMaxOutput: "-", colQuality: "-", colReleased: "-"}))
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := partial.Lookup("openai", "gpt-5"); e.Quality != 0.88 || e.Context != 400_000 || e.MaxOutput != 128_000 || e.Released != "2025-08-07" || e.Price.CacheRead != llm.USD {
		t.Errorf("a row without a quality = %+v, want the table's, and no price of the table's", e)
	}
	got := c.Compare(load(t))
	if diff := cmp.Diff([]string{"acme/a/b", "openai/gpt-9-2030-01-01"}, got.New); diff != "" || len(got.Removed) > 0 || len(got.Other) > 0 {
		t.Errorf("Compare = %+v", got)
	}
	if want := []string{"openai/gpt-5: input 1.25 → 1, output 10 → 2, cached 0.125 → 1, cache_write 1.25 → 1, cache_write_1h 1.25 → 1, audio_input 1.25 → 1, audio_output 10 → 2, " +
		"tier batch input 0.625, output 5, cached 0.0625 → as standard, tier flex input 0.625, output 5, cached 0.0625 → as standard, tier priority input 2.5, output 20, cached 0.25 → as standard"}; !cmp.Equal(got.Prices, want) {
		t.Errorf("Compare's prices = %q, want %q", got.Prices, want)
	}
	back := load(t).Compare(c)
	if len(back.Removed) != 2 || len(back.New) != 0 || len(back.Prices) != 1 {
		t.Errorf("the other way round: %+v", back)
	}
}

func TestFileFaults(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "no model"}, {"# only\n", "no model"},
		{"openai\tm\n", "line 1: it has 2 columns, not 18"},
		{rowOf("openai", "m", map[int]string{0: "-5"}), `line 1: openai/m: invalid number "-5"`},
		{rowOf("openai", "m", map[int]string{0: "-"}), "the price of input or output is missing"},
		{rowOf("openai", "m", map[int]string{1: "-"}), "the price of input or output is missing"},
		{rowOf("openai", "m", map[int]string{1: ""}), "invalid number"},
		{rowOf("openai", "m", map[int]string{0: "1.5"}), "invalid number"},
		{rowOf("openai", "m", map[int]string{0: "99999999999999999"}), "invalid number"},
		{rowOf("openai", "m", map[int]string{colAudioIn: "-1"}), "invalid number"},
		{rowOf("openai", "m", map[int]string{colLong: "200:1"}), "there are 1 prices"},
		{rowOf("openai", "m", map[int]string{colLong: "200:1:-:-:-:-"}), "missing"},
		{rowOf("openai", "m", map[int]string{colLong: "0:1:1:-:-:-"}), "invalid step"},
		{rowOf("openai", "m", map[int]string{colFeatures: "tools,magic"}), "unknown capability"},
		{rowOf("openai", "m", map[int]string{colQuality: "NaN"}), "invalid quality"},
		{rowOf("openai", "m", map[int]string{colQuality: "1.5"}), "invalid quality"},
		{rowOf("openai", "m\x1b[0m", nil), "invalid name"},
		{rowOf("openai", "m", map[int]string{colImages: "5"}), "openai/m: invalid prices of pictures"},
		{rowOf("openai", "m", map[int]string{colImages: "-:-1:-"}), "invalid number"},
		{rowOf("openai", "m", map[int]string{0: "-", 1: "-", colImages: "-:1:-"}), "invalid prices of pictures"},
		{rowOf("openai", "m", map[int]string{colTiers: "flex"}), `invalid prices of a service tier "flex"`},
		{rowOf("openai", "m", map[int]string{colTiers: "ultra:1:2:-:-:-"}), "invalid prices of a service tier"},
		{rowOf("openai", "m", map[int]string{colTiers: "flex:1:2:-:-:-,flex:1:2:-:-:-"}), "invalid prices of a service tier"},
		{rowOf("openai", "m", map[int]string{colTiers: "flex:-:-:-:-:-"}), "service tier flex: the price of input or output is missing"},
		{rowOf("openai", "m", map[int]string{colTiers: "flex:1:-:-:-:-"}), "missing"},
		{rowOf("openai", "m", map[int]string{colTiers: "flex:1:-2:-:-:-"}), `openai/m: service tier flex: invalid number "-2"`},
		{rowOf("openai", "m", map[int]string{colTiers: "flex:1:2:-:-:-:1:2:-:-:-"}), "has prices for long prompts, and the model none"},
		{rowOf("openai", "m", map[int]string{0: "-", 1: "-", colTiers: "flex:1:2:-:-:-"}), "invalid prices of a service tier"},
		{rowOf("openai", "m", nil) + rowOf("openai", "m", nil), "line 2: openai/m is on line 1, too"},
		{strings.Repeat("x\n", 100), "line 20: "},
	} {
		if _, err := Over(c.text); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "line 21") {
			t.Errorf("Over(%.80q) = %v, want an error that says %s", c.text, err, c.want)
		}
	}
}

// TestTableIsValid wants the table itself to pass what files have to.
func TestTableIsValid(t *testing.T) {
	if err := check(table); err != nil {
		t.Error(err)
	}
}

func FuzzOver(f *testing.F) {
	f.Add(rowOf("openai", "gpt-5", nil))
	f.Fuzz(func(t *testing.T, rows string) {
		c, err := Over(rows)
		if err != nil {
			return
		}
		for _, provider := range c.Providers() {
			if models := c.Models(provider); len(models) < 100 {
				for _, e := range models {
					if e.Price.Input < 0 || e.Price.Output < 0 || e.Quality > 1 {
						t.Errorf("%+v", e)
					}
				}
			}
		}
		c.Compare(load(t))
	})
}
