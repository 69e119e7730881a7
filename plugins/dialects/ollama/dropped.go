package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeOthers passes Ollama's own members, and those that neither side's format knows, and
// reports those that only OpenAI's, or another service's, knows.
func (r *request) writeOthers() error {
	for _, m := range r.in.Members {
		name := string(m.Key)
		switch {
		case translated(name) || isOption(name):
		case name == "keep_alive" || !noPlace(name) && !canonical.IsForeign(name):
			r.Key(m.Key)
			r.Value(m.Value)
		case !m.Harmless():
			r.Drop(name)
		}
	}
	return nil
}

// translated reports whether a member is written elsewhere, or has an equivalent that is.
func translated(name string) bool {
	switch name {
	case "anthropic_beta", "betas", "format", "function_call", "functions", "max_completion_tokens", "max_tokens",
		"messages", "options", "output_config", "parallel_tool_calls", "reasoning", "reasoning_effort",
		"response_format", "think", "thinking", "tool_choice", "tools":
		return true
	}
	return false
}

// noPlace reports whether a member is OpenAI's and has no counterpart at Ollama's.
func noPlace(name string) bool {
	switch name {
	case "audio", "logit_bias", "metadata", "modalities", "moderation", "n", "prediction", "prompt_cache_key",
		"prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "user",
		"verbosity", "web_search_options":
		return true
	}
	return false
}
