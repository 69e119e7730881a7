package responses

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// maxWord is the length of a tool's name and of a call's id at OpenAI's, in bytes.
const maxWord = 64

// request is one translation of a canonical request.
type request struct {
	canonical.Outbound
	in     canonical.Request
	ids    canonical.CallIDs
	own    ownMembers
	family family
	origin canonical.Origin
	plan   reasoningPlan
	// instructions is how many messages at the beginning become the instructions.
	instructions int
	// items counts the items written, declared the tools.
	items, declared int
	// encrypted is set when the input has encrypted reasoning.
	encrypted bool
}

// Request appends the call that a canonical request becomes.
func (p *Provider) Request(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	r := &p.request
	r.reset(env)
	if !r.Context.RenameTools(&r.in, maxWord) {
		return nil, canonical.Reject("tools", "too many names that OpenAI does not take; use letters, digits, _ and - only")
	}
	r.planReasoning()
	r.planInstructions()
	r.Begin(out, len(env.Body))
	if err := r.write(env); err != nil {
		return nil, err
	}
	return r.Finish("/responses"), nil
}

// reset reads the request into the buffers of the one before.
func (r *request) reset(env *canonical.Envelope) {
	r.Reset()
	r.in.Read(env.Body)
	r.own = readOwn(r.in.Members)
	r.family, r.origin, r.plan = familyOf(env.Model), origin(env.Provider), reasoningPlan{}
	r.items, r.declared, r.encrypted = 0, 0, false
	r.ids.Plan(r.in.Messages, maxWord)
	r.Context.Legacy = r.in.Legacy()
}

// write writes the body, in the order in which OpenAI documents its members.
func (r *request) write(env *canonical.Envelope) error {
	r.Byte('{') // no comma: what stands before it belongs to the envelope
	r.MemberText("model", env.Model)
	if env.Stream {
		r.MemberLiteral("stream", "true")
	}
	for _, step := range [...]func(*request) error{
		(*request).writeInstructions, (*request).writeInput, (*request).writeTools, (*request).writeToolChoice,
		(*request).writeReasoning, (*request).writeText, (*request).writeSampling, (*request).writeInclude,
		(*request).writeOthers,
	} {
		if err := step(r); err != nil {
			return err
		}
	}
	r.writeMaxTokens(env.MaxOutput)
	r.writeStore()
	r.Close('}')
	return nil
}

// minOutput is the least bound on output tokens that OpenAI accepts.
const minOutput = 16

// writeMaxTokens writes the client's bound, cut to what the model can give.
func (r *request) writeMaxTokens(limit int64) {
	asked := r.in.MaxTokens()
	if asked <= 0 {
		return
	}
	if limit > 0 {
		asked = min(asked, limit)
	}
	if asked < minOutput {
		asked = minOutput
		r.Drop(r.own.limit)
	}
	r.MemberInt("max_output_tokens", asked)
}

// writeStore asks for nothing to be kept unless the client does: chat completions are not
// kept by default, responses are.
func (r *request) writeStore() {
	if r.own.store.Null() {
		r.MemberLiteral("store", "false")
		return
	}
	r.MemberValue("store", r.own.store)
}
