package cache

import "github.com/penstock/penstock/gateway/internal/llm"

// place is a kind of object within a request: its members, as far as the key treats them in
// a way of their own, or the canonical form can say them.
type place struct {
	// name is by which noise refers to the place; empty for places without noise.
	name string
	// open says that members which are not listed have a place in the canonical form, too.
	// In other places such a member keeps the request to the key of its own wire format.
	open    bool
	members []rule
	// rest is what is known of the objects in members that are not listed.
	rest *place
	// exact says that every spelling counts, and null is not the same as nothing.
	exact bool
	// ordered says that the order of members counts, also in all that they hold: the model reads
	// them as a text, and writes its own in their order.
	ordered bool
	// texts says that a list of one text is the same as the text.
	texts bool
	// system says that the place is a system prompt.
	system bool
}

// rule is what is known of a member.
type rule struct {
	name string
	// as is the name that the member counts under; empty for its own.
	as string
	// in is the kind of the object, or of the objects in the list, that the member holds. Nil
	// stands for anything: then all of it counts as it is written.
	in *place
	is meaning
}

// meaning is what a member means for caching beyond that it counts.
type meaning int8

const (
	_ meaning = iota
	// temperature asks for answers that vary, when it is above zero.
	temperature
	// state names something that the provider keeps and changes: the same request has
	// another answer later.
	state
)

// find returns what is known of a member; nil for nothing.
func (p *place) find(name []byte) *rule {
	for i := range p.members {
		if r := &p.members[i]; len(r.name) == len(name) && r.name == string(name) {
			return r
		}
	}
	return nil
}

// plainly lists members of which nothing more is to be known than that the canonical form
// has them.
func plainly(names ...string) []rule {
	rules := make([]rule, len(names))
	for i, name := range names {
		rules[i].name = name
	}
	return rules
}

// with adds rules.
func with(rules []rule, more ...rule) []rule { return append(rules, more...) }

// The places of each wire format. Requests of chat completions are in the canonical form
// already.
var (
	// schema is a JSON Schema or what follows one.
	schema = &place{ordered: true, exact: true}
	// function is what a tool of chat completions is, format what a format of replies is.
	function = &place{open: true, exact: true, members: []rule{{name: "parameters", in: schema}}}
	format   = &place{open: true, exact: true, members: []rule{{name: "schema", in: schema}, {name: "json_schema", in: &place{open: true, exact: true, members: []rule{{name: "schema", in: schema}}}}}}

	chatPart    = &place{name: "block", open: true, texts: true}
	chatMessage = &place{open: true, members: []rule{{name: "content", in: chatPart}}}
	// systemMessage is what chatMessage is where the system speaks.
	systemMessage = &place{open: true, members: []rule{{name: "content", in: &place{name: "block", open: true, texts: true, system: true}}}}
	chatForm      = &place{name: "request", open: true, members: []rule{
		{name: "messages", in: chatMessage}, {name: "tools", in: &place{name: "tool", open: true, members: []rule{{name: "function", in: function}}}},
		{name: "functions", in: function}, {name: "response_format", in: format},
		{name: "guided_json", in: schema}, {name: "structured_outputs", in: schema}, {name: "json_schema", in: schema}, // of vLLM and llama.cpp
		{name: "max_completion_tokens", as: "max_tokens"}, {name: "temperature", is: temperature},
	}}

	messagesBlock = &place{name: "block", members: with(plainly("type", "text", "source", "id", "name", "tool_use_id", "is_error"), rule{name: "input", in: schema},
		rule{name: "content", in: &place{name: "block", members: plainly("type", "text", "source")}})}
	messagesForm = &place{rest: schema, name: "request", members: with(plainly("model", "max_tokens", "top_p", "top_k", "stop_sequences", "tool_choice", "thinking", "service_tier"),
		rule{name: "output_config", in: &place{open: true, exact: true, members: []rule{{name: "format", in: format}}}},
		rule{name: "system", in: &place{name: "block", system: true, members: plainly("type", "text")}},
		rule{name: "messages", in: &place{members: []rule{{name: "role"}, {name: "content", in: messagesBlock}}}},
		rule{name: "tools", in: &place{name: "tool", members: with(plainly("type", "name", "description"), rule{name: "input_schema", in: schema})}},
		rule{name: "temperature", is: temperature}, rule{name: "container", is: state}, rule{name: "thread", is: state})}

	responsesItem = &place{members: with(plainly("type", "role", "id", "status", "call_id", "name", "arguments", "output"),
		rule{name: "content", in: &place{name: "block", members: plainly("type", "text")}})}
	responsesForm = &place{rest: schema, name: "request", members: with(plainly("model", "instructions", "max_output_tokens", "top_p", "tool_choice", "parallel_tool_calls", "service_tier"),
		rule{name: "input", in: responsesItem},
		rule{name: "tools", in: &place{name: "tool", members: with(plainly("type", "name", "description", "strict"), rule{name: "parameters", in: schema})}},
		rule{name: "text", in: &place{members: with(plainly("verbosity"), rule{name: "format", in: format})}},
		rule{name: "reasoning", in: &place{members: plainly("effort")}},
		rule{name: "temperature", is: temperature}, rule{name: "conversation", is: state}, rule{name: "background", is: state})}

	geminiParts = &place{rest: schema, members: []rule{{name: "role"}, {name: "parts", in: &place{rest: schema, members: plainly("text")}}}}
	geminiForm  = &place{rest: schema, name: "request", members: with(plainly("model", "safetySettings", "safety_settings"),
		rule{name: "contents", in: geminiParts}, rule{name: "systemInstruction", in: geminiParts}, rule{name: "system_instruction", in: geminiParts},
		rule{name: "generationConfig", in: geminiConfig}, rule{name: "generation_config", in: geminiConfig})}
	geminiConfig = &place{rest: schema, members: with(plainly("topP", "top_p", "topK", "top_k", "seed", "maxOutputTokens", "max_output_tokens", "stopSequences", "stop_sequences",
		"presencePenalty", "presence_penalty", "frequencyPenalty", "frequency_penalty"),
		rule{name: "temperature", is: temperature})}

	// otherForm is for endpoints whose requests have no canonical form.
	otherForm = &place{rest: schema, name: "request", open: true, members: []rule{{name: "temperature", is: temperature}}}
	// wholeForm is for routes with transforms, which may treat streams and whole replies
	// differently.
	wholeForm = &place{rest: schema, name: "whole", exact: true, open: true, members: []rule{{name: "temperature", is: temperature}}}
)

// formOf returns the form of a request's body, in which the key reads it.
func formOf(req *llm.Request) *place {
	if req.Endpoint != "" && req.Endpoint != llm.ChatCompletions {
		return otherForm
	}
	switch req.Form {
	case llm.Anthropic:
		return messagesForm
	case llm.Responses:
		return responsesForm
	case llm.Gemini:
		return geminiForm
	case "", llm.OpenAI:
		return chatForm
	}
	return otherForm
}
