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

// unstated marks a price that nobody states.
const unstated = -1

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

// setPrices reads the prices. Where tokens of reasoning or whole requests have prices
// of their own, the cost cannot be told from the usage that providers report, so the
// price is left unknown rather than wrong.
func (r *row) setPrices(c *cost) error {
	none := prices{unstated, unstated, unstated, unstated, unstated}
	r.price, r.long, r.audioIn, r.audioOut = none, none, unstated, unstated
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
		return fmt.Errorf("there are %d price tiers, the catalogue has room for one", len(c.Tiers))
	case len(c.Tiers) == 1:
		t := c.Tiers[0]
		if t.Tier.Type != "" && t.Tier.Type != "context" || t.Tier.Size <= 0 {
			return fmt.Errorf("the price tier %+v is not understood", t.Tier)
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
	p.cacheWriteLong = unstated
	// The facts write 0 where a provider has no price for its cache. Free cached
	// tokens beside others that cost something would be a bill too low.
	if p.input > 0 && p.cacheRead == 0 {
		p.cacheRead = unstated
	}
	if p.input > 0 && p.cacheWrite == 0 {
		p.cacheWrite = unstated
	}
	if p.input == unstated || p.output == unstated {
		return p, fmt.Errorf("the price has only one side")
	}
	return p, nil
}

// nano is a price in US dollars as nano-USD, to the nearest one: a few facts carry the
// rounding error of a float in their 17th digit.
func nano(n json.Number) (llm.NanoUSD, error) {
	if n == "" {
		return unstated, nil
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || r.Sign() < 0 {
		return 0, fmt.Errorf("%q is not a price", n)
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

// apply changes the rows that the rule is about; a rule without any is out of date.
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
		return fmt.Errorf("overlay: there is no %s %s any more", u.provider, u.model)
	}
	return nil
}

func (u rule) change(r *row) error {
	switch {
	case u.setting == "cache_write_1h" && u.value == "2x input":
		for _, p := range []*prices{&r.price, &r.long} {
			if p.input != unstated {
				p.cacheWriteLong = 2 * p.input
			}
		}
	case u.setting == "features" && u.value == "-prefill":
		r.features &^= llm.Prefill
	default:
		return fmt.Errorf("overlay: %s %q is not understood", u.setting, u.value)
	}
	return nil
}

// glob matches a "*" in front, behind or both.
func glob(pattern, s string) bool {
	front, rest := strings.CutPrefix(pattern, "*")
	body, back := strings.CutSuffix(front, "*")
	switch {
	case rest && back:
		return strings.Contains(s, body)
	case rest:
		return strings.HasSuffix(s, body)
	case back:
		return strings.HasPrefix(s, body)
	}
	return s == body
}

const heading = `# Written by generate from the models.dev facts (MIT) and overlay.tsv. Do not edit.
# Prices are in nano-USD per million tokens; - is unknown.
# provider model input output cache_read cache_write cache_write_1h audio_input audio_output long context max_output features flags quality released
# long is ABOVE:input:output:cache_read:cache_write:cache_write_1h, for prompts of more than ABOVE tokens.
`

// table writes the rows as they are embedded.
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
			r.features.String(), or(strings.Join(r.flags, ",")), or(r.quality), or(r.released))
		b.WriteString(strings.Join(fields, "\t") + "\n")
	}
	return b.Bytes()
}

func (p prices) fields() []string {
	return []string{amount(p.input), amount(p.output), amount(p.cacheRead), amount(p.cacheWrite), amount(p.cacheWriteLong)}
}

func amount(n llm.NanoUSD) string {
	if n == unstated {
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

func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
