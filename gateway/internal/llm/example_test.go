package llm_test

import (
	"errors"
	"fmt"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func ExampleParseUSD() {
	n, err := llm.ParseUSD("0.25")
	fmt.Println(int64(n), err)
	_, err = llm.ParseUSD("0.0000000001")
	fmt.Println(err)
	// Output:
	// 250000000 <nil>
	// "0.0000000001" has more than nine decimals
}

func ExampleNanoUSD() {
	const n llm.NanoUSD = 14_312_500
	fmt.Println(n)           // for people
	fmt.Println(n.Decimal()) // without loss
	// Output:
	// $0.0143
	// 0.0143125
}

func ExampleDollars() {
	fmt.Println(llm.Dollars(17_156_500, 30_000_000, 13_500_000))
	// Output: [$0.0172 $0.03 $0.0135]
}

func ExamplePrice_Cost() {
	p := llm.Price{Known: true, Input: 3 * llm.USD, CacheRead: llm.USD / 10, Output: 15 * llm.USD}
	fmt.Println(p.Cost(llm.Usage{Input: 12_000, CacheRead: 10_000, Output: 500}))
	// Output: $0.0145
}

func ExampleFeatures() {
	needs, offers := llm.Tools|llm.JSONSchema, llm.Tools|llm.Vision
	fmt.Println(offers.Has(needs))
	fmt.Println("lacks", needs&^offers)
	// Output:
	// false
	// lacks json_schema
}

func ExampleEstimateOf() {
	t := &llm.Target{Price: llm.Price{Known: true, Input: llm.USD, Output: 10 * llm.USD}, MaxOutput: 4096}
	e := llm.EstimateOf(t, &llm.Facts{TextBytes: 1000, Choices: 1}, 0, 0)
	fmt.Println(e.Input, e.Output, e.Cost())
	// Output: 1064 4096 $0.042
}

func ExampleReplyInfo_Billed() {
	cut := llm.ReplyInfo{TextBytes: 400, Pieces: 90}
	fmt.Printf("%+v\n", cut.Billed(120, false).Output)
	// Output: 100
}

func ExampleMatchName() {
	fmt.Println(llm.MatchName("openai/*", "openai/gpt-5"), llm.MatchName("*-mini", "gpt-5"))
	// Output: true false
}

func ExampleParseWindow() {
	for _, s := range []string{"5h", "month", "fortnight"} {
		w, err := llm.ParseWindow(s)
		fmt.Println(w.Longest(), err)
	}
	// Output:
	// 5h0m0s <nil>
	// 747h0m0s <nil>
	// 0s invalid window "fortnight": write minute, hour, day, week, month, quarter or year, a number and s, m, h or d such as 5h, or rolling 24h
}

func ExampleQuote() {
	fmt.Println(llm.Quote("gpt-5\u202e\n"))
	// Output: "gpt-5\u202e\n"
}

func ExampleAsError() {
	e := llm.AsError(fmt.Errorf("send: %w", errors.New("dial tcp 10.0.0.1: refused")))
	fmt.Println(e.HTTPStatus(), e.Code)
	fmt.Println(e.Message)
	// Output:
	// 500 internal_error
	// The gateway hit an internal error; its log has the details under this request id.
}

func ExampleDecision_And() {
	first := llm.Decision{Allow: true, Obligations: llm.Obligations{Model: "small", MaxOutputTokens: 1000}}
	second := llm.Decision{Allow: true, Obligations: llm.Obligations{MaxOutputTokens: 400, DenyTargets: []string{"up/*"}}}
	both := first.And(second)
	fmt.Println(both.Obligations.Model, both.Obligations.MaxOutputTokens, both.Obligations.DenyTargets)
	// Output: small 400 [up/*]
}
