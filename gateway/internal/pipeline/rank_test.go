package pipeline

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestUnfitTargets wants the reason why a target is left out, for each thing that it may lack.
func TestUnfitTargets(t *testing.T) {
	needs := func(f llm.Features) func(*llm.Request) { return func(r *llm.Request) { r.Facts.Features = f } }
	for name, c := range map[string]struct {
		target llm.Target
		ask    func(*llm.Request)
		want   string
	}{
		"nothing known":          {llm.Target{}, needs(llm.Tools | llm.Vision | llm.JSONSchema), ""},
		"modalities":             {llm.Target{FeaturesKnown: true, Features: llm.Tools}, needs(llm.Tools | llm.Vision | llm.AudioIn | llm.FileIn), "lacks vision, audio_in, file_in"},
		"speech":                 {llm.Target{FeaturesKnown: true}, needs(llm.AudioOut), "lacks audio_out"},
		"tools":                  {llm.Target{FeaturesKnown: true}, needs(llm.Tools), "lacks tools"},
		"schema":                 {llm.Target{FeaturesKnown: true}, needs(llm.JSONSchema), "lacks json_schema"},
		"schema by translation":  {llm.Target{FeaturesKnown: true, Dialect: llm.Anthropic}, needs(llm.JSONSchema), ""},
		"what is left out":       {llm.Target{FeaturesKnown: true}, needs(llm.Reasoning | llm.JSONObject | llm.Logprobs | llm.Prefill), ""},
		"an embedding model":     {llm.Target{EmbedsOnly: true}, func(*llm.Request) {}, "makes embeddings only"},
		"embeddings from a chat": {llm.Target{ChatOnly: true, Context: 1}, func(r *llm.Request) { r.Facts.Inputs = 2 }, "makes no embeddings"},
		"embeddings":             {llm.Target{EmbedsOnly: true, Context: 1}, func(r *llm.Request) { r.Facts.Inputs = 2 }, ""},
		"prompt":                 {llm.Target{Context: 1000}, func(r *llm.Request) { r.Facts.EstInputTokens = 2002 }, "context window of 1000 tokens is too small"},
		"prompt that may fit":    {llm.Target{Context: 1000}, func(r *llm.Request) { r.Facts.EstInputTokens = 2000 }, ""},
		"prompt and reply": {llm.Target{Context: 1000}, func(r *llm.Request) { r.Facts.EstInputTokens, r.Facts.MaxTokens = 1000, 501 },
			"context window of 1000 tokens is too small for the prompt and a reply of 501 tokens"},
		"reply within the model's cap": {llm.Target{Context: 1000, MaxOutput: 500}, func(r *llm.Request) { r.Facts.EstInputTokens, r.Facts.MaxTokens = 1000, 1<<62 }, ""},
		"only counted":                 {llm.Target{Context: 10}, func(r *llm.Request) { r.Facts.EstInputTokens, r.Facts.Free = 1000, true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakes("p/a", "p/b")
			c.target.ID, c.target.Provider, c.target.Price = "p/a", "p", f.route.Targets[0].Price
			if c.target.Dialect == "" {
				c.target.Dialect = f.route.Targets[0].Dialect
			}
			f.route.Targets[0] = &c.target
			req := request(false)
			c.ask(req)
			if _, err := f.serve(t, t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if got := f.records[0].Candidates[0].Refused; got != c.want {
				t.Errorf("p/a is refused for %q, want %q", got, c.want)
			}
		})
	}
}

// TestTooLongForAll wants a request that no target's window has room for to go to those for
// such requests, without asking any other, and else a refusal at which agents shorten it.
func TestTooLongForAll(t *testing.T) {
	f := newFakes("p/a", "p/b")
	for _, target := range f.route.Targets {
		target.Context = 1000
	}
	req := request(false)
	req.Facts.EstInputTokens = 1 << 20
	_, err := f.serve(t, t.Context(), req)
	if e := llm.AsError(err); e.Code != llm.CodeContextLength || e.Status != 400 ||
		!strings.Contains(e.Message, "p/a: context window of 1000 tokens is too small; p/b: context window") {
		t.Errorf("Serve = %v, want context_length_exceeded with each target's reason", err)
	}
	f.records, f.route.FallbackOn = nil, map[llm.Fault][]*llm.Target{llm.FaultContextLength: {target("p/long")}}
	f.script["p/long"] = []action{plain("hello from p/long")}
	got, err := f.serve(t, t.Context(), req)
	if err != nil || got.text != "hello from p/long" || !slices.Equal(f.sent, []string{"p/long"}) {
		t.Errorf("Serve = %q, %v after asking %v, want p/long's answer alone", got.text, err, f.sent)
	}
	f.decision.Obligations.DenyTargets = []string{"p/b"}
	f.records, f.route.FallbackOn = nil, nil
	if _, err := f.serve(t, t.Context(), req); llm.AsError(err).Code != llm.CodeNoTarget {
		t.Errorf("Serve = %v, want no_target_available where the policy denies one", err)
	}
}
