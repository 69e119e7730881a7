package wire

import (
	"context"
	"net/url"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// chatCompletions is OpenAI's chat completions API, which is the canonical form, too.
// What other dialects' targets answer comes back in it.
var chatCompletions = &Format{
	Endpoint: llm.ChatCompletions,
	Dialect:  llm.OpenAI,
	// Clients disagree on whether the base URL ends in /v1.
	Paths:    []string{"/v1/chat/completions", "/chat/completions"},
	Title:    "OpenAI chat completions",
	facts:    intake.Scan,
	call:     callChat,
	read:     readChat,
	render:   renderOpenAI,
	breakOff: breakOpenAI,
}

// callChat makes the call to a target that speaks OpenAI's format.
func callChat(d *Dialects, x *llm.Exchange) (llm.Call, error) {
	known, _ := d.quirks.Get(x.Target.ID)
	x.Quirks, x.Added = known.With(x.Quirks), 0
	body, dropped := requestDeviationOf(x.Target).adapt(patched(x))
	x.Dropped = append(x.Dropped, dropped...) // what the client's format has more may have gone before
	if len(x.Dropped) > 0 && x.Route.RejectUnsupported {
		return llm.Call{}, unsupported(x)
	}
	call := openAICall(x.Target, "/chat/completions", body)
	call.Stream = x.Sent.Facts.Stream
	return call, nil
}

// openAICall is a call of an endpoint in OpenAI's format. Azure's older paths name the
// deployment and have the version of the API as a parameter.
func openAICall(t *llm.Target, path string, body []byte) llm.Call {
	if t.APIVersion == "" {
		return llm.Call{Path: path, Body: body}
	}
	return llm.Call{Path: "/deployments/" + pathEscape(t.Model) + path, Query: "api-version=" + url.QueryEscape(t.APIVersion), Body: body}
}

// readChat gives the events of any target's answer in the canonical form. A stream that
// nobody asked for is joined into one completion, and a completion in place of a stream
// is split into chunks.
func readChat(d *Dialects, ctx context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	native := passes(x.Sent, x.Target)
	kind, stream := framingOf(a, x.Request.Facts.Stream && !native)
	if !succeeded(a) || !stream || native && kind != framing.SSE {
		return d.readWhole(ctx, x, a)
	}
	s, err := d.events(ctx, x, a, kind)
	switch {
	case err != nil:
		return nil, err
	case !x.Request.Facts.Stream:
		return d.joined(ctx, x, a, s)
	}
	return d.transformEvents(ctx, x, s)
}

// events is a provider's stream in the canonical form.
func (d *Dialects) events(ctx context.Context, x *llm.Exchange, a *llm.Answer, kind framing.Kind) (llm.Stream, error) {
	if passes(x.Sent, x.Target) {
		return newFrames(d, a, newChunkReader(d, x, a)), nil
	}
	return d.translateEvents(ctx, x, a, kind)
}

// readWhole reads a plain reply or an error to its end.
func (d *Dialects) readWhole(ctx context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	defer a.Body.Close()
	body, err := d.body(x, a)
	if err != nil {
		return nil, err
	}
	if !succeeded(a) {
		return nil, d.refusal(ctx, x, a, body)
	}
	if !passes(x.Sent, x.Target) {
		if c, ok := readChunk(body); ok && c.failed && d.readsErrorsOf(x.Target.Dialect) {
			return nil, d.errorOf(a, body)
		}
		body, err = d.translateResponse(ctx, x, a, body)
		if err != nil {
			return nil, d.readByPlugin(a, err)
		}
	}
	return d.whole(ctx, x, a, body)
}

// whole checks that a body is a whole completion and makes a stream of it. What it says
// of usage is the provider's, whatever transforms make of it.
func (d *Dialects) whole(ctx context.Context, x *llm.Exchange, a *llm.Answer, body []byte) (llm.Stream, error) {
	c, ok := readChunk(body)
	switch {
	case ok && c.failed || isErrorList(body):
		return nil, d.errorOf(a, c.failure(body))
	case !ok || !c.choices || c.badIndex:
		return nil, malformed("something that is not a chat completion", nil)
	case !c.produced().content && c.finished.count() == 0:
		return nil, malformed("a chat completion without an answer in it", nil)
	case c.pending:
		return nil, cut()
	}
	if found := c.deviations &^ inStreams; found != 0 {
		m := mender{request: x.Request.ID}
		body = m.chunk(body, found)
	}
	if x.Request.Facts.Stream {
		return d.transformEvents(ctx, x, newSplit(body, wantsUsage(x.Request), infoOf(&c, boundsOf(x))))
	}
	changed, err := d.transformResponse(ctx, x, a.Status, body)
	if err != nil {
		return nil, err
	}
	return &plain{body: changed, info: infoOf(&c, boundsOf(x))}, nil
}
