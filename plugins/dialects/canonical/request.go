package canonical

// Request is a canonical request: its top-level members, nil when absent, and its
// messages. They are looked up in one pass over the body: asking for each by name compares
// it with every other.
type Request struct {
	AnthropicBeta, Betas               Value
	Documents                          Value
	Metadata, SafetyIdentifier, User   Value
	OutputConfig, ResponseFormat       Value
	ServiceTier, Stop                  Value
	Temperature, TopP, TopK            Value
	Thinking                           Value
	Tools, Functions, WebSearchOptions Value
	messages                           Value
	maxTokens, maxCompletionTokens     Value
	reasoning, reasoningEffort         Value
	toolChoice, functionCall           Value
	parallelToolCalls                  Value
	// Messages are the messages with their members.
	Messages []Message
	// Members are all members in their order, without those that are null and those that
	// the gateway handles itself. A dialect decides for each whether it translates, drops or
	// passes it, so that a field that is added here for another dialect is not lost.
	Members []Member
}

// Member is one member of an object.
type Member struct {
	Key   []byte
	Value Value
}

// field returns where a member belongs, nil when it has no field.
func (r *Request) field(name string) *Value {
	switch name {
	case "anthropic_beta":
		return &r.AnthropicBeta
	case "betas":
		return &r.Betas
	case "documents":
		return &r.Documents
	case "function_call":
		return &r.functionCall
	case "functions":
		return &r.Functions
	case "max_completion_tokens":
		return &r.maxCompletionTokens
	case "max_tokens":
		return &r.maxTokens
	case "messages":
		return &r.messages
	case "metadata":
		return &r.Metadata
	case "output_config":
		return &r.OutputConfig
	case "parallel_tool_calls":
		return &r.parallelToolCalls
	case "reasoning":
		return &r.reasoning
	case "reasoning_effort":
		return &r.reasoningEffort
	case "response_format":
		return &r.ResponseFormat
	case "safety_identifier":
		return &r.SafetyIdentifier
	case "service_tier":
		return &r.ServiceTier
	case "stop":
		return &r.Stop
	case "temperature":
		return &r.Temperature
	case "thinking":
		return &r.Thinking
	case "tool_choice":
		return &r.toolChoice
	case "tools":
		return &r.Tools
	case "top_k":
		return &r.TopK
	case "top_p":
		return &r.TopP
	case "user":
		return &r.User
	case "web_search_options":
		return &r.WebSearchOptions
	}
	return nil
}

// handled reports whether a member is the gateway's own, or part of the envelope.
func handled(name string) bool {
	switch name {
	case "cache", "model", "stream", "stream_options":
		return true
	}
	return false
}

// IsMember reports whether the canonical form itself gives a member of a request a meaning.
// The client side of a dialect must not pass one through that means something else there.
func IsMember(name string) bool {
	if new(Request).field(name) != nil || handled(name) {
		return true
	}
	switch name {
	case "audio", "frequency_penalty", "logit_bias", "logprobs", "modalities", "n", "prediction", "presence_penalty",
		"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "seed", "store", "top_logprobs", "verbosity":
		return true
	}
	return false
}

// Read reads a request's body. It uses the memory of the request before it again.
func (r *Request) Read(body Value) {
	*r = Request{Messages: r.Messages[:0], Members: r.Members[:0]}
	for key, v := range body.Members {
		if field := r.field(string(key)); field != nil {
			*field = v
		} else if handled(string(key)) {
			continue
		}
		if !v.Null() {
			r.Members = append(r.Members, Member{Key: key, Value: v})
		}
	}
	for v := range r.messages.Items {
		r.Messages = append(r.Messages, Message{})
		r.Messages[len(r.Messages)-1].read(v)
	}
}

// All yields the messages as they came, in the order of Messages.
func (r *Request) All(yield func(Value) bool) { r.messages.Items(yield) }

// RunEnd returns where the messages of one side that begin at i end. The assistant is one
// side, everybody else the other.
func (r *Request) RunEnd(i int) int {
	assistant := r.Messages[i].Role == Assistant
	for i++; i < len(r.Messages); i++ {
		if (r.Messages[i].Role == Assistant) != assistant {
			break
		}
	}
	return i
}

// MaxTokens is the caller's bound on output tokens, 0 when there is none.
func (r *Request) MaxTokens() int64 {
	if n := Whole(r.maxCompletionTokens); n != 0 {
		return n
	}
	return Whole(r.maxTokens)
}

// Legacy reports whether the request declares functions in the deprecated form only.
func (r *Request) Legacy() bool { return Filled(r.Functions) && !Filled(r.Tools) }

// AnswerSchema is the schema of response_format, nil when it has none. Some services take
// one beside json_object, and clients that are used to them send it there.
func (r *Request) AnswerSchema() Value {
	switch string(Text(r.ResponseFormat.Member("type"))) {
	case "json_schema":
		return r.ResponseFormat.Member("json_schema", "schema")
	case "json_object":
		return r.ResponseFormat.Member("schema")
	}
	return nil
}

// WantsJSON reports whether response_format asks for a JSON object.
func (r *Request) WantsJSON() bool {
	return string(Text(r.ResponseFormat.Member("type"))) == "json_object"
}
