package responses_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/responses"
)

// TestReasoning asks for reasoning with each service's members. What is wanted is reasoning and
// temperature, as they are sent, and what is reported.
func TestReasoning(t *testing.T) {
	for _, tt := range []struct{ model, members, want, dropped string }{
		{"gpt-5.5", `"reasoning_effort":"high"`, `{"effort":"high"}`, ""},
		{"gpt-5.5", `"reasoning_effort":"default"`, ``, ""},
		{"gpt-5.5", `"reasoning_effort":"none","temperature":0.5`, `{"effort":"none"}0.5`, ""},
		{"gpt-5.5", `"temperature":0.5`, ``, "temperature"},
		{"gpt-5.5", `"temperature":1.0`, ``, ""},
		{"gpt-5.5", `"reasoning":{"effort":"low"}`, `{"effort":"low","summary":"auto"}`, ""},
		{"gpt-5.5", `"reasoning":{"effort":"low","exclude":true}`, `{"effort":"low"}`, ""},
		{"gpt-5.5", `"reasoning":{"summary":"detailed"}`, `{"summary":"detailed"}`, ""},
		{"gpt-5.5", `"reasoning":{"effort":"low","summary":"concise"}`, `{"effort":"low","summary":"concise"}`, ""},
		{"gpt-5.5", `"reasoning":{"enabled":true}`, `{"summary":"auto"}`, ""},
		{"gpt-5.5", `"reasoning":{"max_tokens":5000}`, `{"effort":"medium","summary":"auto"}`, ""},
		{"gpt-5.5", `"reasoning":{"enabled":false}`, `{"effort":"none"}`, ""},
		{"gpt-5.5", `"reasoning":{}`, ``, ""},
		{"gpt-5.5", `"thinking":{"type":"enabled","budget_tokens":30000}`, `{"effort":"high","summary":"auto"}`, ""},
		{"gpt-5.5", `"thinking":{"type":"adaptive"},"reasoning_effort":"max"`, `{"effort":"max","summary":"auto"}`, ""},
		{"gpt-5.5", `"thinking":{"type":"disabled"}`, `{"effort":"none"}`, ""},
		{"gpt-5.4", `"temperature":0.5`, `0.5`, ""},
		{"gpt-5.4", `"temperature":0.5,"reasoning_effort":"low"`, `{"effort":"low"}`, "temperature"},
		{"gpt-5-mini", `"thinking":{"type":"disabled"}`, `{"effort":"minimal"}`, ""},
		{"gpt-5-mini", `"temperature":0.5`, ``, "temperature"},
		{"o3", `"thinking":{"type":"disabled"}`, ``, "thinking"},
		{"o3", `"reasoning_effort":"low","top_p":0.5`, `{"effort":"low"}`, "top_p"},
		{"gpt-4.1", `"thinking":{"type":"enabled","budget_tokens":2000},"temperature":0.5`, `0.5`, "thinking"},
		{"gpt-4.1", `"reasoning_effort":"low"`, ``, "reasoning_effort"},
		{"gpt-4.1", `"reasoning_effort":"none"`, ``, ""},
		{"gpt-4.1", `"thinking":{"type":"disabled"}`, ``, ""},
		{"my-model", `"thinking":{"type":"disabled"},"temperature":0.5`, `0.5`, ""},
		{"my-model", `"reasoning_effort":"none"`, `{"effort":"none"}`, ""},
		{"grok-4.3", `"reasoning_effort":"low","temperature":0.5`, `{"effort":"low"}0.5`, ""},
	} {
		s, err := transform(t, tt.model, false, `{"messages":[{"role":"user","content":"x"}],`+tt.members+`}`)
		if err != nil {
			t.Errorf("%s: %v", tt.members, err)
			continue
		}
		var r struct{ Reasoning, Temperature json.RawMessage }
		if err := json.Unmarshal(s.Body, &r); err != nil {
			t.Fatal(err)
		}
		if got := string(r.Reasoning) + string(r.Temperature); got != tt.want || strings.Join(s.Dropped, ",") != tt.dropped {
			t.Errorf("%s for %s became %s, dropped %v, want %s, %s", tt.members, tt.model, got, s.Dropped, tt.want, tt.dropped)
		}
	}
}

func TestFamilies(t *testing.T) {
	for model, want := range map[string]string{
		"gpt-4.1": "plain", "gpt-4o-2024-08-06": "plain", "chatgpt-4o-latest": "plain", "gpt-35-turbo": "plain", "gpt-5-chat-latest": "plain",
		"gpt-5": "minimal", "gpt-5-mini": "minimal", "gpt-5-2025-08-07": "minimal", "azure/gpt-5-nano": "minimal",
		"gpt-5.1": "optional", "gpt-5.4-mini": "optional", "gpt-5.2-pro": "optional",
		"gpt-5.5": "standard", "openai.gpt-5.6-luna": "standard", "openai/gpt-5.6-sol": "standard", "gpt-5.10": "standard", "gpt-6": "standard",
		"o3": "always", "o4-mini": "always", "openai/o1-pro": "always", "codex-mini-latest": "always",
		"grok-4.3": "grok", "grok-4-1-fast-non-reasoning": "unknown",
		"openai.gpt-oss-120b": "unknown", "deepseek-v4-flash": "unknown", "foo3": "unknown", "": "unknown", "gpt-": "unknown",
	} {
		if got := responses.FamilyOf(model); got != want {
			t.Errorf("%s is %s, want %s", model, got, want)
		}
	}
}

// TestEncryptedReasoningIsAskedFor checks that what nothing is kept for comes back encrypted.
func TestEncryptedReasoningIsAskedFor(t *testing.T) {
	const asks = `"include":["reasoning.encrypted_content"]`
	for model, want := range map[string]bool{"gpt-5.4": true, "o3": true, "grok-4.3": true, "gpt-4.1": false, "deepseek-v4-flash": false} {
		s, err := transform(t, model, false, `{"messages":[{"role":"user","content":"x"}]}`)
		if err != nil || strings.Contains(string(s.Body), asks) != want || !strings.Contains(string(s.Body), `"store":false`) {
			t.Errorf("%s: the request is %s, %v", model, s.Body, err)
		}
	}
	s, err := transform(t, "my-model", false, `{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y","reasoning_details":[
		{"type":"reasoning.encrypted","data":"E","format":"openai-responses-v1"}]},{"role":"user","content":"z"}]}`)
	if err != nil || !strings.Contains(string(s.Body), asks) || !strings.Contains(string(s.Body), `{"type":"reasoning","summary":[],"encrypted_content":"E"}`) {
		t.Errorf("the request is %s, %v", s.Body, err)
	}
}
