package policy

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// rehearsalLimit bounds one decision before publication. It is generous, because nothing
// is warm and nobody waits.
const rehearsalLimit = time.Second

// rehearse makes the decisions that every policy must be able to make, so that one that
// answers nonsense is refused before it can refuse everybody.
func (p *program) rehearse(ctx context.Context) error {
	var faults Faults
	for _, r := range rehearsals() {
		if _, err := p.decide(ctx, value(string(wholeInput(r.input, nil, nil))), rehearsalLimit); err != nil {
			faults = append(faults, Fault{File: "data.penstock.decision", Message: fmt.Sprintf("for %s: %v", r.name, err),
				Hint: "every request needs a decision; `penstock policy eval` shows what the policy makes of an input"})
		}
	}
	if ctx.Err() == nil && len(faults) > 0 {
		return faults
	}
	return ctx.Err()
}

type rehearsal struct {
	name  string
	input Input
}

// rehearsals are a request that says as little as possible and one that says all.
func rehearsals() []rehearsal {
	noon := time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)
	target := &llm.Target{ID: "openai/gpt-5", Provider: "openai", Model: "gpt-5", Dialect: llm.OpenAI, Region: "eu",
		Price: llm.Price{Known: true, Input: 1250 * llm.USD / 1000, Output: 10 * llm.USD}, Context: 400_000}
	return []rehearsal{
		{"a plain request without a key", Input{Now: noon, Request: &llm.Request{
			Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Facts: llm.Facts{Model: "smart"}}}},
		{"a request with every field set", Input{Now: noon, Route: "smart", Targets: []*llm.Target{target},
			EstCost: llm.USD / 100, CostKnown: true, DataClasses: []string{"personal"},
			Request: &llm.Request{Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, IP: "192.0.2.7",
				Tags: map[string]string{"usecase": "support"},
				Facts: llm.Facts{Model: "smart", Stream: true, MaxTokens: 1000, EstInputTokens: 2000, Choices: 1,
					Features: llm.Tools | llm.Vision, Metadata: map[string]string{"usecase": "support"}},
				Principal: llm.Principal{KeyID: "ab12cd34", Name: "ci", Team: "search", User: "ada", Roles: []string{"member"},
					Models: []string{"smart", "openai/*"}, Tags: map[string]string{"env": "test"},
					Budget: llm.Budget{Max: 5 * llm.USD, Window: "day"}, Expires: noon.AddDate(0, 1, 0)}}}},
	}
}
