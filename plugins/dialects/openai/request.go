package openai

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// request is one translation of a canonical request.
type request struct {
	canonical.Outbound
	in  canonical.Request
	ids canonical.CallIDs
	// parts are those of the content that is being written.
	parts []canonical.Value
	// images are those of tool results, which have a place in the user's messages only.
	images []canonical.Value
	model  model
	limit  int64 // of output tokens that the model gives, 0 when unknown
	// declared counts the tools written.
	declared int
}

// maxCallID is the length of a call's id at OpenAI's, in bytes.
const maxCallID = 40

// Request appends the call that a canonical request becomes. The host adds the members of
// its own, such as stream_options, and renames the bound on output tokens if need be.
func (p *Provider) Request(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	r := &p.request
	r.Reset()
	r.in.Read(env.Body)
	r.ids.Plan(r.in.Messages, maxCallID)
	r.model, r.limit, r.declared = modelOf(env), env.MaxOutput, 0
	r.Begin(out, len(env.Body))
	r.Byte('{') // no comma: what stands before it belongs to the envelope
	r.MemberText("model", env.Model)
	if env.Stream {
		r.MemberLiteral("stream", "true")
	}
	if err := r.writeMessages(); err != nil {
		return nil, err
	}
	r.writeTools()
	r.writeReasoning()
	for _, m := range r.in.Members {
		r.writeMember(m)
	}
	r.Close('}')
	return r.Finish("/chat/completions"), nil
}

// writeMember writes a member that is not written elsewhere, or drops it. What OpenAI has no
// member for is an extension.
func (r *request) writeMember(m canonical.Member) {
	switch string(m.Key) {
	case "messages", "tools", "reasoning_effort":
	case "thinking", "reasoning", "output_config", "anthropic_beta", "betas":
		// Those say what other members say, too, or mean nothing here.
	case "tool_choice", "parallel_tool_calls":
		r.writeChoice(m)
	case "max_tokens", "max_completion_tokens":
		r.writeLimit(m)
	case "temperature", "top_p", "frequency_penalty", "presence_penalty", "stop", "logprobs", "top_logprobs", "logit_bias":
		r.writeSampling(m)
	case "user":
		r.writeUser(m.Value)
	case "response_format":
		r.writeFormat(m.Value)
	case "service_tier":
		r.writeTier(m.Value)
	case "audio", "function_call", "functions", "metadata", "modalities", "n", "prediction", "prompt_cache_key",
		"prompt_cache_options", "prompt_cache_retention", "safety_identifier", "seed", "store", "verbosity":
		r.Key(m.Key)
		r.Value(m.Value)
	case "web_search_options":
		if r.model.searches {
			r.Key(m.Key)
			r.Value(m.Value)
		} else { // others refuse the request, and agents offer a search with each
			r.Drop(string(m.Key))
		}
	case "cache_control": // OpenAI caches prompts without being asked
	default:
		if !m.Harmless() {
			r.Drop(string(m.Key))
		}
	}
}
