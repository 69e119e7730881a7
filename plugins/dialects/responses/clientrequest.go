package responses

import (
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// accepted is one translation of a client's request into the canonical form.
type accepted struct {
	canonical.Writer
	in    clientRequest
	items []clientItem
	// outputs are the positions of the items that answer calls, by the call's id.
	outputs map[string][]int
	// message is the assistant's message that is being put together.
	message assistantMessage
	tools   toolNames
	scratch []byte
}

// clientRequest is a request of the Responses API with its members, nil when absent.
type clientRequest struct {
	model, stream, input, instructions, maxOutput canonical.Value
	tools, toolChoice, text, reasoning            canonical.Value
	include, topLogprobs                          canonical.Value
	previous, conversation, prompt                canonical.Value
	store, background                             canonical.Value
	// others have the same name and meaning in the canonical form, or are not known.
	others []canonical.Member
}

// Accept appends the canonical request that a client's request becomes, and what the reply
// needs to know of it.
func (c *Client) Accept(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	a := &c.accepted
	a.in.read(env.Body)
	if err := a.in.check(); err != nil {
		return nil, err
	}
	if err := a.readItems(); err != nil {
		return nil, err
	}
	a.tools.reset()
	a.B = slices.Grow(out, len(env.Body)+len(env.Body)/8+1024)
	a.Raw(`{"body":{`)
	a.writeRoot()
	if err := a.writeConversation(); err != nil {
		return nil, err
	}
	if err := a.writeTools(); err != nil {
		return nil, err
	}
	a.writeToolChoice()
	a.writeFormat()
	for _, m := range a.in.others {
		a.Key(m.Key)
		a.Value(m.Value)
	}
	a.Byte('}')
	a.writeContext(env.Body)
	a.Byte('}')
	return a.B, nil
}

// read reads the members in one pass, into the memory of the request before.
func (r *clientRequest) read(body canonical.Value) {
	*r = clientRequest{others: r.others[:0]}
	for key, v := range body.Members {
		if field := r.field(string(key)); field != nil {
			*field = v
		} else if !v.Null() && passes(string(key)) {
			r.others = append(r.others, canonical.Member{Key: key, Value: v})
		}
	}
}

// field returns where a member belongs, nil when it has no field.
func (r *clientRequest) field(name string) *canonical.Value {
	switch name {
	case "model":
		return &r.model
	case "stream":
		return &r.stream
	case "input":
		return &r.input
	case "instructions":
		return &r.instructions
	case "max_output_tokens":
		return &r.maxOutput
	case "tools":
		return &r.tools
	case "tool_choice":
		return &r.toolChoice
	case "text":
		return &r.text
	case "reasoning":
		return &r.reasoning
	case "include":
		return &r.include
	case "top_logprobs":
		return &r.topLogprobs
	case "previous_response_id":
		return &r.previous
	case "conversation":
		return &r.conversation
	case "prompt":
		return &r.prompt
	case "store":
		return &r.store
	case "background":
		return &r.background
	}
	return nil
}

// passes reports whether a member goes on as it is. Those of this API alone are left out: they
// ask for what is so anyway, or for what changes no answer.
func passes(name string) bool {
	switch name {
	case "metadata", "moderation", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier", "temperature", "top_p", "user":
		return true
	case "client_metadata", "context_management", "max_tool_calls", "stream_options", "truncation":
		return false
	}
	return !canonical.IsMember(name)
}

// check refuses what needs a provider that keeps responses.
func (r *clientRequest) check() error {
	const kept = "only a target that speaks the Responses API keeps responses; send the whole conversation in input"
	switch {
	case !r.previous.Null():
		return canonical.Reject("previous_response_id", kept)
	case !r.conversation.Null():
		return canonical.Reject("conversation", kept)
	case !r.prompt.Null():
		return canonical.Reject("prompt", "only a target that speaks the Responses API knows stored prompts; send instructions and input")
	case r.store.Kind() == 't':
		return canonical.Reject("store", "only a target that speaks the Responses API can keep the response; send false or leave it out")
	case r.background.Kind() == 't':
		return canonical.Reject("background", "only a target that speaks the Responses API answers in the background")
	}
	return nil
}

// writeRoot writes the members that come first. A stream of this API always ends with the
// usage, so it is asked for.
func (a *accepted) writeRoot() {
	a.MemberValue("model", a.in.model)
	a.MemberValue("max_tokens", a.in.maxOutput)
	a.MemberValue("stream", a.in.stream)
	if a.in.stream.Kind() == 't' {
		a.MemberLiteral("stream_options", `{"include_usage":true}`)
	}
}

// writeFormat writes the format of the answer and how the model is to reason.
func (a *accepted) writeFormat() {
	if effort := a.in.reasoning.Member("effort"); effort.Kind() == '"' {
		a.MemberValue("reasoning_effort", effort)
	}
	a.MemberValue("verbosity", a.in.text.Member("verbosity"))
	format := a.in.text.Member("format")
	switch string(canonical.Text(format.Member("type"))) {
	case "json_object":
		a.MemberLiteral("response_format", `{"type":"json_object"}`)
	case "json_schema":
		a.Name("response_format")
		a.Literal(`{"type":"json_schema","json_schema":{`)
		for _, name := range [...]string{"name", "description", "schema", "strict"} {
			a.MemberValue(name, format.Member(name))
		}
		a.Raw("}}")
	}
	a.writeLogprobs()
}

func (a *accepted) writeLogprobs() {
	asked := canonical.Whole(a.in.topLogprobs) > 0
	for v := range a.in.include.Items {
		asked = asked || string(canonical.Text(v)) == "message.output_text.logprobs"
	}
	if asked {
		a.MemberLiteral("logprobs", "true")
		a.MemberValue("top_logprobs", a.in.topLogprobs)
	}
}
