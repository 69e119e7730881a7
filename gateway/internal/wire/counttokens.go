package wire

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// countMessages is Anthropic's API for counting the tokens of a Messages request.
var countMessages = &Format{
	Endpoint: llm.CountTokens,
	Dialect:  llm.Anthropic,
	Paths:    []string{"/v1/messages/count_tokens", "/messages/count_tokens"},
	Title:    "the tokens of an Anthropic messages request",
	facts:    countOnly(intake.ScanMessages),
	headers:  messages.headers,
	queries:  messages.queries,
	call:     callCount("/messages/count_tokens", `{"input_tokens":`, `}`),
	read:     passing{failure: (*Dialects).messagesError, whole: (*Dialects).wholeCount}.read,
	render:   renderAnthropic,
	breakOff: breakAnthropic,
}

// countResponses is OpenAI's API for counting the tokens of a Responses request.
var countResponses = &Format{
	Endpoint: llm.CountTokens,
	Dialect:  llm.Responses,
	Paths:    []string{"/v1/responses/input_tokens", "/responses/input_tokens"},
	Title:    "the tokens of an OpenAI responses request",
	facts:    countOnly(intake.ScanResponses),
	headers:  responses.headers,
	call:     callCount("/responses/input_tokens", `{"object":"response.input_tokens","input_tokens":`, `}`),
	read:     passing{failure: (*Dialects).errorOf, whole: (*Dialects).wholeCount}.read,
	render:   renderOpenAI,
	breakOff: breakOpenAI,
}

// countOnly reads facts of a request that generates nothing and costs nothing.
func countOnly(scan func([]byte, intake.Options) (llm.Facts, llm.CacheControl, error)) func([]byte, intake.Options) (llm.Facts, llm.CacheControl, error) {
	return func(body []byte, o intake.Options) (llm.Facts, llm.CacheControl, error) {
		f, c, err := scan(body, o)
		f.Free, f.Stream = true, false
		return f, c, err
	}
}

// callCount asks a target that speaks the request's dialect. Of any other the likely size
// is the answer, which is rather too large than too small.
func callCount(path, before, after string) func(*Dialects, *llm.Exchange) (llm.Call, error) {
	return func(_ *Dialects, x *llm.Exchange) (llm.Call, error) {
		if !x.Sent.PassesTo(x.Target) {
			return estimatedCount(x, before, after), nil
		}
		edits := setModel(nil, x)
		header := x.Sent.Header.Clone()
		if x.Sent.Form == llm.Anthropic && header.Get("Anthropic-Version") == "" {
			if header == nil {
				header = http.Header{}
			}
			header.Set("Anthropic-Version", anthropicVersion)
		}
		return llm.Call{Path: path, Query: x.Sent.Query, Header: header, Body: apply(x.Sent.Body, edits)}, nil
	}
}

// estimatedCount is a call that the gateway answers itself: with the likely size of the
// prompt, between two pieces of JSON.
func estimatedCount(x *llm.Exchange, before, after string) llm.Call {
	body := strconv.AppendInt([]byte(before), x.Sent.Facts.EstInputTokens, 10)
	return llm.Call{Answer: &llm.Answer{Status: http.StatusOK, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader(append(body, after...)))}}
}

// wholeCount checks that a body is a count of tokens and makes a stream of it.
func (*Dialects) wholeCount(x *llm.Exchange, _ *llm.Answer, body []byte) (llm.Stream, error) {
	s := newScan(body)
	counted := false
	for object := s.enter('{'); object && s.More('}'); {
		name := string(s.Name().Raw)
		counted = name == "input_tokens" || name == "totalTokens" || counted
		s.Skip()
	}
	if s.End() != nil || !counted {
		return nil, malformed("something that is not a count of tokens", nil)
	}
	return &plain{body: body, dialect: x.Sent.Form, info: llm.ReplyInfo{Free: true, Finish: "stop", Content: true, Whole: true}}, nil
}
