package gemini

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// maxName is the length of a function's name at Google's, maxID that of a call's id, in bytes.
const (
	maxName = 64
	maxID   = 128
)

// request is one translation of a canonical request.
type request struct {
	canonical.Outbound
	in     canonical.Request
	ids    canonical.CallIDs
	own    ownMembers
	model  generation
	origin canonical.Origin
	think  thinkingPlan
	format formatPlan
	open   openContent
	// calls are those of the model's last message, which wait for their results.
	calls []openCall
	// functions counts the functions declared, others the tools that Google runs.
	functions, others int
	// strict says that a function wants the model to be held to its schema.
	strict bool
	// search says that a search was asked for beside the tools.
	search bool
}

// Request appends the call that a canonical request becomes.
func (p *Provider) Request(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	r := &p.request
	r.reset(env)
	if !r.Context.RenameTools(&r.in, maxName) {
		return nil, canonical.Reject("tools", "too many names that Gemini does not take; use letters, digits, _ and - only")
	}
	r.planThinking()
	r.planFormat()
	r.Begin(out, len(env.Body))
	if err := r.write(env); err != nil {
		return nil, err
	}
	return r.finish(env), nil
}

// reset reads the request into the buffers of the one before.
func (r *request) reset(env *canonical.Envelope) {
	r.Reset()
	r.in.Read(env.Body)
	r.own = readOwn(r.in.Members)
	r.model, r.origin, r.open = generationOf(env.Model), origin(env.Provider), openContent{}
	r.think, r.format, r.calls = thinkingPlan{}, formatPlan{}, r.calls[:0]
	r.functions, r.others, r.strict, r.search = 0, 0, false, false
	r.userForSystem()
	r.ids.Plan(r.in.Messages, maxID)
	r.Context.Legacy = r.in.Legacy()
	r.Context.LetterFirst = true
}

// write writes the body. Members come in the order in which Google documents them.
func (r *request) write(env *canonical.Envelope) error {
	if !r.own.cachedContent.Null() {
		return canonical.Reject("cached_content", "what it brings in can't be counted here; leave it out, prompts are cached without it")
	}
	r.Byte('{') // no comma: what stands before it belongs to the envelope
	for _, step := range [...]func(*request) error{
		(*request).writeContents, (*request).writeTools, (*request).writeToolConfig, (*request).writeSystem,
	} {
		if err := step(r); err != nil {
			return err
		}
	}
	r.MemberValue("safetySettings", r.own.safetySettings)
	r.writeBodyGoogles()
	if err := r.writeConfig(env.MaxOutput); err != nil {
		return err
	}
	r.writeServiceTier()
	r.dropOthers()
	r.Close('}')
	return nil
}

// finish completes the call. Google has the model, and whether a stream is wanted, in the
// path.
func (r *request) finish(env *canonical.Envelope) []byte {
	method := ":generateContent"
	if env.Stream {
		method, r.Query = ":streamGenerateContent", "alt=sse"
	}
	return r.Finish(path(env.Model) + method)
}

// path is where a model is called: one named with its collection, as models/x and
// tunedModels/x, stands for itself.
func path(model []byte) string {
	w := make([]byte, 0, len("/models/")+len(model))
	collection := false
	for _, c := range model {
		collection = collection || c == '/'
	}
	if w = append(w, '/'); !collection {
		w = append(w, "models/"...)
	}
	const hex = "0123456789ABCDEF"
	for _, c := range model {
		switch alnum := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'; {
		case alnum, c == '-', c == '.', c == '_', c == '~', c == '/', c == '@':
			w = append(w, c)
		default:
			w = append(w, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(w)
}
