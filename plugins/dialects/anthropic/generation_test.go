package anthropic_test

import (
	"testing"

	"github.com/penstock/penstock/plugins/dialects/anthropic"
)

func TestGenerationOf(t *testing.T) {
	for model, want := range map[string]int{
		"claude-3-5-sonnet-20241022": 305, "claude-3-opus-20240229": 300, "claude-2.1": 201,
		"claude-instant-1.2": 102, "claude-sonnet-4-20250514": 400, "claude-sonnet-4-0": 400,
		"claude-opus-4-1": 401, "claude-sonnet-4-5": 405, "claude-haiku-4-5-20251001": 405,
		"claude-sonnet-4@20250514": 400, "anthropic/claude-opus-4.5": 405, "claude-opus-5": 500,
		"us.anthropic.claude-sonnet-4-20250514-v1:0": 400, "claude-3-7-sonnet-latest": 307,
		"claude-opus-4-10": 410, "claude": anthropic.Newest, "claude-next": anthropic.Newest,
		"glm-4.7": anthropic.Foreign, "": anthropic.Foreign,
	} {
		if got := anthropic.GenerationOf(model); got != want {
			t.Errorf("generationOf(%q) = %d, want %d", model, got, want)
		}
	}
}
