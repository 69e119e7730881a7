package policy

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// sampleLimit bounds one sample decision. It is generous, because no caches are filled yet
// and no request waits.
const sampleLimit = time.Second

// trySamples makes sample decisions that every policy must be able to make, so that a
// policy with malformed results is refused before it refuses every request.
func (p *program) trySamples(ctx context.Context) error {
	var faults Faults
	for _, s := range samples() {
		input := value(string(wholeInput(s.input, nil, nil)))
		if _, err := p.decide(ctx, input, sampleLimit); err != nil {
			f := p.locate(ctx, input, err)
			f.Message, f.Hint = fmt.Sprintf("for %s: %v", s.name, err), "every request needs a decision; run `penstock policy eval` to see the policy's result for an input"
			faults = append(faults, f)
		}
	}
	if ctx.Err() == nil && len(faults) > 0 {
		return faults
	}
	return ctx.Err()
}

type sample struct {
	name  string
	input Input
}

// samples returns a request with as few fields as possible and one with all.
func samples() []sample {
	noon := time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)
	target := &llm.Target{ID: "openai/gpt-5", Provider: "openai", Model: "gpt-5", Dialect: llm.OpenAI, Region: "eu",
		Price: llm.Price{Known: true, Input: 1250 * llm.USD / 1000, Output: 10 * llm.USD}, Context: 400_000}
	return []sample{
		{"a plain request without a key", Input{Now: noon, Request: &llm.Request{
			Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Facts: llm.Facts{Model: "smart"}}}},
		{"a request with every field set", Input{Now: noon, Route: "smart", Targets: []*llm.Target{target},
			EstCost: llm.USD / 100, CostKnown: true, DataClasses: []string{"personal"},
			Request: &llm.Request{Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, IP: "192.0.2.7", Session: "run-7",
				Tags: map[string]string{"usecase": "support"},
				Facts: llm.Facts{Model: "smart", Stream: true, MaxTokens: 1000, EstInputTokens: 2000, Choices: 1,
					Features: llm.Tools | llm.Vision, Metadata: map[string]string{"usecase": "support"}},
				Principal: llm.Principal{KeyID: "ab12cd34", Name: "ci", Team: "search", User: "ada", Roles: []string{"member"},
					Models: []string{"smart", "openai/*"}, Tags: map[string]string{"env": "test"},
					Budget: llm.Budget{Max: 5 * llm.USD, Window: "day"}, Expires: noon.AddDate(0, 1, 0)}}}},
	}
}
