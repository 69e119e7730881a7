package source

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// unknown marks a price that is not published.
const unknown = -1

// Row is one line of the catalogue. Prices are in nano-USD per million tokens.
type Row struct {
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

func (r *Row) key() string { return r.provider + "\t" + r.model }

// unprice makes all prices unknown.
func (r *Row) unprice() {
	none := prices{unknown, unknown, unknown, unknown, unknown}
	r.price, r.long, r.longAbove, r.audioIn, r.audioOut = none, none, 0, unknown, unknown
}

const heading = `# Written by %s. Do not edit.
# Prices are in nano-USD per million tokens; - is unknown.
# provider model input output cache_read cache_write cache_write_1h audio_input audio_output long context max_output features flags quality released
# long is ABOVE:input:output:cache_read:cache_write:cache_write_1h, for prompts of more than ABOVE tokens.
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
			orDash(r.features.String()), orDash(strings.Join(r.flags, ",")), orDash(r.quality), orDash(r.released))
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
