// Package source makes rows of the catalogue from what others publish: the facts of models.dev
// and LiteLLM's prices. It is used when the catalogue is generated and when an operator updates
// it, never while requests are served. It reads no files.
package source

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Facts are the rows that a file has for providers that the gateway routes to, sorted by
// provider and model.
type Facts struct {
	// From names the kind of the file: "models.dev" or "LiteLLM".
	From string
	Rows []*Row
	// Unpriced are the models, as "provider/model", whose prices the catalogue has no columns
	// for, such as a price for each request. Their price is unknown.
	Unpriced []string
	// Skipped counts entries for other providers, or for what is no model of text.
	Skipped int
}

// maxFaults bounds how many faults of one file are reported.
const maxFaults = 20

// Read reads a file, which it recognises by its shape. Prices that are negative or no numbers, or
// only half there, are errors; each names its model, at most 20 of them.
func Read(raw []byte) (*Facts, error) {
	var entries map[string]map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("read it as JSON: %s", jsontext.Explain(err))
	}
	var f *Facts
	var err error
	switch has := func(member string) bool {
		for _, e := range entries {
			if _, ok := e[member]; ok {
				return true
			}
		}
		return false
	}; {
	case has("litellm_provider"):
		f, err = readLiteLLM(raw)
	case has("models"):
		f, err = readModelsDev(raw)
	default:
		return nil, errors.New("it is neither the api.json of models.dev nor a price list of LiteLLM (model_prices_and_context_window.json)")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.From, err)
	}
	if len(f.Rows) == 0 {
		return nil, fmt.Errorf("%s: there is no model of a provider that the gateway knows in it", f.From)
	}
	return f, f.correct()
}

// errUnpriced is the error for prices that the catalogue has no columns for.
var errUnpriced = errors.New("it is priced in a way that the catalogue does not support")

// collect adds what make returns for each name, and returns the faults. A row whose price is not
// supported has none.
func (f *Facts) collect(names []string, read func(name string) (*Row, error)) error {
	var faults []error
	slices.Sort(names)
	for _, name := range names {
		r, err := read(name)
		switch {
		case errors.Is(err, errUnpriced):
			r.unprice()
			f.Unpriced = append(f.Unpriced, r.provider+"/"+r.model)
		case err != nil && len(faults) < maxFaults:
			faults = append(faults, fmt.Errorf("%.100q: %w", name, err))
		case r == nil:
			f.Skipped++
		}
		if r != nil {
			f.Rows = append(f.Rows, r)
		}
	}
	slices.SortStableFunc(f.Rows, func(a, b *Row) int { return cmp.Compare(a.key(), b.key()) })
	f.Rows = slices.CompactFunc(f.Rows, func(a, b *Row) bool { return a.key() == b.key() }) // two spellings of a name
	return errors.Join(faults...)
}

// decode decodes JSON and keeps its numbers as they are written.
func decode(raw []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(to)
}

// nano converts a price in US dollars for so many tokens to nano-USD for a million, rounded: a few
// facts have a float's rounding error in their 17th digit. An empty price is unknown.
func nano(n json.Number, tokens int64) (llm.NanoUSD, error) {
	if n == "" {
		return unknown, nil
	}
	s := n.String()
	// big.Rat would spend memory without bound on an exponent such as 1e999999999.
	_, exp, _ := strings.Cut(strings.ToLower(s), "e")
	r, ok := new(big.Rat), len(s) <= 64 && len(strings.TrimLeft(exp, "+-0")) <= 2
	if ok {
		r, ok = r.SetString(s)
	}
	if !ok || r.Sign() < 0 {
		return unknown, fmt.Errorf("invalid price %.40q", s)
	}
	r.Mul(r, big.NewRat(int64(llm.USD)*(1_000_000/tokens), 1))
	whole, err := strconv.ParseInt(r.FloatString(0), 10, 64)
	if err != nil || whole > maxPrice {
		return unknown, fmt.Errorf("the price %.40q is too high", s)
	}
	return llm.NanoUSD(whole), nil
}

// maxPrice bounds a price, in nano-USD per million tokens: a dollar a token.
const maxPrice = 1_000_000 * int64(llm.USD)

// isName reports whether a model's name can stand in the catalogue.
func isName(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == 0xfffd })
}
