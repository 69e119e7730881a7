package cohere

import (
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
	model     model
	format    answerFormat
	// images are those that tools have returned, to be shown after the results.
	images []resultImage
	// files are the text files of messages, which become documents.
	files []textFile
}

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

// reset reads the request into the buffers of the one before, and plans what stands further
// ahead than what it depends on.
func (r *request) reset(env *canonical.Envelope) (err error) {
	r.Reset()
	r.in.Read(env.Body)
	r.model, r.files, r.images = modelOf(env.Model), r.files[:0], r.images[:0]
	r.ids.Plan(r.in.Messages, maxWord)
	r.Context.Legacy = r.in.Legacy()
	if r.functions, err = r.in.DeclaredFunctions(r.functions[:0], "Cohere"); err != nil {
		return err
	}
	r.planFormat()
	return nil
}

// write writes the body, in the order in which Cohere documents its members.
func (r *request) write(env *canonical.Envelope) error {
	r.Byte('{') // no comma: what comes before it belongs to the envelope
	r.MemberText("model", env.Model)
	if env.Stream {
		r.MemberLiteral("stream", "true")
	}
	for _, step := range [...]func(*request) error{
		(*request).writeMessages, (*request).writeTools, (*request).writeToolChoice, (*request).writeDocuments,
		(*request).writeFormat, (*request).writeSampling, (*request).writeStop, (*request).writeThinking,
		(*request).writeOthers,
	} {
		if err := step(r); err != nil {
			return err
		}
	}
	r.Close('}')
	return nil
}
