// Package catalog has the facts about the models of well-known providers: prices, context
// windows, output limits, capabilities. They come from models.dev, with corrections from an
// overlay, and are compiled in as a table of text.
//
// The user's own providers and prices are not here but in the configuration, which
// overrides the catalogue. A price is never guessed: what is not in the table is unknown.
package catalog

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

//go:generate go run ./generate

//go:embed catalog.tsv
var table string

// Catalog is the table with an index, and perhaps with rows of a file over it. It is immutable
// and safe for concurrent use.
type Catalog struct {
	rows map[key]row
	// dated maps a name without a date to the newest model of that name with one.
	dated map[key]string
	// names are the models of each provider, sorted.
	names map[string][]string
}

type key struct{ provider, model string }

// row is the columns of a line after provider and model, and the hash of the table it is in.
type row struct{ columns, hash string }

// Load indexes the table, in well under a millisecond; Lookup parses the rows. An error
// means that the build is broken.
func Load() (*Catalog, error) { return index(table) }

// index indexes tables; a later one's row replaces an earlier one's of the same
// model, and keeps what only that knows apart from prices.
func index(tables ...string) (*Catalog, error) {
	c := &Catalog{rows: make(map[key]row, 1024), dated: map[key]string{}, names: map[string][]string{}}
	for _, table := range tables {
		if err := c.add(table); err != nil {
			return nil, err
		}
	}
	if len(tables) > 1 {
		for _, models := range c.names {
			slices.Sort(models)
		}
	}
	return c, nil
}

func (c *Catalog) add(table string) error {
	hash := hashOf(table)
	newest := map[key]string{}
	for k, model := range c.dated {
		_, newest[k] = cutDate(model)
	}
	for line := range strings.Lines(table) {
		if line[0] == '#' {
			continue
		}
		provider, rest, _ := strings.Cut(line, "\t")
		model, columns, ok := strings.Cut(rest, "\t")
		if !ok {
			return fmt.Errorf("catalogue: invalid row %q", line)
		}
		k := key{provider, model}
		r := row{strings.TrimSuffix(columns, "\n"), hash}
		if before, had := c.rows[k]; had {
			r.columns = complete(r.columns, before.columns)
		} else {
			c.names[provider] = append(c.names[provider], model)
		}
		c.rows[k] = r
		if stem, date := cutDate(model); date != "" && date > newest[key{provider, stem}] {
			newest[key{provider, stem}] = date
			c.dated[key{provider, stem}] = model
		}
	}
	return nil
}

// complete returns the columns of a row with what it does not know, apart from prices, from an
// earlier row of the same model: LiteLLM's file has no qualities.
func complete(columns, earlier string) string {
	f, from := strings.Split(columns, "\t"), strings.Split(earlier, "\t")
	for _, i := range [...]int{colContext, colMaxOutput, colQuality, colReleased} {
		if i < len(f) && i < len(from) && f[i] == "-" {
			f[i] = from[i]
		}
	}
	return strings.Join(f, "\t")
}

// hashOf identifies a table: the first eight hexadecimal digits of its SHA-256. It is part of the
// Row of every price.
func hashOf(table string) string {
	sum := sha256.Sum256([]byte(table))
	return hex.EncodeToString(sum[:4])
}

// Lookup finds a provider's model by its name or, in this order, by the name
//
//   - without Gemini's prefix "models/",
//   - without a date at its end ("gpt-5-2025-08-07", "claude-sonnet-4-5-20250929",
//     "claude-opus-4-1@20250805") or, at Google, without "-001",
//   - without "-latest", or with it,
//   - with the newest date at its end.
//
// Shorter numbers such as "-2508" or "-0613" are kept: versions that differ in them have
// different prices. Entry.Model is the model that was found.
func (c *Catalog) Lookup(provider, model string) (Entry, bool) {
	for name := range candidates(provider, model) {
		if row, ok := c.rows[key{provider, name}]; ok {
			return entry(provider, name, row), true
		}
	}
	name := strings.TrimSuffix(strings.TrimPrefix(model, "models/"), "-latest")
	if dated, ok := c.dated[key{provider, name}]; ok {
		return entry(provider, dated, c.rows[key{provider, dated}]), true
	}
	return Entry{}, false
}

// candidates yields the names that a model may have in the table, the likeliest first.
func candidates(provider, model string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		name := strings.TrimPrefix(model, "models/")
		stem, _ := cutDate(name)
		if provider == "gemini" || provider == "vertex" {
			stem = strings.TrimSuffix(stem, "-001")
		}
		base := strings.TrimSuffix(stem, "-latest")
		_ = yield(model) && yield(name) && yield(stem) && yield(base) && yield(base+"-latest")
	}
}

// cutDate splits a date off a model's name: "-20250929", "@20250929" or "-2025-09-29".
// The date is empty when there is none.
func cutDate(model string) (stem, date string) {
	n := len(model)
	if n > 11 && model[n-11] == '-' && model[n-6] == '-' && model[n-3] == '-' {
		date = model[n-10:n-6] + model[n-5:n-3] + model[n-2:]
		stem = model[:n-11]
	} else if n > 9 && (model[n-9] == '-' || model[n-9] == '@') {
		stem, date = model[:n-9], model[n-8:]
	}
	if !isDate(date) {
		return model, ""
	}
	return stem, date
}

// isDate reports whether s is a date from 2020 to 2049, as YYYYMMDD.
func isDate(s string) bool {
	return len(s) == 8 && strings.Trim(s, "0123456789") == "" && "2020" <= s[:4] && s[:4] <= "2049" &&
		"01" <= s[4:6] && s[4:6] <= "12" && "01" <= s[6:] && s[6:] <= "31"
}

// Providers lists the providers, sorted.
func (c *Catalog) Providers() []string {
	names := make([]string, 0, len(c.names))
	for name := range c.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Models lists a provider's models, sorted by name; none for an unknown provider.
func (c *Catalog) Models(provider string) []Entry {
	entries := make([]Entry, len(c.names[provider]))
	for i, model := range c.names[provider] {
		entries[i] = entry(provider, model, c.rows[key{provider, model}])
	}
	return entries
}
