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

// Decimal returns the amount as US dollars without loss: "0.000000012", "5".
func (n NanoUSD) Decimal() string {
	sign, u := n.abs()
	whole, frac := u/uint64(USD), u%uint64(USD)
	if frac == 0 {
		return fmt.Sprintf("%s%d", sign, whole)
	}
	return strings.TrimRight(fmt.Sprintf("%s%d.%09d", sign, whole, frac), "0")
}

// String returns the amount for people: "$4.98", "$0.0143", "$0.000123". Amounts below a
// cent keep all their digits, those below a dollar four.
func (n NanoUSD) String() string {
	switch _, u := n.abs(); {
	case u == 0 || u >= uint64(USD):
		return n.fixed(2)
	case u >= uint64(USD/100):
		return n.fixed(4)
	}
	return n.fixed(9)
}

// Dollars formats amounts of one sentence or one column so that they can be compared: each
// with at least three digits of the smallest one that is not zero.
func Dollars(amounts ...NanoUSD) []string {
	places := 2
	for _, n := range amounts {
		places = max(places, threeDigits(n))
	}
	out := make([]string, len(amounts))
	for i, n := range amounts {
		out[i] = n.fixed(places)
	}
	return out
}

// threeDigits returns the number of decimals, up to nine, that show three digits of n.
func threeDigits(n NanoUSD) int {
	_, u := n.abs()
	places := 2
	for least := uint64(USD); u > 0 && u < least && places < 9; least /= 10 {
		places++
	}
	return places
}

// fixed rounds to this many decimals, two to nine, and leaves out zeros at the end
// beyond the second.
func (n NanoUSD) fixed(places int) string {
	sign, u := n.abs()
	unit := uint64(1)
	for range 9 - places {
		unit *= 10
	}
	u = (u + unit/2) / unit * unit
	s := fmt.Sprintf("%s$%d.%09d", sign, u/uint64(USD), u%uint64(USD))
	dot := strings.IndexByte(s, '.')
	return s[:dot+3] + strings.TrimRight(s[dot+3:], "0")
}

// abs returns the sign and the amount without it: the lowest NanoUSD has no positive one.
func (n NanoUSD) abs() (sign string, u uint64) {
	if n < 0 {
		return "-", -uint64(n)
	}
	return "", uint64(n)
}

// WebSearchPrice is what 1,000 web searches cost where no other price is known: Anthropic's
// and OpenAI's list price.
const WebSearchPrice = 10 * USD

// Price is what a target charges, in nano-USD per million tokens. Known is false where the
// price is unknown: such a target costs an unknown amount, not zero.
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
	// WebSearch is the price of a million searches that the provider made for the reply;
	// providers state it for a thousand.
	WebSearch NanoUSD `json:"web_search,omitempty"`
	// LongAbove is the length of prompt, in tokens, beyond which the whole request is
	// charged at Long's prices; 0, or a nil Long, means that length makes no difference.
	LongAbove int64  `json:"long_above,omitempty"`
	Long      *Price `json:"long,omitempty"`
	// Row says where the price comes from, such as "openai/gpt-5@1a2b3c4d".
	Row string `json:"row"`
}

// SearchPrice returns the WebSearch of a price of which only the cost of tokens is known:
// where they are free, so are searches.
func SearchPrice(input, output NanoUSD) NanoUSD {
	if input == 0 && output == 0 {
		return 0
	}
	return 1000 * WebSearchPrice
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
	// Searches counts the web searches that the provider made.
	Searches int64 `json:"searches,omitempty"`
	// Advisor counts tokens in and out of other models that the provider consulted for
	// the reply. They are no part of Input and Output, and not in the cost: their price
	// is another model's.
	Advisor int64 `json:"advisor,omitempty"`
	// BilledInput and BilledOutput are what the provider charges for where that is less than
	// Input and Output, such as Cohere, which does not charge for its own prompt. Both are 0
	// with a provider that charges for all.
	BilledInput  int64 `json:"billed_input,omitempty"`
	BilledOutput int64 `json:"billed_output,omitempty"`
	// Estimated marks counts that no provider confirmed.
	Estimated bool `json:"estimated,omitempty"`
}

// billed returns the usage that is charged for.
func (u Usage) billed() Usage {
	if u.BilledInput <= 0 && u.BilledOutput <= 0 {
		return u
	}
	return Usage{Input: u.BilledInput, Output: u.BilledOutput, Searches: u.Searches}
}

// Total returns the number of tokens in and out.
func (u Usage) Total() int64 { return Add(u.Input, u.Output) }

// Complete returns u with estimates, in tokens, in place of counts that the provider left
// out: a prompt or reply of no tokens, although there was one. A zero estimate leaves a
// count as it is.
func (u Usage) Complete(input, output int64) Usage {
	if u.Input <= 0 && input > 0 {
		u.Input, u.Estimated = input, true
	}
	if u.Output <= 0 && output > 0 {
		u.Output, u.Estimated = output, true
	}
	return u
}

// Cost returns usage times price, rounded up to a whole nano-USD. The result is
// meaningless when the price is unknown. Negative counts count as zero, and a cost beyond
// the range of NanoUSD is the largest amount.
func (p Price) Cost(u Usage) NanoUSD {
	search := p.WebSearch
	if p.Long != nil && p.LongAbove > 0 && u.Input > p.LongAbove {
		p = *p.Long
	}
	u = u.billed()
	cached, written, long := max(u.CacheRead, 0), max(u.CacheWrite, 0), max(u.CacheWriteLong, 0)
	audioIn := max(u.AudioInput, 0)
	fresh := max(u.Input-Add(Add(cached, written), Add(long, audioIn)), 0)
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
	sum.add(max(u.Searches, 0), search)
	return sum.perMillion()
}

// CacheSaving returns what the provider's prompt cache has saved: what the usage would have cost
// without it, less what it cost. It is negative where writing to the cache cost more than
// reading from it saved.
func (p Price) CacheSaving(u Usage) NanoUSD {
	if !p.Known || u.CacheRead <= 0 && u.CacheWrite <= 0 && u.CacheWriteLong <= 0 {
		return 0
	}
	without := u
	without.CacheRead, without.CacheWrite, without.CacheWriteLong = 0, 0, 0
	return p.Cost(without) - p.Cost(u)
}

// Amounts returns what a request with this usage takes from limits. An unknown price takes no
// money.
func (p Price) Amounts(u Usage) Amounts {
	a := Amounts{InputTokens: u.Input, OutputTokens: u.Output, Requests: 1}
	if p.Known {
		a.USD = p.Cost(u)
	}
	return a
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
