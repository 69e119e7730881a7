package dialects

// members are a request's top-level members that have a translation; nil when
// absent. They are looked up in one pass over the body: asking for each by name
// compares it with every other.
type members struct {
	anthropicBeta, betas            value
	functionCall, functions         value
	maxCompletionTokens, maxTokens  value
	messages, metadata              value
	outputConfig, parallelToolCalls value
	reasoning, reasoningEffort      value
	responseFormat, safetyID        value
	serviceTier, stop               value
	temperature, topP, topK         value
	thinking, toolChoice, tools     value
	user, webSearchOptions          value
	// ignored takes what is the gateway's own, or said elsewhere.
	ignored value
}

// field is where a member belongs; nil when it has no translation.
func (m *members) field(name string) *value {
	switch name {
	case "anthropic_beta":
		return &m.anthropicBeta
	case "betas":
		return &m.betas
	case "function_call":
		return &m.functionCall
	case "functions":
		return &m.functions
	case "max_completion_tokens":
		return &m.maxCompletionTokens
	case "max_tokens":
		return &m.maxTokens
	case "messages":
		return &m.messages
	case "metadata":
		return &m.metadata
	case "output_config":
		return &m.outputConfig
	case "parallel_tool_calls":
		return &m.parallelToolCalls
	case "reasoning":
		return &m.reasoning
	case "reasoning_effort":
		return &m.reasoningEffort
	case "response_format":
		return &m.responseFormat
	case "safety_identifier":
		return &m.safetyID
	case "service_tier":
		return &m.serviceTier
	case "stop":
		return &m.stop
	case "temperature":
		return &m.temperature
	case "thinking":
		return &m.thinking
	case "tool_choice":
		return &m.toolChoice
	case "tools":
		return &m.tools
	case "top_k":
		return &m.topK
	case "top_p":
		return &m.topP
	case "user":
		return &m.user
	case "web_search_options":
		return &m.webSearchOptions
	case "cache", "model", "stream", "stream_options":
		return &m.ignored
	}
	return nil
}

// other is a member without a translation.
type other struct {
	key   []byte
	value value
}

// index finds the members of the body and collects the others.
func (r *request) index(body value) {
	r.others = r.others[:0]
	for key, v := range body.Members {
		if field := r.said.field(string(key)); field != nil {
			*field = v
		} else if !v.Null() {
			r.others = append(r.others, other{key: key, value: v})
		}
	}
}

// writeRest carries the members that neither side's format knows, and reports those
// that only OpenAI's, or another service's, does.
func (r *request) writeRest() error {
	for _, o := range r.others {
		switch {
		case !lost(string(o.key)):
			r.text(o.key)
			r.close(':')
			r.value(o.value)
		case !r.harmless(o.key, o.value):
			r.drop(string(o.key))
		}
	}
	return nil
}

// harmless reports whether leaving the member out changes nothing.
func (r *request) harmless(key []byte, v value) bool {
	switch string(key) {
	case "n":
		return number(v) <= 1
	case "seed": // 0 is a seed like any other
		return false
	case "modalities":
		for m := range v.Items {
			if string(text(m)) != "text" {
				return false
			}
		}
		return true
	}
	return empty(v)
}
