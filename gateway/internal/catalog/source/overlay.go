package source

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

//go:embed overlay.tsv
var overlay string

// rule is one line of the overlay.
type rule struct{ provider, model, setting, value string }

// rules parses the overlay.
func rules() ([]rule, error) {
	var list []rule
	for i, line := range strings.Split(overlay, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 || !strings.HasPrefix(f[4], "https://") {
			return nil, fmt.Errorf("overlay.tsv:%d: want provider, model, setting, value and a source", i+1)
		}
		list = append(list, rule{f[0], f[1], f[2], f[3]})
	}
	return list, nil
}

// correct applies the overlay to the rows that there are.
func (f *Facts) correct() error {
	list, err := rules()
	if err != nil {
		return err
	}
	for _, u := range list {
		if _, err := u.apply(f.Rows); err != nil {
			return err
		}
	}
	return nil
}

// Complete adds the models that only the overlay has. An error means that the overlay is out of
// date: no row is left for a line to correct, or the file has a model that it would add.
func (f *Facts) Complete() error {
	list, err := rules()
	if err != nil {
		return err
	}
	for _, u := range list {
		hits, err := u.apply(f.Rows)
		switch added := u.setting == embeddingModel; {
		case err != nil:
			return err
		case added == (hits > 0):
			return fmt.Errorf("overlay: %s %s: %d models have this name", u.provider, u.model, hits)
		case added:
			r, err := u.row()
			if err != nil {
				return err
			}
			f.Rows = append(f.Rows, r)
		}
	}
	slices.SortFunc(f.Rows, func(a, b *Row) int { return cmp.Compare(a.key(), b.key()) })
	return nil
}

// apply changes the rows that match the rule, and returns how many there are.
func (u rule) apply(rows []*Row) (hits int, err error) {
	for _, r := range rows {
		if r.provider != u.provider || !glob(u.model, r.model) {
			continue
		}
		hits++
		if err := u.change(r); err != nil {
			return hits, err
		}
	}
	return hits, nil
}

// embeddingModel is the setting that adds a model which makes embeddings. Its value is the price
// in US dollars per million tokens and the context window in tokens.
const embeddingModel = "embedding"

// row makes the row of a model that the overlay adds.
func (u rule) row() (*Row, error) {
	price, context, _ := strings.Cut(u.value, " ")
	r := &Row{provider: u.provider, model: u.model, flags: []string{"embedding"}}
	r.unprice()
	var err error
	if r.price.input, err = nano(json.Number(price), million); err != nil {
		return nil, fmt.Errorf("overlay: %s %s: %w", u.provider, u.model, err)
	}
	r.price.output = 0
	r.context, err = strconv.ParseInt(context, 10, 64)
	return r, err
}

func (u rule) change(r *Row) error {
	switch {
	case u.setting == "cache_write_1h" && u.value == "2x input":
		all := []*prices{&r.price, &r.long}
		for i := range r.tiers {
			all = append(all, &r.tiers[i].price)
		}
		for _, p := range all {
			if p.input != unknown && p.cacheWriteLong == unknown {
				p.cacheWriteLong = 2 * p.input
			}
		}
	case u.setting == "features" && u.value == "-prefill":
		r.features &^= llm.Prefill
	case u.setting == "cache_write":
		price, err := nano(json.Number(u.value), million)
		r.price.cacheWrite = price
		return err
	case u.setting == "output" || u.setting == "image_output":
		price, err := nano(json.Number(u.value), million)
		switch {
		case r.price.input == unknown:
		case u.setting == "output":
			r.price.output = price
		default:
			r.imageOut = price
		}
		return err
	case u.setting == "tier":
		return u.setTier(r)
	case u.setting == embeddingModel: // the file has the model itself
	default:
		return fmt.Errorf("overlay: unsupported %s %q", u.setting, u.value)
	}
	return nil
}

// setTier sets the prices of a service tier, unless the row has some or its price is unknown. The value is the
// tier and a multiple of the standard prices, such as "flex 0.5x", or its prices of input, output
// and cached input.
func (u rule) setTier(r *Row) error {
	f := strings.Fields(u.value)
	if len(f) < 2 || !slices.Contains(llm.PricedTiers(), llm.Tier(f[0])) {
		return fmt.Errorf("overlay: unsupported %s %q", u.setting, u.value)
	}
	t := tierPrices{llm.Tier(f[0]), none(), none()}
	if r.price.input == unknown || slices.ContainsFunc(r.tiers, func(had tierPrices) bool { return had.tier == t.tier }) {
		return nil
	}
	if times, ok := strings.CutSuffix(f[1], "x"); ok {
		factor, err := nano(json.Number(times), million)
		t.price, t.long = r.price.times(factor/1e6), r.long.times(factor/1e6)
		r.setTier(t)
		return err
	}
	c := cost{Input: json.Number(f[1])}
	if len(f) > 2 {
		c.Output = json.Number(f[2])
	}
	if len(f) > 3 {
		c.CacheRead = json.Number(f[3])
	}
	var err error
	t.price, err = c.prices()
	r.setTier(t)
	return err
}

// glob matches a pattern with a "*" at its beginning, its end or both.
func glob(pattern, s string) bool {
	pattern, anyPrefix := strings.CutPrefix(pattern, "*")
	pattern, anySuffix := strings.CutSuffix(pattern, "*")
	switch {
	case anyPrefix && anySuffix:
		return strings.Contains(s, pattern)
	case anyPrefix:
		return strings.HasSuffix(s, pattern)
	case anySuffix:
		return strings.HasPrefix(s, pattern)
	}
	return s == pattern
}
