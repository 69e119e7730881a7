package anthropic

import (
	"bytes"
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// accepted is one translation of a client's request into the canonical form.
type accepted struct {
	canonical.Writer
	in messagesRequest
	// message is the assistant's message that is being put together.
	message assistantMessage
	// blocks are those of the message that is being written, returned those of a tool result
	// within it.
	blocks, returned []numbered
	names            canonical.ShortNames
	scratch          []byte
}

// messagesRequest is a request of the Messages API with its members, nil when absent.
type messagesRequest struct {
	model, system, messages, stream, maxTokens canonical.Value
	tools, toolChoice                          canonical.Value
	temperature, topP, topK, stopSequences     canonical.Value
	thinking, outputConfig, outputFormat       canonical.Value
	metadata, serviceTier                      canonical.Value
	// others are those that only Anthropic knows, or nobody yet.
	others []canonical.Member
}

// Accept appends the canonical request that a client's request becomes.
func (c *Client) Accept(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	a := &c.accepted
	a.in.read(env.Body)
	a.names.Reset()
	a.B = slices.Grow(out, len(env.Body)+len(env.Body)/8+1024)
	a.Raw(`{"body":{`)
	a.writeRoot()
	if err := a.writeConversation(); err != nil {
		return nil, err
	}
	a.writeTools()
	a.writeToolChoice()
	a.writeSampling()
	a.writeThinking()
	a.writeIdentity()
	a.writeBetas(env.Headers)
	for _, m := range a.in.others {
		a.Key(m.Key)
		a.Value(m.Value)
	}
	a.Close('}')
	if a.names.Many {
		return nil, canonical.Reject("tools", "too many names of more than 64 characters")
	}
	a.names.WriteContext(&a.Writer)
	a.Close('}')
	return a.B, nil
}

// read reads the members in one pass, into the memory of the request before.
func (r *messagesRequest) read(body canonical.Value) {
	*r = messagesRequest{others: r.others[:0]}
	for key, v := range body.Members {
		if field := r.field(string(key)); field != nil {
			*field = v
		} else if !v.Null() && !canonical.IsMember(string(key)) {
			r.others = append(r.others, canonical.Member{Key: key, Value: v})
		}
	}
}

// field returns where a member belongs, nil when it has no field.
func (r *messagesRequest) field(name string) *canonical.Value {
	switch name {
	case "model":
		return &r.model
	case "system":
		return &r.system
	case "messages":
		return &r.messages
	case "stream":
		return &r.stream
	case "max_tokens":
		return &r.maxTokens
	case "tools":
		return &r.tools
	case "tool_choice":
		return &r.toolChoice
	case "temperature":
		return &r.temperature
	case "top_p":
		return &r.topP
	case "top_k":
		return &r.topK
	case "stop_sequences":
		return &r.stopSequences
	case "thinking":
		return &r.thinking
	case "output_config":
		return &r.outputConfig
	case "output_format":
		return &r.outputFormat
	case "metadata":
		return &r.metadata
	case "service_tier":
		return &r.serviceTier
	}
	return nil
}

// writeRoot writes the members that come first.
func (a *accepted) writeRoot() {
	a.MemberValue("model", a.in.model)
	a.MemberValue("max_tokens", a.in.maxTokens)
	a.MemberValue("stream", a.in.stream)
}

func (a *accepted) writeSampling() {
	a.MemberValue("temperature", a.in.temperature)
	a.MemberValue("top_p", a.in.topP)
	a.MemberValue("top_k", a.in.topK)
	if canonical.Filled(a.in.stopSequences) {
		a.MemberValue("stop", a.in.stopSequences)
	}
}

// writeThinking writes thinking and output_config as they are, for a provider who speaks
// Anthropic's format, and what output_config says in OpenAI's words for all others.
func (a *accepted) writeThinking() {
	a.MemberValue("thinking", a.in.thinking)
	a.MemberValue("output_config", a.in.outputConfig)
	if effort := a.in.outputConfig.Member("effort"); effort.Kind() == '"' {
		a.MemberValue("reasoning_effort", effort)
	}
	format := canonical.Or(a.in.outputConfig.Member("format"), a.in.outputFormat)
	if string(canonical.Text(format.Member("type"))) != "json_schema" {
		return
	}
	a.Name("response_format")
	a.Open('{')
	a.MemberLiteral("type", `"json_schema"`)
	a.Name("json_schema")
	a.Open('{')
	a.MemberLiteral("name", `"response"`)
	a.MemberValue("schema", format.Member("schema"))
	a.Raw("}}")
}

func (a *accepted) writeIdentity() {
	a.MemberValue("user", a.in.metadata.Member("user_id"))
	switch tier := a.in.serviceTier; string(canonical.Text(tier)) {
	case "standard_only":
		a.MemberLiteral("service_tier", `"default"`)
	default:
		a.MemberValue("service_tier", tier)
	}
}

// writeBetas writes the beta features that the client asks for in a header.
func (a *accepted) writeBetas(headers canonical.Value) {
	names := canonical.Text(headers.Member("anthropic-beta"))
	if len(names) == 0 {
		return
	}
	a.Name("anthropic_beta")
	a.Open('[')
	for name := range bytes.SplitSeq(names, []byte{','}) {
		if name = bytes.TrimSpace(name); len(name) > 0 {
			a.Text(name)
		}
	}
	a.Close(']')
}
