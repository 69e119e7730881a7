package wire

import (
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// compactResponses is OpenAI's API that shortens the history of a conversation. Only a
// target that speaks the Responses API can read the result.
var compactResponses = &Format{
	Endpoint: llm.Compact,
	Dialect:  llm.Responses,
	Paths:    []string{"/v1/responses/compact", "/responses/compact"},
	Title:    "OpenAI's shortening of a conversation",
	facts:    intake.ScanResponses,
	headers:  responses.headers,
	call:     callCompact,
	read:     passing{failure: (*Dialects).errorOf, whole: (*Dialects).wholeCompact}.read,
	render:   renderOpenAI,
	breakOff: breakOpenAI,
}

// callCompact makes the call. The API takes no bound on output, so none is set.
func callCompact(d *Dialects, x *llm.Exchange) (llm.Call, error) {
	if !x.Sent.PassesTo(x.Target) {
		return llm.Call{}, &llm.Error{Code: llm.CodeUnsupported, Status: 400, Fault: llm.FaultUnsupported,
			Message: x.Target.ID + " does not speak the Responses API, so it can't compact a conversation."}
	}
	x.MaxOutput = 0
	call, err := callResponses(d, x)
	call.Path = "/responses/compact"
	return call, err
}

// wholeCompact checks that a body is a compacted conversation and makes a stream of it.
func (d *Dialects) wholeCompact(x *llm.Exchange, a *llm.Answer, body []byte) (llm.Stream, error) {
	r, ok := readResponse(body)
	switch {
	case ok && r.failed:
		return nil, d.errorOf(a, r.failure(body))
	case !ok || !r.output:
		return nil, malformed("something that is not a compacted conversation", nil)
	}
	return &plain{body: body, dialect: llm.Responses, info: llm.ReplyInfo{Usage: usageOf(r.usage, boundsOf(x)), TextBytes: r.text, Pieces: 1,
		Finish: "stop", Model: string(r.model), Content: true, Whole: true}}, nil
}
