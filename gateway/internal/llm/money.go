package llm

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// NanoUSD is money: billionths of a US dollar.
type NanoUSD int64

// USD is one US dollar.
const USD NanoUSD = 1e9

// ParseUSD reads a decimal number of US dollars such as "5", "0.25" or "1e-3",
// exactly. More than nine decimals, or an amount beyond the range of NanoUSD, is
// an error.
func ParseUSD(s string) (NanoUSD, error) {
	if len(s) > 40 || strings.Trim(s, "0123456789+-.eE") != "" { // big.Rat also takes 1/3, 0x1p3, 1_000
		return 0, fmt.Errorf("%q is not an amount in US dollars", s)
	}
	// big.Rat would spend memory without bound on an exponent such as 1e999999999.
	if _, exp, ok := strings.Cut(strings.ToLower(s), "e"); ok && len(strings.TrimLeft(exp, "+-0")) > 2 {
		return 0, fmt.Errorf("%q is not an amount in US dollars", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("%q is not an amount in US dollars", s)
	}
	r.Mul(r, big.NewRat(int64(USD), 1))
	if !r.IsInt() {
		return 0, fmt.Errorf("%q has more than nine decimals", s)
	}
	if !r.Num().IsInt64() {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return NanoUSD(r.Num().Int64()), nil
}

// Decimal writes the amount as US dollars without loss: "0.000000012", "5".
func (n NanoUSD) Decimal() string {
	sign, u := n.abs()
	whole, frac := u/uint64(USD), u%uint64(USD)
	if frac == 0 {
		return fmt.Sprintf("%s%d", sign, whole)
	}
	return strings.TrimRight(fmt.Sprintf("%s%d.%09d", sign, whole, frac), "0")
}

// String writes the amount for people: "$4.98", "$0.000123".
func (n NanoUSD) String() string {
	sign, u := n.abs()
	if u == 0 || u >= uint64(USD/100) {
		return fmt.Sprintf("%s$%.2f", sign, float64(u)/float64(USD))
	}
	return sign + "$" + strings.TrimPrefix(n.Decimal(), "-")
}

// abs splits off the sign; the lowest amount has no positive NanoUSD.
func (n NanoUSD) abs() (sign string, u uint64) {
	if n < 0 {
		return "-", -uint64(n)
	}
	return "", uint64(n)
}

// Price is what a target charges, in nano-USD per million tokens. A target whose
// price nobody knows has Known false and costs an unknown amount, never zero.
type Price struct {
	Known      bool    `json:"known"`
	Input      NanoUSD `json:"input"`
	Output     NanoUSD `json:"output"`
	CacheRead  NanoUSD `json:"cache_read"`
	CacheWrite NanoUSD `json:"cache_write"`
	// CacheWriteLong is for writes that live an hour instead of five minutes.
	CacheWriteLong NanoUSD `json:"cache_write_long"`
	AudioInput     NanoUSD `json:"audio_input"`
	AudioOutput    NanoUSD `json:"audio_output"`
	// LongAbove is the length of prompt, in tokens, beyond which the whole request is
	// charged at Long's prices; 0, or a nil Long, means that length makes no difference.
	LongAbove int64  `json:"long_above,omitempty"`
	Long      *Price `json:"long,omitempty"`
	// Row says where the price comes from, such as "openai/gpt-5@1a2b3c4d".
	Row string `json:"row"`
}

// Usage counts the tokens of one request as they are billed.
type Usage struct {
	// Input is the whole prompt: fresh, cached and written-to-cache tokens, audio too.
	Input          int64 `json:"input"`
	CacheRead      int64 `json:"cache_read,omitempty"`
	CacheWrite     int64 `json:"cache_write,omitempty"`
	CacheWriteLong int64 `json:"cache_write_long,omitempty"`
	AudioInput     int64 `json:"audio_input,omitempty"`
	// Output is everything the model produced, reasoning and audio included.
	Output      int64 `json:"output"`
	Reasoning   int64 `json:"reasoning,omitempty"`
	AudioOutput int64 `json:"audio_output,omitempty"`
	// Estimated marks counts that no provider confirmed.
	Estimated bool `json:"estimated,omitempty"`
}

// Total is the number of tokens in and out.
func (u Usage) Total() int64 { return u.Input + u.Output }

// Cost multiplies usage by price, rounding up to a whole nano-USD. The result is
// meaningless when the price is not known. Negative counts are taken as zero, and
// a cost beyond the range of NanoUSD is the largest amount there is.
func (p Price) Cost(u Usage) NanoUSD {
	if p.Long != nil && p.LongAbove > 0 && u.Input > p.LongAbove {
		p = *p.Long
	}
	cached, written, long := max(u.CacheRead, 0), max(u.CacheWrite, 0), max(u.CacheWriteLong, 0)
	audioIn := max(u.AudioInput, 0)
	fresh := max(u.Input-cached-written-long-audioIn, 0)
	audioOut := max(u.AudioOutput, 0)
	text := max(u.Output-audioOut, 0)
	var sum accumulator
	sum.add(fresh, p.Input)
	sum.add(cached, p.CacheRead)
	sum.add(written, p.CacheWrite)
	sum.add(long, p.CacheWriteLong)
	sum.add(audioIn, p.AudioInput)
	sum.add(text, p.Output)
	sum.add(audioOut, p.AudioOutput)
	return sum.perMillion()
}

// accumulator adds products and saturates instead of wrapping around.
type accumulator struct {
	sum  int64
	full bool
}

func (a *accumulator) add(tokens int64, price NanoUSD) {
	if tokens == 0 || price <= 0 {
		return
	}
	if tokens > (math.MaxInt64-a.sum)/int64(price) {
		a.full = true
		return
	}
	a.sum += tokens * int64(price)
}

func (a *accumulator) perMillion() NanoUSD {
	if a.full {
		return math.MaxInt64
	}
	cost := a.sum / 1e6
	if a.sum%1e6 != 0 {
		cost++
	}
	return NanoUSD(cost)
}
