package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// ownMembers are members that the canonical reader knows nothing of; nil when absent.
type ownMembers struct {
	n, seed, logprobs, topLogprobs    canonical.Value
	presencePenalty, frequencyPenalty canonical.Value
	modalities, audio                 canonical.Value
	safetySettings, cachedContent     canonical.Value
}

func readOwn(members []canonical.Member) (own ownMembers) {
	for _, m := range members {
		if field := own.field(string(m.Key)); field != nil {
			*field = m.Value
		}
	}
	return own
}

// field returns where a member belongs, nil when it has no field.
func (o *ownMembers) field(name string) *canonical.Value {
	switch name {
	case "n":
		return &o.n
	case "seed":
		return &o.seed
	case "logprobs":
		return &o.logprobs
	case "top_logprobs":
		return &o.topLogprobs
	case "presence_penalty":
		return &o.presencePenalty
	case "frequency_penalty":
		return &o.frequencyPenalty
	case "modalities":
		return &o.modalities
	case "audio":
		return &o.audio
	case "safety_settings", "safetySettings":
		return &o.safetySettings
	case "cached_content", "cachedContent":
		return &o.cachedContent
	}
	return nil
}

// dropOthers reports the members that have no place in a call: Gemini refuses those that it
// does not know.
func (r *request) dropOthers() {
	for _, m := range r.in.Members {
		if !translated(string(m.Key)) && r.own.field(string(m.Key)) == nil && !m.Harmless() && !r.isGoogles(m) {
			r.Drop(string(m.Key))
		}
	}
}

// isGoogles reports whether a member has been written that only a client of Google's format
// sends.
func (r *request) isGoogles(m canonical.Member) bool {
	_, config := onlyGoogles(m.Key)
	_, body := onlyGooglesBody(m.Key)
	return config || body || clientTool(m) != ""
}

// translated reports whether a member is written elsewhere, or means nothing without others.
func translated(name string) bool {
	switch name {
	case "anthropic_beta", "betas", "function_call", "functions", "max_completion_tokens", "max_tokens", "messages", "output_config",
		"parallel_tool_calls", "reasoning", "reasoning_effort", "response_format", "service_tier", "stop", "temperature", "thinking",
		"tool_choice", "tools", "top_k", "top_p", "web_search_options":
		return true
	}
	return false
}
