package gemini_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestThinking asks for thinking with OpenAI's, Anthropic's and OpenRouter's members, and
// compares thinkingConfig as it is sent, and what is reported as dropped.
func TestThinking(t *testing.T) {
	const old, flash, lite, pro, flash3, pro3, pro31 = "gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-3-flash-preview", "gemini-3-pro-preview", "gemini-3.1-pro-preview"
	for _, tt := range []struct{ model, members, want, dropped string }{
		{old, `"reasoning_effort":"low"`, ``, "reasoning_effort"},
		{old, `"reasoning_effort":"none"`, ``, ""},
		{"gemma-3-27b-it", `"reasoning_effort":"low"`, ``, "reasoning_effort"},
		{flash, `"reasoning_effort":"low"`, `{"includeThoughts":true,"thinkingBudget":2048}`, ""},
		{flash, `"reasoning_effort":"none"`, `{"thinkingBudget":0}`, ""},
		{flash, `"reasoning_effort":"max"`, `{"includeThoughts":true,"thinkingBudget":24576}`, ""},
		{flash, `"reasoning_effort":"nonsense"`, ``, "reasoning_effort"},
		{flash, `"thinking":{"type":"enabled","budget_tokens":3000}`, `{"includeThoughts":true,"thinkingBudget":3000}`, ""},
		{flash, `"thinking":{"type":"enabled"}`, `{"includeThoughts":true}`, ""},
		{flash, `"reasoning":{"max_tokens":9,"exclude":true}`, `{"thinkingBudget":9}`, ""},
		{lite, `"reasoning":{"max_tokens":9}`, `{"includeThoughts":true,"thinkingBudget":512}`, ""},
		{pro, `"reasoning_effort":"none"`, `{"thinkingBudget":128}`, "reasoning_effort"},
		{pro, `"reasoning_effort":"max"`, `{"includeThoughts":true,"thinkingBudget":32768}`, ""},
		{flash3, `"reasoning_effort":"none"`, `{"thinkingLevel":"minimal"}`, "reasoning_effort"},
		{flash3, `"reasoning_effort":"minimal"`, `{"includeThoughts":true,"thinkingLevel":"minimal"}`, ""},
		{flash3, `"reasoning_effort":"xhigh"`, `{"includeThoughts":true,"thinkingLevel":"high"}`, ""},
		{flash3, `"thinking":{"type":"enabled","budget_tokens":3000}`, `{"includeThoughts":true,"thinkingLevel":"medium"}`, ""},
		{flash3, `"thinking":{"type":"adaptive"}`, `{"includeThoughts":true}`, ""},
		{pro3, `"reasoning_effort":"minimal"`, `{"includeThoughts":true,"thinkingLevel":"low"}`, ""},
		{pro3, `"reasoning_effort":"medium"`, `{"includeThoughts":true,"thinkingLevel":"high"}`, ""},
		{pro31, `"reasoning_effort":"medium"`, `{"includeThoughts":true,"thinkingLevel":"medium"}`, ""},
		{"gemini-flash-latest", `"reasoning_effort":"low"`, `{"includeThoughts":true,"thinkingLevel":"low"}`, ""},
	} {
		s, err := transform(t, tt.model, false, `{"messages":[{"role":"user","content":"x"}],`+tt.members+`}`)
		if err != nil {
			t.Errorf("%s: %v", tt.members, err)
			continue
		}
		var body struct {
			Config struct {
				Thinking json.RawMessage `json:"thinkingConfig"`
			} `json:"generationConfig"`
		}
		if err := json.Unmarshal(s.Body, &body); err != nil {
			t.Fatal(err)
		}
		if got := string(body.Config.Thinking); got != tt.want || strings.Join(s.Dropped, ",") != tt.dropped {
			t.Errorf("%s for %s gave %s, dropped %v; want %s, %s", tt.members, tt.model, got, s.Dropped, tt.want, tt.dropped)
		}
	}
}
