package dialects

import (
	"strconv"

	penstock "github.com/penstock/penstock/sdk/go"
)

// defaultMaxTokens bounds the answer when neither the client nor the catalogue
// does: Anthropic requires a bound.
const defaultMaxTokens = 4096

// headroom is the space kept before the body for the envelope, which can only be
// written once the body is: it lists what was dropped on the way.
const headroom = 2048

// request is one translation of a canonical request to Anthropic's.
type request struct {
	*scratch
	writer
	said members
	// others are the members without a translation.
	others []other
	// turns are the messages, parts those of the content that is being written.
	turns []message
	parts []value
	// prefill is which message the model is to continue; -1 when it is to answer.
	prefill int
	family  family
	limit   int64 // max_tokens
	// bounded says that limit is the client's or the catalogue's.
	bounded bool
	plan    reasoning
	// declared counts the tools written, silent marks that they are declared for the
	// history's sake only.
	declared int
	silent   bool
	// files marks that an uploaded file is referred to.
	files   bool
	dropped []string
	turn    turn
	// pairing gives calls their ids, names are the tools that have another name there.
	pairing pairing
	names   []renamed
	// format is the schema of the answer as Anthropic takes it; empty without one.
	format []byte
}

// transformRequest is the hook: canonical request in, provider request out.
func (t *translator) transformRequest(out, in []byte) ([]byte, error) {
	env, err := unpack(in)
	if err != nil {
		return nil, err
	}
	if env.body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	r := &t.request
	*r = request{scratch: &t.scratch, others: r.others, turns: r.turns[:0], parts: r.parts,
		dropped: r.dropped[:0], pairing: r.pairing, names: r.names[:0], format: r.format, family: familyOf(env.model)}
	r.index(env.body)
	r.readTurns()
	r.planIDs()
	for _, plan := range [...]func() error{r.planPrefill, r.planNames, r.planFormat} {
		if err := plan(); err != nil {
			return nil, err
		}
	}
	// The result begins inside the headroom, so that much of the buffer is lost when
	// it is used again; the third headroom makes up for it.
	if cap(out) < len(in)+2*headroom {
		out = make([]byte, 0, len(in)+len(in)/8+3*headroom)
	}
	r.b = out[:headroom]
	if err := r.write(&env); err != nil {
		return nil, err
	}
	return r.seal(), nil
}

// write writes the body. Members come in the order in which Anthropic documents
// them; what is planned first is what others depend on.
func (r *request) write(env *envelope) error {
	r.planMaxTokens(env.maxOutput)
	r.planReasoning()
	r.close('{') // no comma: what stands before it belongs to the envelope
	r.memberText("model", env.model)
	r.memberInt("max_tokens", r.limit)
	if env.stream {
		r.memberLiteral("stream", "true")
	}
	for _, step := range [...]func(*request) error{
		(*request).writeSystem, (*request).writeMessages, (*request).writeTools,
		(*request).writeToolChoice, (*request).writeReasoning, (*request).writeSampling,
		(*request).writeStop, (*request).writeIdentity, (*request).writeRest,
	} {
		if err := step(r); err != nil {
			return err
		}
	}
	r.close('}')
	return nil
}

func (r *request) drop(name string) { r.dropped = append(r.dropped, name) }

// planMaxTokens takes the client's bound, but no more than the model can give:
// Anthropic refuses a larger one, OpenAI's clients are used to its being cut.
func (r *request) planMaxTokens(limit int64) {
	asked := number(r.said.maxCompletionTokens)
	if asked == 0 {
		asked = number(r.said.maxTokens)
	}
	r.bounded = asked > 0 || limit > 0
	switch {
	case asked == 0 && limit > 0:
		asked = limit
	case asked == 0:
		asked = defaultMaxTokens
	case limit > 0:
		asked = min(asked, limit)
	}
	r.limit = asked
}

// seal puts the envelope right before the body.
func (r *request) seal() []byte {
	w := writer{b: r.raw[:0]}
	w.literal(`{"method":"POST","path":"/messages","query":"","headers":{"anthropic-version":"2023-06-01"`)
	r.writeBetas(&w)
	w.add(`},"dropped":[`)
	for _, name := range r.dropped {
		w.text([]byte(name))
	}
	w.close(']')
	r.writeContext(&w)
	w.add(`,"body":`)
	r.raw = w.b
	body := append(r.b, '}')
	if start := headroom - len(w.b); start >= 0 {
		copy(body[start:], w.b)
		return body[start:]
	}
	return append(append([]byte(nil), w.b...), body[headroom:]...)
}

// writeBetas adds the header by which Anthropic's beta features are asked for: the
// request's own anthropic_beta, and what the translation makes use of.
func (r *request) writeBetas(w *writer) {
	var betas []byte
	add := func(name []byte) {
		if len(betas) > 0 {
			betas = append(betas, ',')
		}
		betas = append(betas, name...)
	}
	for _, list := range [...]value{r.said.anthropicBeta, r.said.betas} {
		for v := range list.Items {
			add(text(v))
		}
	}
	if r.files {
		add([]byte("files-api-2025-04-14"))
	}
	if len(betas) > 0 {
		w.memberText("anthropic-beta", betas)
	}
}

// reject refuses the request, blaming the member at path.
func reject(path, why string) error { return penstock.Reject(400, path, ": ", why) }

// at names an element of an array, as in messages[3].content[0].
func at(array string, i int) string { return array + "[" + strconv.Itoa(i) + "]" }
