package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// ownMembers are members that the canonical reader knows nothing of; nil when absent.
type ownMembers struct {
	include, logprobs, store, text canonical.Value
	topLogprobs, verbosity         canonical.Value
	// limit is the member that bounds the answer.
	limit string
}

func readOwn(members []canonical.Member) (own ownMembers) {
	for _, m := range members {
		switch string(m.Key) {
		case "include":
			own.include = m.Value
		case "logprobs":
			own.logprobs = m.Value
		case "max_tokens", "max_completion_tokens":
			own.limit = string(m.Key)
		case "store":
			own.store = m.Value
		case "text":
			own.text = m.Value
		case "top_logprobs":
			own.topLogprobs = m.Value
		case "verbosity":
			own.verbosity = m.Value
		}
	}
	return own
}

// writeOthers passes the members that both APIs have and those that neither knows, so that a
// new feature works on the day it appears, and reports those that have no place in this API.
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
	case "function_call", "functions", "include", "logprobs", "max_completion_tokens", "max_tokens", "messages",
		"parallel_tool_calls", "reasoning", "reasoning_effort", "response_format", "store", "temperature", "text",
		"thinking", "tool_choice", "tools", "top_logprobs", "top_p", "verbosity", "web_search_options":
		return true
	}
	return false
}

// noPlace reports whether a member is one of chat completions, or of Anthropic's, and has no
// counterpart in this API. Of an answer in the background there would be nothing to wait for.
func noPlace(name string) bool {
	switch name {
	case "anthropic_beta", "audio", "background", "betas", "frequency_penalty", "logit_bias", "modalities", "n", "output_config",
		"prediction", "presence_penalty", "seed", "stop", "top_k":
		return true
	}
	return false
}
