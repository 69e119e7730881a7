package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeOthers passes the members that neither side's format knows, so that a new feature
// works on the day it appears, and reports those that only OpenAI's, or another service's,
// knows.
func (r *request) writeOthers() error {
	for _, m := range r.in.Members {
		switch {
		case translated(string(m.Key)):
		case !noPlace(string(m.Key)) && !canonical.IsForeign(string(m.Key)):
			r.Key(m.Key)
			r.Value(m.Value)
		case !m.Harmless():
			r.Drop(string(m.Key))
		}
	}
	return nil
}

// translated reports whether a member is written elsewhere.
func translated(name string) bool {
	switch name {
	case "anthropic_beta", "betas", "function_call", "functions", "max_completion_tokens", "max_tokens", "messages",
		"metadata", "output_config", "parallel_tool_calls", "reasoning", "reasoning_effort", "response_format",
		"safety_identifier", "service_tier", "stop", "temperature", "thinking", "tool_choice", "tools", "top_k",
		"top_p", "user", "web_search_options":
		return true
	}
	return false
}

// noPlace reports whether a member is OpenAI's and has no counterpart at Anthropic's.
func noPlace(name string) bool {
	switch name {
	case "audio", "frequency_penalty", "logit_bias", "logprobs", "modalities", "moderation", "n",
		"prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options",
		"prompt_cache_retention", "seed", "store", "top_logprobs", "verbosity":
		return true
	}
	return false
}
