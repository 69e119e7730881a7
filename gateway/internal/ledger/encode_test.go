package ledger

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/penstock/penstock/gateway/internal/llm"
	"pgregory.net/rapid"
)

// anyRecord fills every member that a record has, also those that are added later.
func anyRecord() *rapid.Generator[llm.Record] {
	when := rapid.Custom(func(t *rapid.T) time.Time {
		offset := rapid.IntRange(-12*60, 14*60).Draw(t, "zone") * 60
		return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).In(time.FixedZone("", offset))
	})
	// Milliseconds have three decimals on the wire.
	micros := rapid.Custom(func(t *rapid.T) llm.Millis {
		return llm.Millis(rapid.Int64Range(0, 1e10).Draw(t, "µs")) * llm.Millis(time.Microsecond)
	})
	price := rapid.Custom(func(t *rapid.T) *llm.Price {
		if rapid.Bool().Draw(t, "no long price") {
			return nil
		}
		return &llm.Price{Known: true, Input: llm.NanoUSD(rapid.Int64().Draw(t, "input")), Row: "long"}
	})
	raw := rapid.Custom(func(t *rapid.T) json.RawMessage {
		if rapid.Bool().Draw(t, "no input") {
			return nil
		}
		text, err := json.Marshal(map[string]any{"key": map[string]string{"team": rapid.String().Draw(t, "team")}, "v": 1})
		if err != nil {
			t.Fatal(err)
		}
		return text
	})
	return rapid.MakeCustom[llm.Record](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[time.Time]():       when.AsAny(),
		reflect.TypeFor[llm.Millis]():      micros.AsAny(),
		reflect.TypeFor[*llm.Price]():      price.AsAny(),
		reflect.TypeFor[json.RawMessage](): raw.AsAny(),
		reflect.TypeFor[llm.Priority]():    rapid.SampledFrom(llm.Priorities()).AsAny(),
	}})
}

func TestRecordsSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyRecord().Draw(t, "record")
		want.Feedback, want.Trace, want.Exceeded = nil, llm.Trace{}, nil
		if want.Ranking != nil {
			want.Ranking.Strict, want.Ranking.Terms, want.Ranking.Facts = false, nil, nil
		}
		dropEmpty(&want.Ranking)
		dropEmpty(&want.FirstDecision)
		dropEmpty(&want.Decision)
		dropEmpty(&want.Classified)
		dropEmpty(&want.Escalated)
		dropEmpty(&want.Mirrored)
		for i := range want.Attempts {
			want.Attempts[i].Span = llm.SpanID{} // which only traces have
			dropEmpty(&want.Attempts[i].Scored)
		}
		if m := want.Mirrored; m != nil && *m == (llm.Mirrored{}) {
			want.Mirrored = nil
		}
		want.Price.Tiers = nil // of which a record has the one that it was charged at
		text := appendRecord(nil, &want)
		var got llm.Record
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("encoding/json refuses the text: %v\n%s", err, text)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); d != "" {
			t.Fatalf("record (-want +got):\n%s\n%s", d, text)
		}
	})
}

// dropEmpty leaves out a part of a record that says nothing: a record has no such parts.
func dropEmpty[T any](p **T) {
	if *p != nil && cmp.Equal(**p, *new(T), cmpopts.EquateEmpty()) {
		*p = nil
	}
}

func usualRecord() *llm.Record {
	limit := llm.Limit{Name: "key budget", Scope: "key:abcdefgh", Unit: llm.UnitUSD, Window: "day", Max: 5e9}
	score := 0.83
	figures := llm.Stats{Inflight: 3, TTFT: llm.Millis(310500 * time.Microsecond), TPS: 81.25, ErrorRate: 0.015625, RemainingRequests: -1, RemainingTokens: -1}
	return &llm.Record{
		ID: "req_01JD3QK7W8Z5X9V2N4M6P0R1ST", Time: time.Date(2026, 11, 22, 10, 5, 25, 123456789, time.UTC),
		Endpoint: llm.ChatCompletions, Stream: true, Model: "smart", Route: "smart", Target: "openai/gpt-5", Provider: "openai", Served: "gpt-5-2025-08-07",
		KeyID: "abcdefgh", KeyName: "ci", Team: "search", User: "alice", Tags: map[string]string{"usecase": "support"},
		Status: 200, Finish: "stop", Cache: "miss",
		Decision: &llm.Decision{Allow: true, Limits: []llm.Limit{limit}, Revision: "default-1a2b3c", Memoised: true,
			Input: json.RawMessage(`{"key":{"budget":{"max":5,"window":"day"},"id":"abcdefgh"},"request":{"model":"smart"},"route":{"name":"smart"}}`)},
		Limits:     []llm.LimitState{{Limit: limit, WindowID: "2026-11-22", Before: 1e9, Reserved: 12e6, ResetsAt: 1795392000000}},
		Candidates: []llm.Considered{{Target: "openai/gpt-5", Score: &score, Terms: []llm.Term{{Name: "cost_usd", Value: 0.012}, {Name: "gain_usd"}}, EstCost: 12e6, Stats: figures}, {Target: "anthropic/claude-sonnet-4-5", Score: &score, EstCost: 22e6, Stats: figures}, {Target: "local/llama3.3", Refused: "no vision"}},
		Ranking: &llm.Ranking{Order: []int{0, 1}, Scores: []float64{0.83, 0.71}, Router: "balanced", Reason: "cost 0.5, quality 0.3, latency 0.2", Fuel: 4211, Seed: 1<<63 + 12345,
			Input: llm.RouterInput{Route: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Ranked: []int{0, 1}, AfterNS: 312_456, EstInput: 1210, Features: []string{"tools"}, LastUserChars: 96}},
		Attempts: []llm.Attempt{{Target: "openai/gpt-5", Try: 1, Status: 200, Start: llm.Millis(312 * time.Microsecond), Duration: llm.Millis(812 * time.Millisecond), FirstToken: llm.Millis(301 * time.Millisecond)}},
		Usage:    llm.Usage{Input: 1200, CacheRead: 1024, Output: 310, Reasoning: 128},
		Price:    llm.Price{Known: true, Input: 125e7, Output: 1e10, CacheRead: 125e6, Row: "openai/gpt-5@1a2b3c4d"},
		Cost:     3_448_000, Duration: llm.Millis(813 * time.Millisecond), FirstByte: llm.Millis(302 * time.Millisecond), Upstream: llm.Millis(812 * time.Millisecond),
		Charges: []llm.Charge{{Scope: "key:abcdefgh", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: 3_448_000}},
	}
}

func BenchmarkEncode(b *testing.B) {
	r := usualRecord()
	buf := appendRecord(nil, r)
	b.ReportAllocs()
	for b.Loop() {
		buf = appendRecord(buf[:0], r)
	}
	b.ReportMetric(float64(len(buf)), "B/record")
}

func BenchmarkEncodeWithReflection(b *testing.B) {
	r := usualRecord()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(r); err != nil {
			b.Fatal(err)
		}
	}
}
