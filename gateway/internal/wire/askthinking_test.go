package wire

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestAskToThink: each provider is asked to think in its own words, whatever the client's are.
func TestAskToThink(t *testing.T) {
	for _, tt := range []struct{ target, body, want, dropped string }{
		// In the provider's words already.
		{"openai/gpt-5", `{"reasoning_effort":"none"}`, `{"reasoning_effort":"none"}`, ""},
		{"openrouter/x", `{"reasoning":{"enabled":true,"exclude":true}}`, `{"reasoning":{"enabled":true,"exclude":true}}`, ""},
		{"openrouter/x", `{"reasoning_effort":"high"}`, `{"reasoning_effort":"high"}`, ""},
		{"zai/glm-5.2", `{"reasoning_effort":"high","thinking":{"clear_thinking":false,"type":"enabled"}}`, `{"reasoning_effort":"high","thinking":{"clear_thinking":false,"type":"enabled"}}`, ""},
		{"cerebras/zai-glm-4.7", `{"clear_thinking":false,"reasoning_effort":"none"}`, `{"clear_thinking":false,"reasoning_effort":"none"}`, ""},
		{"together/x", `{"reasoning":{"enabled":false}}`, `{"reasoning":{"enabled":false}}`, ""},
		{"alibaba/qwen3", `{"enable_thinking":true,"thinking_budget":9}`, `{"enable_thinking":true,"thinking_budget":9}`, ""},
		// In OpenRouter's.
		{"openai/gpt-5", `{"model":"m","reasoning":{"effort":"low"}}`, `{"model":"m","reasoning_effort":"low"}`, ""},
		{"openai/gpt-5", `{"reasoning":{"max_tokens":4000,"exclude":true}}`, `{"reasoning_effort":"medium"}`, "reasoning.exclude"},
		{"openai/gpt-5", `{"reasoning":{"enabled":false},"model":"m"}`, `{"model":"m"}`, "reasoning"},
		{"openai/gpt-5", `{"reasoning":{"effort":"low"},"reasoning_effort":"high"}`, `{"reasoning_effort":"high"}`, "reasoning"},
		{"zai/glm-5", `{"reasoning":{"enabled":false}}`, `{"thinking":{"type":"disabled"}}`, ""},
		{"deepseek/deepseek-v4-flash", `{"reasoning":{"effort":"high"}}`, `{"reasoning_effort":"high"}`, ""},
		{"fireworks/x", `{"reasoning":{"enabled":true}}`, `{"thinking":{"type":"enabled"}}`, ""},
		{"together/x", `{"reasoning":{"effort":"high"}}`, `{"reasoning_effort":"high"}`, ""},
		{"together/x", `{"reasoning":{"effort":"none"}}`, `{"reasoning":{"enabled":false}}`, ""},
		{"alibaba/qwen3", `{"stream":true,"reasoning":{"max_tokens":900}}`, `{"stream":true,"enable_thinking":true,"thinking_budget":900}`, ""},
		{"cerebras/zai-glm-4.7", `{"reasoning":{"enabled":false}}`, `{"reasoning_effort":"none"}`, ""},
		{"cerebras/gpt-oss-120b", `{"reasoning":{"enabled":false}}`, `{}`, "reasoning"},
		// In Anthropic's and DeepSeek's.
		{"openrouter/x", `{"thinking":{"type":"enabled","budget_tokens":2000}}`, `{"reasoning":{"max_tokens":2000}}`, ""},
		{"openrouter/x", `{"thinking":{"type":"disabled"}}`, `{"reasoning":{"enabled":false}}`, ""},
		{"groq/x", `{"thinking":{"type":"enabled","budget_tokens":2000}}`, `{"reasoning_effort":"low"}`, ""},
		{"groq/x", `{"thinking":{"type":"enabled"}}`, `{}`, "thinking"},
		{"xai/grok-4", `{"stop":"x","thinking":{"type":"enabled","budget_tokens":90000},"model":"m"}`, `{"reasoning_effort":"high","model":"m"}`, "stop"},
		// In OpenAI's and Alibaba's.
		{"alibaba/qwen3", `{"reasoning_effort":"high","stream":true}`, `{"enable_thinking":true,"stream":true}`, ""},
		{"alibaba/qwen3", `{"reasoning_effort":"high"}`, `{}`, "reasoning_effort"}, // some think in streams only
		{"alibaba/qwen3", `{"reasoning_effort":"none"}`, `{"enable_thinking":false}`, ""},
		{"deepseek/deepseek-chat", `{"reasoning_effort":"none"}`, `{"thinking":{"type":"disabled"}}`, ""},
		{"moonshot/kimi-k2.6", `{"enable_thinking":false}`, `{"thinking":{"type":"disabled"}}`, ""},
		{"openrouter/x", `{"enable_thinking":true,"thinking_budget":500,"model":"m"}`, `{"reasoning":{"max_tokens":500},"model":"m"}`, ""},
		// Providers without a row.
		{"nvidia/x", `{"reasoning":{"effort":"low"}}`, `{"reasoning":{"effort":"low"}}`, ""},
	} {
		catalog, model, _ := strings.Cut(tt.target, "/")
		got, dropped := requestDeviationOf(&llm.Target{Catalog: catalog, Model: model}).adapt([]byte(tt.body))
		if string(got) != tt.want || strings.Join(dropped, ",") != tt.dropped {
			t.Errorf("%s: %s became %s, dropped %q; want %s, %q", tt.target, tt.body, got, dropped, tt.want, tt.dropped)
		}
	}
}

// TestThinkingStyles: every row names a style that exists.
func TestThinkingStyles(t *testing.T) {
	for _, row := range requestDeviations() {
		if _, known := ownMembers[row.thinking]; !known && row.thinking != "-" {
			t.Errorf("%s %s has the style %q", row.provider, row.model, row.thinking)
		}
	}
}
