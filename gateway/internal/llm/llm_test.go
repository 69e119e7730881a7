package llm_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestFeatures(t *testing.T) {
	f := llm.Tools | llm.JSONSchema
	if !f.Has(llm.Tools) || !f.Has(0) || f.Has(llm.Tools|llm.Vision) {
		t.Errorf("Has is wrong about %v", f)
	}
	if got := f.String(); got != "tools,json_schema" {
		t.Errorf("String() = %q", got)
	}
	if got := llm.Features(0).String(); got != "" {
		t.Errorf("no features print as %q", got)
	}
	for bit, name := range map[llm.Features]string{llm.Tools: "tools", llm.Vision: "vision", llm.AudioIn: "audio_in",
		llm.AudioOut: "audio_out", llm.FileIn: "file_in", llm.JSONObject: "json_object", llm.JSONSchema: "json_schema",
		llm.Reasoning: "reasoning", llm.Logprobs: "logprobs", llm.Prefill: "prefill", llm.WebSearch: "web_search"} {
		if diff := cmp.Diff([]string{name}, bit.Names()); diff != "" {
			t.Errorf("feature %d (-want +got):\n%s", bit, diff)
		}
	}
}

func TestAmounts(t *testing.T) {
	a := llm.Amounts{USD: 5, InputTokens: 7, OutputTokens: 11, Requests: 1}
	for unit, want := range map[llm.Unit]int64{llm.UnitUSD: 5, llm.UnitTokens: 18, llm.UnitInputTokens: 7,
		llm.UnitOutputTokens: 11, llm.UnitRequests: 1, llm.UnitConcurrent: 1, "hours": 0} {
		if got := a.Of(unit); got != want {
			t.Errorf("Of(%q) = %d, want %d", unit, got, want)
		}
	}
}

func TestAsError(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.1: password hunter2")
	hidden := llm.AsError(fmt.Errorf("send: %w", cause))
	if hidden.HTTPStatus() != http.StatusInternalServerError || hidden.Code != llm.CodeInternal || !errors.Is(hidden, cause) {
		t.Errorf("a foreign error becomes %+v", hidden)
	}
	if hidden.Message == cause.Error() {
		t.Error("the message names the cause")
	}
	own := &llm.Error{Code: llm.CodeBudget, Status: http.StatusTooManyRequests, Message: "spent"}
	if got := llm.AsError(fmt.Errorf("reserve: %w", own)); got != own {
		t.Errorf("AsError lost the error in the chain: %+v", got)
	}
	if got := own.Error(); got != "budget_exceeded: spent" {
		t.Errorf("Error() = %q", got)
	}
}

// TestFaults checks what follows each fault: it decides whether money is spent again.
func TestFaults(t *testing.T) {
	for fault, want := range map[llm.Fault]struct{ retry, replace bool }{
		llm.FaultNone: {false, false}, llm.FaultRateLimited: {true, true}, llm.FaultQuota: {false, true},
		llm.FaultAuth: {false, true}, llm.FaultServer: {true, true}, llm.FaultNetwork: {true, true},
		llm.FaultTimeout: {false, true}, llm.FaultMalformed: {true, true}, llm.FaultCut: {true, true},
		llm.FaultContextLength: {false, true}, llm.FaultContentPolicy: {false, false}, llm.FaultNotFound: {false, true},
		llm.FaultBadRequest: {false, false}, llm.FaultTransform: {false, true}, llm.FaultUnsupported: {false, true}, llm.FaultCanceled: {false, false},
		llm.FaultTooLarge: {false, true}, llm.FaultEmpty: {false, true}, llm.FaultRefused: {false, true}, llm.FaultCooling: {false, true},
		llm.FaultBudget: {false, true}, llm.FaultHeld: {false, true}, llm.FaultOverrun: {false, false},
	} {
		if fault.Retryable() != want.retry || fault.Replaceable() != want.replace {
			t.Errorf("%q: retry %v, replace %v, want %+v", fault, fault.Retryable(), fault.Replaceable(), want)
		}
	}
}

// TestBilled checks that estimates replace what a provider has not counted.
func TestBilled(t *testing.T) {
	for _, tt := range []struct {
		name string
		info llm.ReplyInfo
		cut  bool
		want llm.Usage
	}{
		{"counted", llm.ReplyInfo{Usage: &llm.Usage{Input: 9, Output: 4}, TextBytes: 400, Pieces: 4}, false, llm.Usage{Input: 9, Output: 4}},
		{"not counted", llm.ReplyInfo{TextBytes: 401, Pieces: 4}, false, llm.Usage{Input: 50, Output: 101, Estimated: true}},
		{"a piece is a token at least", llm.ReplyInfo{TextBytes: 9, Pieces: 9}, false, llm.Usage{Input: 50, Output: 9, Estimated: true}},
		{"only the prompt", llm.ReplyInfo{Usage: &llm.Usage{Input: 9, CacheRead: 5}, TextBytes: 8, Pieces: 1}, false, llm.Usage{Input: 9, CacheRead: 5, Output: 2, Estimated: true}},
		{"only the reply", llm.ReplyInfo{Usage: &llm.Usage{Output: 5}, TextBytes: 8, Pieces: 1}, false, llm.Usage{Input: 50, Output: 5, Estimated: true}},
		{"an empty reply", llm.ReplyInfo{Usage: &llm.Usage{Input: 9}}, false, llm.Usage{Input: 9}},
		{"cut off: what has come counts", llm.ReplyInfo{Usage: &llm.Usage{Input: 9, Output: 1}, TextBytes: 400, Pieces: 4}, true, llm.Usage{Input: 9, Output: 100, Estimated: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.info.Billed(50, !tt.cut)); diff != "" {
				t.Errorf("Billed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPassesTo(t *testing.T) {
	for _, tt := range []struct {
		form   llm.Dialect
		target llm.Target
		want   bool
	}{
		{"", llm.Target{Dialect: llm.OpenAI}, true},
		{"", llm.Target{Dialect: llm.Anthropic}, false},
		{"", llm.Target{Dialect: llm.Anthropic, Also: []llm.Dialect{llm.OpenAI}}, true},
		{llm.Anthropic, llm.Target{Dialect: llm.Anthropic}, true},
		{llm.Responses, llm.Target{Dialect: llm.OpenAI}, false},
		{llm.Responses, llm.Target{Dialect: llm.OpenAI, Also: []llm.Dialect{llm.Responses}}, true},
	} {
		if got := (&llm.Request{Form: tt.form}).PassesTo(&tt.target); got != tt.want {
			t.Errorf("a request in %q passes to %+v: %t, want %t", tt.form, tt.target, got, tt.want)
		}
	}
}
