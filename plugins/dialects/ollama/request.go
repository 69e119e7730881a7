package ollama

import (
	"strconv"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// maxWord bounds a call's id, in bytes.
const maxWord = 128

// request is one translation of a canonical request.
type request struct {
	canonical.Outbound
	in        canonical.Request
	ids       canonical.CallIDs
	functions []canonical.DeclaredFunction
	// own are the members of a request in Ollama's own words; nil when absent.
	own ownMembers
	// names are those of the tools called so far, by the ids of the calls.
	names map[string]canonical.Value
	// parts are those of the message that is being written.
	parts parts
	// fragments are the texts of an assistant's message so far.
	fragments canonical.Fragments
}

// ownMembers are members that are said in Ollama's own words, and then as they are.
type ownMembers struct{ format, think, options canonical.Value }

// Request appends the call that a canonical request becomes.
func (p *Provider) Request(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	r := &p.request
	if err := r.reset(env); err != nil {
		return nil, err
	}
	r.Begin(out, len(env.Body))
	if err := r.write(env); err != nil {
		return nil, err
	}
	return r.Finish("/chat"), nil
}

// reset reads the request into the buffers of the one before.
func (r *request) reset(env *canonical.Envelope) (err error) {
	r.Reset()
	r.in.Read(env.Body)
	r.ids.Plan(r.in.Messages, maxWord)
	r.Context.Legacy = r.in.Legacy()
	r.own, r.names = ownMembers{}, map[string]canonical.Value{}
	for _, m := range r.in.Members {
		switch string(m.Key) {
		case "format":
			r.own.format = m.Value
		case "think":
			r.own.think = m.Value
		case "options":
			r.own.options = m.Value
		}
	}
	r.functions, err = r.in.DeclaredFunctions(r.functions[:0], "Ollama")
	return err
}

// write writes the body. Ollama streams unless it is told not to.
func (r *request) write(env *canonical.Envelope) error {
	r.Byte('{') // no comma: what comes before it belongs to the envelope
	r.MemberText("model", env.Model)
	r.MemberLiteral("stream", strconv.FormatBool(env.Stream))
	for _, step := range [...]func(*request) error{
		(*request).writeMessages, (*request).writeTools, (*request).writeFormat, (*request).writeThink,
		(*request).writeOptions, (*request).writeOthers,
	} {
		if err := step(r); err != nil {
			return err
		}
	}
	r.Close('}')
	return nil
}
