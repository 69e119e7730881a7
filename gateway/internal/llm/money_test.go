package llm_test

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestParseUSD(t *testing.T) {
	for _, test := range []struct {
		in   string
		want llm.NanoUSD
	}{
		{"0", 0}, {"5", 5e9}, {"0.25", 250e6}, {"1e-3", 1e6}, {"-1.5", -1_500_000_000}, {"+2", 2e9}, {".5", 500e6},
		{"0.000000001", 1}, {"9223372036.854775807", math.MaxInt64}, {"-9223372036.854775808", math.MinInt64},
		{"1E2", 100e9}, {"0.1000000000000", 100e6},
	} {
		got, err := llm.ParseUSD(test.in)
		if err != nil || got != test.want {
			t.Errorf("ParseUSD(%q) = %d, %v, want %d", test.in, got, err, test.want)
		}
	}
	for _, in := range []string{"", " 1", "1 ", "a", "1/3", "0x10", "1_000", "1p3", "0.0000000001", "1e-10",
		"9223372036.854775808", "1e999999999", "1e100", "NaN", "Inf", "--1", "1,5", "$5", "٣", strings.Repeat("9", 100)} {
		if got, err := llm.ParseUSD(in); err == nil {
			t.Errorf("ParseUSD(%q) = %d, want an error", in, got)
		}
	}
}

func FuzzParseUSD(f *testing.F) {
	for _, s := range []string{"5", "0.25", "1e-3", "-0.000000001", "1e999999999", "0b1", "1e+-3", "0o17", "0."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := llm.ParseUSD(s)
		if err != nil {
			return
		}
		if back, err := llm.ParseUSD(n.Decimal()); err != nil || back != n {
			t.Errorf("%q is %d, which prints as %q and reads back as %d, %v", s, n, n.Decimal(), back, err)
		}
		if strings.Trim(s, "0123456789+-.eE") != "" {
			t.Errorf("%q is taken for an amount", s)
		}
	})
}

func TestDecimalIsLossless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := llm.NanoUSD(rapid.Int64().Draw(t, "n"))
		back, err := llm.ParseUSD(n.Decimal())
		if err != nil || back != n {
			t.Fatalf("%d prints as %q and reads back as %d, %v", n, n.Decimal(), back, err)
		}
	})
}

func TestMoneyForPeople(t *testing.T) {
	for _, test := range []struct {
		n    llm.NanoUSD
		want string
	}{
		{0, "$0.00"}, {4_980_000_000, "$4.98"}, {123_000, "$0.000123"}, {1, "$0.000000001"}, {-5e9, "-$5.00"},
		{10e6, "$0.01"}, {14_312_500, "$0.0143"}, {120e6, "$0.12"}, {9_999_999, "$0.009999999"}, {math.MinInt64, "-$9223372036.85"},
	} {
		if got := test.n.String(); got != test.want {
			t.Errorf("%d = %q, want %q", int64(test.n), got, test.want)
		}
	}
}

func TestDollarsCanBeCompared(t *testing.T) {
	for want, in := range map[string][]llm.NanoUSD{
		"$0.0172 $0.03 $0.0135":   {17_156_500, 30e6, 13_500_000},
		"$0.00716 $0.01431 $0.00": {7_156_500, 14_313_000, 0},
		"$49.98 $50.00 $0.12":     {49_980e6, 50_000e6, 120e6},
		"$1.00 $0.000000001":      {1e9, 1},
		"$0.0121 $1.00 $0.98":     {12_100_000, 1e9, 980e6},
		"-$0.50 $9223372036.855":  {-500e6, math.MaxInt64},
	} {
		if got := strings.Join(llm.Dollars(in...), " "); got != want {
			t.Errorf("Dollars(%v) = %s, want %s", in, got, want)
		}
	}
}

// exact computes a cost with unbounded numbers, from the definition: every token is in
// one class, and the sum is rounded up once.
func exact(p llm.Price, u llm.Usage) *big.Int {
	sum := new(big.Int)
	sum.Mul(big.NewInt(max(u.Searches, 0)), big.NewInt(int64(max(p.WebSearch, 0))))
	add := func(tokens int64, price llm.NanoUSD) {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(max(tokens, 0)), big.NewInt(int64(max(price, 0)))))
	}
	cached, written, long, audio := max(u.CacheRead, 0), max(u.CacheWrite, 0), max(u.CacheWriteLong, 0), max(u.AudioInput, 0)
	add(u.Input-cached-written-long-audio, p.Input)
	add(cached, p.CacheRead)
	add(written, p.CacheWrite)
	add(long, p.CacheWriteLong)
	add(audio, p.AudioInput)
	add(u.Output-max(u.AudioOutput, 0), p.Output)
	add(u.AudioOutput, p.AudioOutput)
	million := big.NewInt(1_000_000)
	quo, rem := new(big.Int).QuoRem(sum, million, new(big.Int))
	if rem.Sign() > 0 {
		quo.Add(quo, big.NewInt(1))
	}
	return quo
}

func drawPrice(t *rapid.T) llm.Price {
	amount := rapid.Custom(func(t *rapid.T) llm.NanoUSD { return llm.NanoUSD(rapid.Int64Range(0, 700e9).Draw(t, "usd")) })
	return llm.Price{Known: true, Input: amount.Draw(t, "in"), Output: amount.Draw(t, "out"),
		CacheRead: amount.Draw(t, "read"), CacheWrite: amount.Draw(t, "write"), CacheWriteLong: amount.Draw(t, "long"),
		AudioInput: amount.Draw(t, "audio in"), AudioOutput: amount.Draw(t, "audio out"), WebSearch: amount.Draw(t, "search")}
}

func drawUsage(t *rapid.T) llm.Usage {
	count := rapid.Int64Range(0, 1_000_000)
	return llm.Usage{Input: count.Draw(t, "in"), Output: count.Draw(t, "out"), CacheRead: count.Draw(t, "read"),
		CacheWrite: count.Draw(t, "write"), CacheWriteLong: count.Draw(t, "long"),
		AudioInput: count.Draw(t, "audio in"), AudioOutput: count.Draw(t, "audio out"), Reasoning: count.Draw(t, "reasoning"), Searches: count.Draw(t, "searches")}
}

func TestCostIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, u := drawPrice(t), drawUsage(t)
		if got, want := p.Cost(u), exact(p, u); !want.IsInt64() || int64(got) != want.Int64() {
			t.Fatalf("%+v at %+v costs %d, want %v", u, p, got, want)
		}
	})
}

// TestCostKeepsItsBounds tries numbers that no honest provider sends.
func TestCostKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		any64 := rapid.Int64()
		u := llm.Usage{Input: any64.Draw(t, "in"), Output: any64.Draw(t, "out"), CacheRead: any64.Draw(t, "read"),
			CacheWrite: any64.Draw(t, "write"), CacheWriteLong: any64.Draw(t, "long"),
			AudioInput: any64.Draw(t, "audio in"), AudioOutput: any64.Draw(t, "audio out")}
		if got := drawPrice(t).Cost(u); got < 0 {
			t.Fatalf("%+v costs %d", u, got)
		}
	})
}

func TestMoreTokensNeverCostLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, u := drawPrice(t), drawUsage(t)
		more := u
		more.Output += rapid.Int64Range(0, 1000).Draw(t, "more")
		if p.Cost(more) < p.Cost(u) {
			t.Fatalf("%+v costs less than %+v", more, u)
		}
	})
}

func TestCost(t *testing.T) {
	p := llm.Price{Known: true, Input: 3e9, Output: 15e9, CacheRead: 300e6, CacheWrite: 3_750e6, CacheWriteLong: 6e9, AudioInput: 40e9, AudioOutput: 80e9}
	long := p
	long.Input, long.Output = 6e9, 22_500e6
	p.LongAbove, p.Long = 200_000, &long
	for _, test := range []struct {
		name string
		u    llm.Usage
		want llm.NanoUSD
	}{
		{"nothing", llm.Usage{}, 0},
		{"one token rounds up", llm.Usage{Input: 1}, 3000},
		{"reasoning is part of the output", llm.Usage{Output: 482, Reasoning: 448}, 482 * 15_000},
		{"cached tokens are part of the input", llm.Usage{Input: 100, CacheRead: 100}, 100 * 300},
		{"more cached than input is not negative", llm.Usage{Input: 10, CacheRead: 100}, 100 * 300},
		{"audio", llm.Usage{Input: 100, AudioInput: 40, Output: 100, AudioOutput: 30}, 60*3000 + 40*40_000 + 70*15_000 + 30*80_000},
		{"negative counts are nothing", llm.Usage{Input: -5, Output: -5, CacheRead: -5, AudioOutput: -7}, 0},
		{"at the length of a long prompt", llm.Usage{Input: 200_000, Output: 10}, 200_000*3000 + 10*15_000},
		{"beyond it everything costs more", llm.Usage{Input: 200_001, Output: 10}, 200_001*6000 + 10*22_500},
		{"only what is billed counts", llm.Usage{Input: 1500, CacheRead: 900, Output: 90, BilledInput: 60, BilledOutput: 20}, 60*3000 + 20*15_000},
		{"beyond the range", llm.Usage{Input: math.MaxInt64}, math.MaxInt64},
	} {
		if got := p.Cost(test.u); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
	tiny := llm.Price{Known: true, Input: 1}
	if got := tiny.Cost(llm.Usage{Input: 1}); got != 1 {
		t.Errorf("a millionth of a nano-USD costs %d, want it rounded up to 1", got)
	}
}

func TestCostDoesNotAllocate(t *testing.T) {
	p := llm.Price{Known: true, Input: 3e9, Output: 15e9}
	if n := testing.AllocsPerRun(100, func() { p.Cost(llm.Usage{Input: 1000, Output: 500}) }); n != 0 {
		t.Errorf("Cost allocates %v times", n)
	}
}

func TestUsageTotal(t *testing.T) {
	u := llm.Usage{Input: 100, CacheRead: 60, Output: 20, Reasoning: 15}
	if got := u.Total(); got != 120 {
		t.Errorf("Total() = %d, want 120: cached and reasoning tokens are counted once", got)
	}
}

func TestPriceSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPrice(t)
		long := drawPrice(t)
		p.LongAbove, p.Long, p.Row = 200_000, &long, "openai/gpt-5@0123abcd"
		p.Tier = llm.TierFlex
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back llm.Price
		if err := json.Unmarshal(b, &back); err != nil || back.Long == nil || !reflect.DeepEqual(*back.Long, long) {
			t.Fatalf("%s reads back as %+v, %v", b, back, err)
		}
		if !reflect.DeepEqual(back, p) {
			t.Fatalf("%s reads back as %+v", b, back)
		}
	})
}

func BenchmarkCost(b *testing.B) {
	p := llm.Price{Known: true, Input: 3e9, Output: 15e9, CacheRead: 300e6, CacheWrite: 3_750e6}
	u := llm.Usage{Input: 12_345, CacheRead: 10_000, CacheWrite: 345, Output: 678}
	b.ReportAllocs()
	for b.Loop() {
		p.Cost(u)
	}
}
