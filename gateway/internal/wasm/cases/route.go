package cases

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// routeEnvelope is the part of the JSON routing envelope that the flat form can hold.
type routeEnvelope struct {
	Session        string            `json:"session"`
	Tags           map[string]string `json:"tags"`
	EstInputTokens *float64          `json:"est_input_tokens"`
	MaxTokens      *float64          `json:"max_tokens"`
	Stream         bool              `json:"stream"`
	Features       []string          `json:"features"`
	LastUserText   string            `json:"last_user_text"`
	Class          string            `json:"class"`
	Strategy       string            `json:"strategy"`
	With           json.RawMessage   `json:"with"`
	Candidates     []routeCandidate  `json:"candidates"`
}

type routeCandidate struct {
	PriceIn        *float64 `json:"price_in"`
	PriceOut       *float64 `json:"price_out"`
	PriceCached    *float64 `json:"price_cached"`
	Context        *float64 `json:"context"`
	Quality        *float64 `json:"quality"`
	FirstToken     *float64 `json:"ttft_ms"`
	Speed          *float64 `json:"tps"`
	ErrorRate      *float64 `json:"error_rate"`
	Inflight       *float64 `json:"inflight"`
	Weight         *float64 `json:"weight"`
	Order          *float64 `json:"order"`
	Healthy        bool     `json:"healthy"`
	Fallback       bool     `json:"fallback"`
	RemainingRPM   *float64 `json:"remaining_rpm"`
	RemainingTPM   *float64 `json:"remaining_tpm"`
	CachedPrefix   *float64 `json:"cached_prefix"`
	EstCost        *float64 `json:"est_cost"`
	FirstP50       *float64 `json:"ttft_p50_ms"`
	FirstP95       *float64 `json:"ttft_p95_ms"`
	Samples        *float64 `json:"samples"`
	RequestsLeft   *float64 `json:"requests_left"`
	TokensLeft     *float64 `json:"tokens_left"`
	MaxInflight    *float64 `json:"max_inflight"`
	ExpectedOutput *float64 `json:"expected_output"`
	Sticky         uint64   `json:"sticky,string"`
}

// flatInput converts a JSON routing envelope to the flat form, as the gateway would send it to
// a router that gets these texts for the same request.
func flatInput(in []byte, reads hook.Reads, seed uint64, now time.Time) ([]byte, error) {
	var f routeEnvelope
	if err := json.Unmarshal(in, &f); err != nil {
		return nil, fmt.Errorf("the input is not a routing envelope: %w", err)
	}
	text, err := hook.FlatText(f.Strategy, f.With)
	if err != nil {
		return nil, err
	}
	req := &llm.Request{Session: f.Session, Tags: f.Tags, Class: f.Class, Facts: llm.Facts{EstInputTokens: whole(f.EstInputTokens, 0), MaxTokens: whole(f.MaxTokens, 0),
		Stream: f.Stream, Features: featuresOf(f.Features)}}
	c := make([]llm.Candidate, len(f.Candidates))
	for i := range c {
		c[i] = f.Candidates[i].candidate(now)
	}
	return hook.AppendFlat(nil, &hook.RouteInput{Request: req, Candidates: c, Part: text, Seed: seed, Now: now,
		Reads: reads, LastUser: []byte(f.LastUserText)}), nil
}

func (f *routeCandidate) candidate(now time.Time) llm.Candidate {
	t := &llm.Target{Context: whole(f.Context, 0), Quality: number(f.Quality, -1), Weight: number(f.Weight, 0),
		Order: int(whole(f.Order, 0)), Fallback: f.Fallback, MaxInflight: int(whole(f.MaxInflight, 0))}
	if f.PriceIn != nil && f.PriceOut != nil {
		t.Price = llm.Price{Known: true, Input: llm.NanoUSD(whole(f.PriceIn, 0)), Output: llm.NanoUSD(whole(f.PriceOut, 0)),
			CacheRead: llm.NanoUSD(whole(f.PriceCached, 0))}
	}
	s := llm.Stats{Inflight: whole(f.Inflight, 0), TTFT: millis(f.FirstToken), TTFTP50: millis(f.FirstP50), TTFTP95: millis(f.FirstP95),
		TPS: number(f.Speed, 0), ErrorRate: number(f.ErrorRate, 0), Samples: number(f.Samples, 0),
		RemainingRequests: whole(f.RemainingRPM, -1), RemainingTokens: whole(f.RemainingTPM, -1),
		RequestsLeft: number(f.RequestsLeft, -1), TokensLeft: number(f.TokensLeft, -1), ExpectedOutput: whole(f.ExpectedOutput, 0)}
	if !f.Healthy {
		s.CoolingUntil = now.Add(time.Minute)
	}
	return llm.Candidate{Target: t, Stats: s, EstCost: llm.NanoUSD(whole(f.EstCost, -1)), CachedPrefix: whole(f.CachedPrefix, 0), Sticky: f.Sticky}
}

func millis(v *float64) llm.Millis { return llm.Millis(number(v, 0) * float64(time.Millisecond)) }

// number returns what v points to, or the value for unknown.
func number(v *float64, unknown float64) float64 {
	if v == nil {
		return unknown
	}
	return *v
}

func whole(v *float64, unknown int64) int64 {
	return int64(min(max(number(v, float64(unknown)), math.MinInt64), math.MaxInt64/2))
}

// featuresOf returns the features with these names.
func featuresOf(names []string) llm.Features {
	var set llm.Features
	for i := range 32 {
		f := llm.Features(1) << i
		for _, name := range names {
			if list := f.Names(); len(list) == 1 && list[0] == name {
				set |= f
			}
		}
	}
	return set
}

// candidates counts the candidates of a JSON routing envelope; ok is false if in is not JSON.
func candidates(in []byte) (n int, ok bool) {
	var f struct {
		Candidates []json.RawMessage `json:"candidates"`
	}
	err := json.Unmarshal(in, &f)
	return len(f.Candidates), err == nil
}
