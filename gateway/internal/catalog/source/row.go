package source

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// unknown marks a price that is not published.
const unknown = -1

// Row is one line of the catalogue. Prices are in nano-USD per million tokens.
type Row struct {
	provider, model   string
	price             prices
	audioIn, audioOut llm.NanoUSD
	// imageIn and imageOut are for the tokens of pictures, image for each million pictures in a
	// prompt.
	imageIn, imageOut, image llm.NanoUSD
	longAbove                int64
	long                     prices
	// tiers are the prices of other service tiers, in the order in which they are written.
	tiers              []tierPrices
	context, maxOutput int64
	features           llm.Features
	flags              []string
	quality, released  string
}

// tierPrices are the prices of one service tier; of long prompts, too, if they have others.
type tierPrices struct {
	tier        llm.Tier
	price, long prices
}

type prices struct{ input, output, cacheRead, cacheWrite, cacheWriteLong llm.NanoUSD }

func (r *Row) key() string { return r.provider + "\t" + r.model }

// none are prices that are all unknown.
func none() prices { return prices{unknown, unknown, unknown, unknown, unknown} }

// unprice makes all prices unknown.
func (r *Row) unprice() {
	r.price, r.long, r.longAbove, r.audioIn, r.audioOut = none(), none(), 0, unknown, unknown
	r.imageIn, r.imageOut, r.image, r.tiers = unknown, unknown, unknown, nil
}

const heading = `# Written by %s. Do not edit.
# Prices are in nano-USD per million tokens; - is unknown.
# provider model input output cache_read cache_write cache_write_1h audio_input audio_output long context max_output features flags quality released images tiers
# long is ABOVE:input:output:cache_read:cache_write:cache_write_1h, for prompts of more than ABOVE tokens.
# images is image_input:image_output:image, the last for a million pictures in prompts.
# tiers is TIER:input:output:cache_read:cache_write:cache_write_1h, and the same five for long prompts if those have others; several are joined by commas.
`

// Table formats rows as the text of a catalogue, in their order. by says what writes them.
func Table(rows []*Row, by string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, heading, by)
	for _, r := range rows {
		long := "-"
		if r.longAbove > 0 {
			long = fmt.Sprintf("%d:%s", r.longAbove, strings.Join(r.long.fields(), ":"))
		}
		fields := append([]string{r.provider, r.model}, r.price.fields()...)
		fields = append(fields, amount(r.audioIn), amount(r.audioOut), long, count(r.context), count(r.maxOutput),
			orDash(r.features.String()), orDash(strings.Join(r.flags, ",")), orDash(r.quality), orDash(r.released), r.images(), orDash(strings.Join(r.tierFields(), ",")))
		b.WriteString(strings.Join(fields, "\t") + "\n")
	}
	return b.Bytes()
}

// images formats the prices of pictures.
func (r *Row) images() string {
	if r.imageIn == unknown && r.imageOut == unknown && r.image == unknown {
		return "-"
	}
	return amount(r.imageIn) + ":" + amount(r.imageOut) + ":" + amount(r.image)
}

// tierFields formats the prices of each service tier.
func (r *Row) tierFields() []string {
	var out []string
	for _, t := range r.tiers {
		fields := append([]string{string(t.tier)}, t.price.fields()...)
		if t.long.input != unknown {
			fields = append(fields, t.long.fields()...)
		}
		out = append(out, strings.Join(fields, ":"))
	}
	return out
}

// setTier sets the prices of a service tier, in place of earlier ones. Those of long prompts may
// be unknown.
func (r *Row) setTier(t tierPrices) {
	r.tiers = slices.DeleteFunc(r.tiers, func(had tierPrices) bool { return had.tier == t.tier })
	r.tiers = append(r.tiers, t)
	slices.SortFunc(r.tiers, func(a, b tierPrices) int { return cmp.Compare(a.tier, b.tier) })
}

// times multiplies every known price by so many thousandths, rounded up.
func (p prices) times(thousandths llm.NanoUSD) prices {
	for _, n := range []*llm.NanoUSD{&p.input, &p.output, &p.cacheRead, &p.cacheWrite, &p.cacheWriteLong} {
		if *n != unknown {
			*n = (*n*thousandths + 999) / 1000
		}
	}
	return p
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
