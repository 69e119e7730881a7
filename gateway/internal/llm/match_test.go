package llm

import "testing"

func TestMatchName(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"gpt-5", "gpt-5", true}, {"gpt-5", "gpt-50", false}, {"*", "", true}, {"*", "a/b", true},
		{"openai/*", "openai/gpt-5", true}, {"openai/*", "openai", false}, {"*-mini", "gpt-5-mini", true},
		{"*-mini", "gpt-5-mini-x", false}, {"a*b*c", "a--b--c", true}, {"a*b*c", "acb", false},
		{"a*a", "a", false}, {"**", "x", true}, {"", "", true}, {"", "x", false},
	}
	for _, tt := range tests {
		if got := MatchName(tt.pattern, tt.name); got != tt.want {
			t.Errorf("MatchName(%q, %q) = %t, want %t", tt.pattern, tt.name, got, tt.want)
		}
	}
}
