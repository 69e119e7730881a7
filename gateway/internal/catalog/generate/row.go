package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// unknown marks a price that is not published.
const unknown = -1

// row is one line of the catalogue. Prices are in nano-USD per million tokens.
type row struct {
	provider, model    string
	price              prices
	audioIn, audioOut  llm.NanoUSD
	longAbove          int64
	long               prices
	context, maxOutput int64
	features           llm.Features
	flags              []string
	quality, released  string
}

type prices struct{ input, output, cacheRead, cacheWrite, cacheWriteLong llm.NanoUSD }

func (r *row) key() string { return r.provider + "\t" + r.model }

// setPrices parses the prices. Where reasoning tokens or whole requests have prices of
// their own, costs cannot be computed from the usage that providers report, so the price
// stays unknown.
func (r *row) setPrices(c *cost) error {
	none := prices{unknown, unknown, unknown, unknown, unknown}
	r.price, r.long, r.audioIn, r.audioOut = none, none, unknown, unknown
	if c == nil || c.Request != "" || c.Reasoning != "" && !sameNumber(c.Reasoning, c.Output) {
		return nil
	}
	var err error
	if r.price, err = c.prices(); err != nil {
		return err
	}
	if r.audioIn, err = nano(c.AudioInput); err != nil {
		return err
	}
	if r.audioOut, err = nano(c.AudioOutput); err != nil {
		return err
	}
	switch {
	case len(c.Tiers) > 1:
		return fmt.Errorf("there are %d price tiers; the catalogue supports one", len(c.Tiers))
	case len(c.Tiers) == 1:
		t := c.Tiers[0]
		if t.Tier.Type != "" && t.Tier.Type != "context" || t.Tier.Size <= 0 {
			return fmt.Errorf("unsupported price tier %+v", t.Tier)
		}
		r.longAbove = t.Tier.Size
		r.long, err = t.prices()
	}
	return err
}

func (c cost) prices() (p prices, err error) {
	for _, f := range []struct {
		to   *llm.NanoUSD
		from json.Number
	}{{&p.input, c.Input}, {&p.output, c.Output}, {&p.cacheRead, c.CacheRead}, {&p.cacheWrite, c.CacheWrite}} {
		if *f.to, err = nano(f.from); err != nil {
			return p, err
		}
	}
	p.cacheWriteLong = unknown
	// The facts have 0 where a provider has no price for its cache. If others cost
	// something, free cached tokens would make the cost too low.
	if p.input > 0 && p.cacheRead == 0 {
		p.cacheRead = unknown
	}
	if p.input > 0 && p.cacheWrite == 0 {
		p.cacheWrite = unknown
	}
	if p.input == unknown || p.output == unknown {
		return p, fmt.Errorf("the price of input or output is missing")
	}
	return p, nil
}

// nano converts a price from US dollars to nano-USD and rounds it: a few facts have a
// float's rounding error in their 17th digit.
func nano(n json.Number) (llm.NanoUSD, error) {
	if n == "" {
		return unknown, nil
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || r.Sign() < 0 {
		return 0, fmt.Errorf("invalid price %q", n)
	}
	r.Mul(r, big.NewRat(int64(llm.USD), 1))
	whole, err := strconv.ParseInt(r.FloatString(0), 10, 64)
	return llm.NanoUSD(whole), err
}

func sameNumber(a, b json.Number) bool {
	x, ok := new(big.Rat).SetString(a.String())
	y, ok2 := new(big.Rat).SetString(b.String())
	return ok && ok2 && x.Cmp(y) == 0
}

// rule is one line of the overlay.
type rule struct{ provider, model, setting, value string }

func readOverlay(path string) ([]rule, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rules []rule
	for i, line := range strings.Split(string(raw), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 || !strings.HasPrefix(f[4], "https://") {
			return nil, fmt.Errorf("%s:%d: want provider, model, setting, value and a source", path, i+1)
		}
		rules = append(rules, rule{f[0], f[1], f[2], f[3]})
	}
	return rules, nil
}

// apply changes the rows that match the rule. Without any the rule is out of date, an
// error.
func (u rule) apply(rows []*row) error {
	hits := 0
	for _, r := range rows {
		if r.provider != u.provider || !glob(u.model, r.model) {
			continue
		}
		hits++
		if err := u.change(r); err != nil {
			return err
		}
	}
	if hits == 0 {
		return fmt.Errorf("overlay: %s %s no longer exists", u.provider, u.model)
	}
	return nil
}

func (u rule) change(r *row) error {
	switch {
	case u.setting == "cache_write_1h" && u.value == "2x input":
		for _, p := range []*prices{&r.price, &r.long} {
			if p.input != unknown {
				p.cacheWriteLong = 2 * p.input
			}
		}
	case u.setting == "features" && u.value == "-prefill":
		r.features &^= llm.Prefill
	default:
		return fmt.Errorf("overlay: unsupported %s %q", u.setting, u.value)
	}
	return nil
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

const heading = `# Written by generate from the models.dev facts (MIT) and overlay.tsv. Do not edit.
# Prices are in nano-USD per million tokens; - is unknown.
# provider model input output cache_read cache_write cache_write_1h audio_input audio_output long context max_output features flags quality released
# long is ABOVE:input:output:cache_read:cache_write:cache_write_1h, for prompts of more than ABOVE tokens.
`

// table formats the rows as the file that is embedded.
func table(rows []*row) []byte {
	var b bytes.Buffer
	b.WriteString(heading)
	for _, r := range rows {
		long := "-"
		if r.longAbove > 0 {
			long = fmt.Sprintf("%d:%s", r.longAbove, strings.Join(r.long.fields(), ":"))
		}
		fields := append([]string{r.provider, r.model}, r.price.fields()...)
		fields = append(fields, amount(r.audioIn), amount(r.audioOut), long, count(r.context), count(r.maxOutput),
			r.features.String(), orDash(strings.Join(r.flags, ",")), orDash(r.quality), orDash(r.released))
		b.WriteString(strings.Join(fields, "\t") + "\n")
	}
	return b.Bytes()
}

func (p prices) fields() []string {
	return []string{amount(p.input), amount(p.output), amount(p.cacheRead), amount(p.cacheWrite), amount(p.cacheWriteLong)}
}

func amount(n llm.NanoUSD) string {
	if n == unknown {
		return "-"
	}
	return strconv.FormatInt(int64(n), 10)
}

func count(n int64) string {
	if n <= 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
