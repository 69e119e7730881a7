package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeOthers passes Cohere's own members, and those that neither side's format knows, so
// that a new feature works on the day it appears. It reports those that only OpenAI's, or
// another service's, knows.
func (r *request) writeOthers() error {
	for _, m := range r.in.Members {
		name := string(m.Key)
		switch {
		case translated(name):
		case ownMember(name) || !noPlace(name) && !canonical.IsForeign(name):
			r.Key(m.Key)
			r.Value(m.Value)
		case name == "service_tier" && usualTier(m.Value):
		case !m.Harmless():
			r.Drop(name)
		}
	}
	return nil
}

// usualTier reports whether a service_tier is the one that Cohere serves everybody in.
func usualTier(v canonical.Value) bool {
	tier := string(canonical.Text(v))
	return tier == "auto" || tier == "default"
}

// translated reports whether a member is written elsewhere, or has an equivalent that is.
func translated(name string) bool {
	switch name {
	case "anthropic_beta", "betas", "documents", "frequency_penalty", "function_call", "functions", "max_completion_tokens",
		"max_tokens", "messages", "output_config", "parallel_tool_calls", "presence_penalty", "reasoning",
		"reasoning_effort", "response_format", "stop", "temperature", "thinking", "tool_choice", "tools", "top_k",
		"top_p":
		return true
	}
	return false
}

// ownMember reports whether a member is Cohere's although other services have one of that
// name.
func ownMember(name string) bool {
	switch name {
	case "citation_options", "priority", "seed":
		return true
	}
	return false
}

// noPlace reports whether a member is OpenAI's and has no counterpart at Cohere's.
func noPlace(name string) bool {
	switch name {
	case "audio", "logit_bias", "logprobs", "metadata", "modalities", "moderation", "n", "prediction",
		"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier",
		"store", "top_logprobs", "user", "verbosity", "web_search_options":
		return true
	}
	return false
}
