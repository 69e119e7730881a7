package anthropic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestReasoning asks for thinking with OpenAI's, Anthropic's and OpenRouter's members, and
// compares thinking and output_config as they are sent, and what is reported as dropped.
func TestReasoning(t *testing.T) {
	const old, new6, new8 = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8"
	forced := `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required"`
	for _, tt := range []struct{ model, members, want, dropped string }{
		{old, `"reasoning":{"enabled":true}`, `{"type":"enabled","budget_tokens":6144}`, ""}, // three quarters of 8,192
		{old, `"reasoning":{"enabled":true},"max_tokens":100000`, `{"type":"enabled","budget_tokens":6144}`, ""},
		{old, `"reasoning":{"max_tokens":2000}`, `{"type":"enabled","budget_tokens":2000}`, ""},
		{old, `"reasoning":{"max_tokens":100}`, `{"type":"enabled","budget_tokens":1024}`, ""},
		{old, `"reasoning":{"effort":"low"}`, `{"type":"enabled","budget_tokens":2048}`, ""},
		{old, `"reasoning":{"effort":"low","exclude":true}`, `{"type":"enabled","budget_tokens":2048}`, "reasoning.exclude"},
		{old, `"reasoning":{"enabled":false,"effort":"high"}`, ``, ""},
		{old, `"reasoning":{"effort":"none"}`, ``, ""},
		{old, `"reasoning":{}`, ``, ""},
		{old, `"thinking":{"type":"enabled"}`, `{"type":"enabled","budget_tokens":6144}`, ""},
		{old, `"thinking":{"type":"enabled"},"reasoning_effort":"low"`, `{"type":"enabled","budget_tokens":2048}`, ""},
		{old, `"thinking":{"type":"enabled"},"max_tokens":1000`, ``, "thinking"},
		{old, `"thinking":{"type":"adaptive"}`, `{"type":"enabled","budget_tokens":6144}`, ""},
		{old, `"thinking":{"type":"disabled"}`, ``, ""},
		{old, `"thinking":{"type":"enabled","budget_tokens":3000,"display":"omitted"}`, `{"type":"enabled","budget_tokens":3000,"display":"omitted"}`, ""},
		{old, `"thinking":{"type":"enabled","budget_tokens":9000}`, `{"type":"enabled","budget_tokens":6144}`, ""},
		{old, `"thinking":{"type":"enabled","budget_tokens":5}`, `{"type":"enabled","budget_tokens":1024}`, ""},
		{old, `"thinking":{"type":"enabled","budget_tokens":3000}` + forced, ``, "thinking"},
		{old, `"reasoning":{"enabled":true}` + forced, ``, "reasoning"},
		{old, `"reasoning_effort":"nonsense"`, ``, "reasoning_effort"},
		{old, `"reasoning_effort":"default"`, ``, ""},
		{"claude-3-5-haiku-20241022", `"thinking":{"type":"enabled"}`, ``, "thinking"},
		{new6, `"thinking":{"type":"enabled","budget_tokens":3000}`, `{"type":"enabled","budget_tokens":3000}`, ""},
		{new6, `"reasoning":{"enabled":true}`, `{"type":"adaptive"}`, ""},
		{new6, `"thinking":{"type":"adaptive"},"reasoning_effort":"max"`, `{"type":"adaptive"}{"effort":"max"}`, ""},
		{new8, `"thinking":{"type":"enabled"}`, `{"type":"adaptive","display":"summarized"}`, ""},
		{new8, `"thinking":{"type":"enabled","budget_tokens":2000}`, `{"type":"adaptive","display":"summarized"}{"effort":"low"}`, ""},
		{new8, `"thinking":{"type":"adaptive","display":"omitted"}`, `{"type":"adaptive","display":"omitted"}`, ""},
		{new8, `"thinking":{"type":"disabled"}`, `{"type":"disabled"}`, ""},
		{new8, `"reasoning":{"max_tokens":5000}`, `{"type":"adaptive","display":"summarized"}{"effort":"medium"}`, ""},
		{new8, `"reasoning":{"max_tokens":50000}`, `{"type":"adaptive","display":"summarized"}{"effort":"high"}`, ""},
		{new8, `"reasoning":{"enabled":false}`, `{"type":"disabled"}`, ""},
		{new8, `"reasoning_effort":"high"` + forced, `{"effort":"high"}`, ""},
		{new8, `"thinking":{"type":"enabled"}` + forced, ``, "thinking"},
		{"glm-5", `"thinking":{"type":"disabled"}`, `{"type":"disabled"}`, ""},
		{"glm-5", `"thinking":{"type":"enabled"}`, `{"type":"enabled","budget_tokens":6144}`, ""},
	} {
		s, err := transform(t, tt.model, false, `{"messages":[{"role":"user","content":"x"}],`+tt.members+`}`)
		if err != nil {
			t.Errorf("%s: %v", tt.members, err)
			continue
		}
		checkRules(t, s.Body)
		var r struct {
			Thinking json.RawMessage
			Output   json.RawMessage `json:"output_config"`
		}
		if err := json.Unmarshal(s.Body, &r); err != nil {
			t.Fatal(err)
		}
		if got := string(r.Thinking) + string(r.Output); got != tt.want || strings.Join(s.Dropped, ",") != tt.dropped {
			t.Errorf("%s for %s became %s, dropped %v, want %s, %s", tt.members, tt.model, got, s.Dropped, tt.want, tt.dropped)
		}
	}
}

// TestBudgetWithoutBound raises max_tokens for a budget when nothing bounds the answer.
func TestBudgetWithoutBound(t *testing.T) {
	s, err := transformFor(t, dialecttest.Target{Model: "claude-sonnet-4-5"}, false,
		`{"messages":[{"role":"user","content":"x"}],"thinking":{"type":"enabled","budget_tokens":10000}}`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(int64(14096), checkRules(t, s.Body).MaxTokens); diff != "" {
		t.Errorf("max_tokens (-want +got):\n%s", diff)
	}
}
