// Package wire is everything native that knows a wire format, as a table over endpoint
// and dialect. Where client and target speak the same dialect, bytes pass through with
// only the few members changed that must differ; otherwise a Wasm module translates by
// way of the canonical form.
//
// Requests are read for their facts and replies only as far as the gateway must: usage,
// finish reason, errors, and whether the reply is whole. The package sends nothing and
// decides nothing about retries.
package wire

import (
	"cmp"
	"context"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// Format is one row of the table: what is known natively about one endpoint in one
// dialect.
type Format struct {
	Endpoint llm.Endpoint
	Dialect  llm.Dialect
	// Paths are where clients reach the endpoint, Title is what an index of endpoints
	// says of it.
	Paths []string
	Title string
	// target reads what a path says of a request, in a format whose paths do: the model, and
	// whether a stream is wanted. It reports false for a path of another format, and is nil for
	// formats with Paths.
	target func(path string) (model string, stream, ok bool)

	// facts reads the facts of a request, and its instructions to the cache.
	facts func(body []byte, o intake.Options) (llm.Facts, llm.CacheControl, error)
	// headers are those of the client's headers, and queries those of its parameters with
	// their values, that a provider of the same dialect gets.
	headers, queries []string
	// call makes the provider's request of x.Sent, which is in this format.
	call func(d *Dialects, x *llm.Exchange) (llm.Call, error)
	// read turns the answer to such a call into events. It owns the answer's body.
	read func(d *Dialects, ctx context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error)
	// render makes an error reply: its status, its body and headers of its own.
	render func(e *llm.Error, requestID string) llm.Rendered
	// breakOff makes the frame that ends a stream with an error. It is no terminator: a
	// client must not take what it has for the whole.
	breakOff func(e *llm.Error, requestID string) []byte
}

// Formats is the table. The first row is the canonical form.
var Formats = []*Format{chatCompletions, messages, responses, completions, embeddings, generateContent, countMessages, countResponses, compactResponses,
	countGemini, embedContent, batchEmbedContents}

// at finds the row whose clients use a path.
func at(path string) *Format {
	for _, f := range Formats {
		if slices.Contains(f.Paths, path) || f.serves(path) {
			return f
		}
	}
	return nil
}

// serves reports whether a path is one of those that say more than the format.
func (f *Format) serves(path string) bool {
	if f.target == nil {
		return false
	}
	_, _, ok := f.target(path)
	return ok
}

// formatOf is the row of a request's form.
func formatOf(r *llm.Request) *Format {
	dialect := cmp.Or(r.Form, llm.OpenAI)
	for _, f := range Formats {
		if f.Dialect == dialect && f.Endpoint == cmp.Or(r.Endpoint, llm.ChatCompletions) {
			return f
		}
	}
	return chatCompletions
}

// passes reports whether a request passes through to a target as it is.
func passes(r *llm.Request, t *llm.Target) bool {
	if !isTranslated(r.Endpoint) {
		return true // the rows of other endpoints make the call to every target themselves
	}
	return r.PassesTo(t)
}

// isTranslated reports whether requests of an endpoint have a canonical form, in which
// they go to targets of other dialects.
func isTranslated(e llm.Endpoint) bool {
	return e == "" || e == llm.ChatCompletions || e == llm.TextCompletions
}

// wantsUsage reports whether a stream is to have its usage at the end: formats other than
// chat completions and completions always have it.
func wantsUsage(r *llm.Request) bool {
	return r.Facts.IncludeUsage || r.Form != "" && r.Form != llm.Completions
}

// inCanonical is a request in the canonical form.
func inCanonical(ctx context.Context, r *llm.Request) (*llm.Request, error) {
	if r.Canonical == nil {
		return r, nil
	}
	return r.Canonical(ctx)
}
