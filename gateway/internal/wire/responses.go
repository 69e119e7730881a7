package wire

import (
	"encoding/json"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// responses is OpenAI's Responses API
// (https://platform.openai.com/docs/api-reference/responses). Its errors are those of chat
// completions.
var responses = &Format{
	Endpoint: llm.ChatCompletions,
	Dialect:  llm.Responses,
	Paths:    []string{"/v1/responses", "/responses"},
	Title:    "OpenAI responses",
	facts:    intake.ScanResponses,
	headers:  []string{"Openai-Beta"},
	call:     callResponses,
	read:     passing{newResponseReader, (*Dialects).errorOf, (*Dialects).wholeResponse}.read,
	render:   renderOpenAI,
	breakOff: breakResponses,
}

// callResponses makes the call to a target that speaks the Responses API: the client's
// bytes with the model and the bound on output changed.
func callResponses(_ *Dialects, x *llm.Exchange) (llm.Call, error) {
	edits := setModel(withoutForeignItems(x.Sent.Body), x)
	edits = setMaxOutput(edits, x, "max_output_tokens")
	return llm.Call{Path: "/responses", Header: x.Sent.Header, Body: apply(x.Sent.Body, edits), Stream: x.Sent.Facts.Stream}, nil
}

// wholeResponse checks that a body is a response and makes a stream of it.
func (d *Dialects) wholeResponse(x *llm.Exchange, a *llm.Answer, body []byte) (llm.Stream, error) {
	r, ok := readResponse(body)
	switch {
	case ok && r.failed:
		return nil, d.errorOf(a, r.failure(body))
	case !ok || !r.output:
		return nil, malformed("something that is not a response", nil)
	case x.Sent.Facts.Stream:
		return nil, malformed("a plain reply in answer to a request for a stream", nil)
	}
	info := llm.ReplyInfo{Usage: usageOf(r.usage, boundsOf(x)), TextBytes: r.text, Pieces: 1, Finish: r.finish(), Model: string(r.model),
		ToolCalls: r.calls, Content: r.content, Whole: true}
	return &plain{body: body, info: info, dialect: llm.Responses}, nil
}

// responseReader reads the events of a streamed response.
type responseReader struct {
	dialects *Dialects
	answer   *llm.Answer
	info     llm.ReplyInfo
	bounds   bounds
	seen     bool
}

func newResponseReader(d *Dialects, x *llm.Exchange, a *llm.Answer) eventReader {
	return &responseReader{dialects: d, answer: a, bounds: boundsOf(x)}
}

// take implements eventReader.
func (r *responseReader) take(name, data, frame []byte) (llm.Event, error) {
	ev := llm.Event{Frame: frame, Data: data, Dialect: llm.Responses}
	if isDone(data) { // of servers that end every stream so
		ev.Data = nil
		return ev, nil
	}
	e, sound := readResponse(data)
	switch {
	case string(name) == "error" || sound && e.failed || isErrorList(data):
		return llm.Event{}, r.dialects.errorOf(r.answer, e.failure(data))
	case !sound:
		return llm.Event{}, malformed("an event that is not one of a response", nil)
	}
	r.seen = true
	r.note(&e)
	if !e.repeated() {
		ev.Content, ev.Text, ev.Other = e.content, e.words, e.other
	}
	ev.Progress = ev.Content
	ev.Final = e.ended()
	return ev, nil
}

// note takes in what one event says.
func (r *responseReader) note(e *responseInfo) {
	if r.info.Model == "" {
		r.info.Model = string(e.model)
	}
	r.info.ToolCalls = r.info.ToolCalls || e.calls
	r.info.Content = r.info.Content || e.content
	if !e.repeated() {
		r.info.TextBytes += e.text
		if e.text > 0 {
			r.info.Pieces++
		}
	}
	if e.ended() {
		r.info.Usage = later(r.info.Usage, usageOf(e.usage, r.bounds))
		e.calls = r.info.ToolCalls
		r.info.Finish = e.finish()
	}
}

// over implements eventReader: a response that was not completed is cut.
func (r *responseReader) over() (llm.Event, error) {
	switch {
	case !r.seen:
		return llm.Event{}, malformed("an empty stream", nil)
	case !r.info.Content:
		return llm.Event{}, malformed("a stream without an answer in it", nil)
	}
	return llm.Event{}, cut()
}

// reply implements eventReader.
func (r *responseReader) reply() llm.ReplyInfo { return r.info }

// breakResponses are the events by which the Responses API ends a stream with an error.
// The member "error" of the first makes the official clients raise one; Codex looks at
// the second only.
func breakResponses(e *llm.Error, requestID string) []byte {
	var inner struct {
		Error json.RawMessage `json:"error"`
	}
	_ = json.Unmarshal(openAIError(e), &inner) // it has just been encoded
	object, _ := json.Marshal(struct {
		Type     string          `json:"type"`
		Sequence int             `json:"sequence_number"`
		Code     string          `json:"code"`
		Message  string          `json:"message"`
		Param    *string         `json:"param"`
		Error    json.RawMessage `json:"error"`
	}{"error", 0, string(e.Code), e.Message, nil, inner.Error})
	code, _ := json.Marshal(string(e.Code))
	message, _ := json.Marshal(e.Message)
	frames := append(append([]byte("event: error\ndata: "), object...), "\n\nevent: response.failed\ndata: "...)
	frames = append(frames, `{"type":"response.failed","sequence_number":0,"response":{"id":"resp_`+requestID+`","object":"response","created_at":0,"status":"failed",`+
		`"error":{"code":`...)
	frames = append(append(append(frames, code...), `,"message":`...), message...)
	return append(frames, `},"incomplete_details":null,"instructions":null,"metadata":{},"model":"","output":[],"parallel_tool_calls":false,`+
		`"temperature":null,"tool_choice":"auto","tools":[],"top_p":null}}`+"\n\n"...)
}
