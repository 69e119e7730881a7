package wire

import (
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// completions is OpenAI's older API, which continues a text
// (https://platform.openai.com/docs/api-reference/completions). Its replies are those of
// chat completions but for a text in the place of the message, and so are its errors.
var completions = &Format{
	Endpoint: llm.TextCompletions,
	Dialect:  llm.Completions,
	Paths:    []string{"/v1/completions", "/completions"},
	Title:    "OpenAI completions",
	facts:    intake.ScanCompletions,
	call:     callCompletions,
	read:     passing{newTextReader, (*Dialects).errorOf, (*Dialects).wholeText}.read,
	render:   renderOpenAI,
	breakOff: breakOpenAI,
}

// callCompletions makes the call to a target that has the API: the client's bytes with the
// model and the bound on output changed, and a wish for usage.
func callCompletions(d *Dialects, x *llm.Exchange) (llm.Call, error) {
	known, _ := d.quirks.Get(x.Target.ID)
	x.Quirks, x.Added = known.With(x.Quirks), 0
	edits := setModel(make([]edit, 0, 4), x)
	if !boundsItself(x.Sent, x.MaxOutput) {
		edits = setMaxOutput(edits, x, oldOutput)
	}
	call := openAICall(x.Target, "/completions", apply(x.Sent.Body, addUsage(edits, x)))
	call.Stream = x.Sent.Facts.Stream
	return call, nil
}

// boundsItself reports whether a request names a bound on output of its own that is not
// above the given one: 0 is such a bound, too, by which clients ask for the probabilities
// of the prompt alone.
func boundsItself(r *llm.Request, most int64) bool {
	at := r.Facts.MaxTokensAt
	return !at.IsZero() && r.Body[at.Start] != 'n' && r.Facts.MaxTokens <= most
}

// newTextReader reads the events of a streamed completion.
func newTextReader(d *Dialects, x *llm.Exchange, a *llm.Answer) eventReader {
	r := newChunkReader(d, x, a)
	r.dialect = llm.Completions
	return r
}

// wholeText checks that a body is a whole completion and makes a stream of it.
func (d *Dialects) wholeText(x *llm.Exchange, a *llm.Answer, body []byte) (llm.Stream, error) {
	c := chunk{texts: true}
	ok := c.read(body)
	switch {
	case ok && c.failed || isErrorList(body):
		return nil, d.errorOf(a, c.failure(body))
	case !ok || !c.choices || c.badIndex:
		return nil, malformed("something that is not a completion", nil)
	case !c.delta.content && c.finished.count() == 0:
		return nil, malformed("a completion without an answer in it", nil)
	case c.pending:
		return nil, cut()
	case x.Sent.Facts.Stream:
		return nil, malformed("a plain reply in answer to a request for a stream", nil)
	}
	return &plain{body: body, info: infoOf(&c, boundsOf(x)), dialect: llm.Completions}, nil
}
