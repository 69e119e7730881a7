package anthropic

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// defaultMaxTokens bounds the answer when neither the client nor the catalog does:
// Anthropic requires a bound.
const defaultMaxTokens = 4096

// maxWord is the length of a tool's name and of a call's id at Anthropic's, in bytes.
const maxWord = 128

// request is one translation of a canonical request.
type request struct {
	canonical.Outbound
	in    canonical.Request
	ids   canonical.CallIDs
	parts []canonical.Value // those of the content that is being written
	// prefill is which message the model is to continue, -1 when it is to answer.
	prefill int
	model   generation
	limit   int64 // max_tokens
	// bounded is set when limit is the client's or the catalog's.
	bounded bool
	plan    thinkingPlan
	// declared counts the tools written. historyOnly is set when they are declared because the
	// history calls them, and may not be called.
	declared    int
	historyOnly bool
	// files is set when the request refers to an uploaded file.
	files bool
	open  openMessage
	// format is the schema of the answer as Anthropic takes it, empty without one.
	format []byte
}

// Request appends the call that a canonical request becomes.
func (p *Provider) Request(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	r := &p.request
	r.reset(env)
	for _, plan := range [...]func() error{r.planPrefill, r.planNames, r.planFormat} {
		if err := plan(); err != nil {
			return nil, err
		}
	}
	r.Begin(out, len(env.Body))
	if err := r.write(env); err != nil {
		return nil, err
	}
	r.writeHeaders()
	return r.Finish("/messages"), nil
}

// reset reads the request into the buffers of the one before.
func (r *request) reset(env *canonical.Envelope) {
	r.Reset()
	r.in.Read(env.Body)
	r.model, r.plan, r.open = generationOf(env.Model), thinkingPlan{}, openMessage{}
	r.declared, r.historyOnly, r.files = 0, false, false
	r.userForSystem()
	r.ids.Plan(r.in.Messages, maxWord)
	r.Context.Legacy = r.in.Legacy()
}

// planNames renames the tools whose names Anthropic does not take.
func (r *request) planNames() error {
	if !r.Context.RenameTools(&r.in, maxWord) {
		return canonical.Reject("tools", "too many names that Anthropic does not take; use letters, digits, _ and - only")
	}
	return nil
}

// write writes the body. Members come in the order in which Anthropic documents them; what
// others depend on is planned first.
func (r *request) write(env *canonical.Envelope) error {
	r.planMaxTokens(env.MaxOutput)
	r.planThinking()
	r.Byte('{') // no comma: what comes before it belongs to the envelope
	r.MemberText("model", env.Model)
	r.MemberInt("max_tokens", r.limit)
	if env.Stream {
		r.MemberLiteral("stream", "true")
	}
	for _, step := range [...]func(*request) error{
		(*request).writeSystem, (*request).writeMessages, (*request).writeTools,
		(*request).writeToolChoice, (*request).writeThinking, (*request).writeSampling,
		(*request).writeStop, (*request).writeIdentity, (*request).writeOthers,
	} {
		if err := step(r); err != nil {
			return err
		}
	}
	r.Close('}')
	return nil
}

// planMaxTokens takes the client's bound, but no more than the model can give: Anthropic
// refuses a larger one, and OpenAI's clients are used to its being cut.
func (r *request) planMaxTokens(limit int64) {
	asked := r.in.MaxTokens()
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

// writeHeaders writes Anthropic's version, and the header by which its beta features are
// asked for: the request's own anthropic_beta, and what the translation makes use of.
func (r *request) writeHeaders() {
	r.Headers.MemberLiteral("anthropic-version", `"2023-06-01"`)
	var betas []byte
	add := func(name []byte) {
		if len(betas) > 0 {
			betas = append(betas, ',')
		}
		betas = append(betas, name...)
	}
	for _, list := range [...]canonical.Value{r.in.AnthropicBeta, r.in.Betas} {
		for v := range list.Items {
			add(canonical.Text(v))
		}
	}
	if r.files {
		add([]byte("files-api-2025-04-14"))
	}
	if len(betas) > 0 {
		r.Headers.MemberText("anthropic-beta", betas)
	}
}
