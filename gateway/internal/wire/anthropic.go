package wire

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// messages is Anthropic's Messages API (https://docs.anthropic.com/en/api/messages).
var messages = &Format{
	Endpoint: llm.ChatCompletions,
	Dialect:  llm.Anthropic,
	Paths:    []string{"/v1/messages", "/messages"},
	Title:    "Anthropic messages",
	facts:    intake.ScanMessages,
	headers:  []string{"Anthropic-Version", "Anthropic-Beta"},
	queries:  []string{"beta=true"},
	call:     callMessages,
	read:     passing{newMessageReader, (*Dialects).messagesError, (*Dialects).wholeMessage}.read,
	render:   renderAnthropic,
	breakOff: breakAnthropic,
}

// AnthropicVersion is sent for clients that name no version; the API requires one.
const AnthropicVersion = "2023-06-01"

// callMessages makes the call to a target that speaks Anthropic's format: the client's
// bytes with the model and the bound on output changed.
func callMessages(_ *Dialects, x *llm.Exchange) (llm.Call, error) {
	edits := setModel(withoutForeign(x.Sent.Body), x)
	edits = fitThinking(setMaxOutput(edits, x, "max_tokens"), x)
	header := x.Sent.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Anthropic-Version") == "" {
		header.Set("Anthropic-Version", AnthropicVersion)
	}
	body := markPrompt(x, apply(x.Sent.Body, edits))
	return llm.Call{Path: "/messages", Query: x.Sent.Query, Header: header, Body: body, Stream: x.Sent.Facts.Stream}, nil
}

// wholeMessage checks that a body is a whole message and makes a stream of it.
func (d *Dialects) wholeMessage(x *llm.Exchange, a *llm.Answer, body []byte) (llm.Stream, error) {
	m, ok := readMessage(body)
	switch {
	case ok && m.failed:
		return nil, d.messagesError(a, body)
	case !ok || !m.blocks:
		return nil, malformed("something that is not a message", nil)
	case x.Sent.Facts.Stream:
		return nil, malformed("a plain reply in answer to a request for a stream", nil)
	case len(m.stop) == 0:
		return nil, cut()
	}
	info := llm.ReplyInfo{Usage: usageOf(m.usage, boundsOf(x)), TextBytes: m.text, Pieces: 1, Finish: finishOfMessage(m.stop),
		Model: string(m.model), ToolCalls: m.calls, Content: m.content, Whole: true}
	return &plain{body: body, info: info, dialect: llm.Anthropic}, nil
}

// messagesError is the error that a reply is. What has Anthropic's form passes unchanged,
// with its status.
func (d *Dialects) messagesError(a *llm.Answer, body []byte) *llm.Error {
	e := d.errorOf(a, body)
	if isAnthropicError(body) {
		e.Body, e.Dialect = bytes.TrimSpace(body), llm.Anthropic
		if a.Status >= 400 && a.Status <= 599 {
			e.Status = a.Status
		}
	}
	return e
}

// isAnthropicError reports whether a body is an error in Anthropic's form.
func isAnthropicError(body []byte) bool {
	var e struct {
		Type  string
		Error *struct{ Type, Message *string }
	}
	return json.Unmarshal(body, &e) == nil && e.Type == "error" && e.Error != nil && e.Error.Type != nil && e.Error.Message != nil
}

// finishOfMessage is a stop reason in the canonical form's words. What is not listed,
// such as pause_turn, is an ordinary end.
func finishOfMessage(stop []byte) string {
	switch string(stop) {
	case "":
		return ""
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		return "tool_calls"
	case "refusal":
		return "content_filter"
	}
	return "stop"
}

// messageReader reads the events of a streamed message.
type messageReader struct {
	dialects *Dialects
	answer   *llm.Answer
	info     llm.ReplyInfo
	bounds   bounds
	// stopped says that there was a stop reason, seen that there was an event at all.
	stopped, seen bool
}

func newMessageReader(d *Dialects, x *llm.Exchange, a *llm.Answer) eventReader {
	return &messageReader{dialects: d, answer: a, bounds: boundsOf(x)}
}

// messageStop ends a stream towards an Anthropic client.
var messageStop = llm.Event{Dialect: llm.Anthropic, Final: true,
	Frame: []byte("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")}

// take implements eventReader.
func (r *messageReader) take(name, data, frame []byte) (llm.Event, error) {
	ev := llm.Event{Frame: frame, Data: data, Dialect: llm.Anthropic}
	m, sound := readMessage(data)
	switch {
	case string(name) == "error" || sound && m.failed || isErrorList(data):
		return llm.Event{}, r.dialects.messagesError(r.answer, data)
	case !sound:
		return llm.Event{}, malformed("an event that is not one of a message", nil)
	}
	r.seen = true
	r.note(&m)
	ev.Content, ev.Text, ev.Other = m.content, m.words, m.other
	ev.Progress = m.content || len(m.stop) > 0 || string(m.typ) == "content_block_delta"
	if string(m.typ) != "message_stop" {
		return ev, nil
	}
	if !r.stopped {
		return llm.Event{}, r.unfinished()
	}
	ev.Final = true
	return ev, nil
}

// note takes in what one event says.
func (r *messageReader) note(m *messageInfo) {
	if r.info.Model == "" {
		r.info.Model = string(m.model)
	}
	if len(m.stop) > 0 {
		r.stopped, r.info.Finish = true, finishOfMessage(m.stop)
	}
	r.info.Usage = later(r.info.Usage, usageOf(m.usage, r.bounds))
	r.info.Content = r.info.Content || m.content
	r.info.ToolCalls = r.info.ToolCalls || m.calls
	r.info.TextBytes += m.text
	if m.text > 0 {
		r.info.Pieces++
	}
}

// over implements eventReader: a stream without message_stop is whole all the same if the
// stop reason came.
func (r *messageReader) over() (llm.Event, error) {
	if r.stopped {
		return messageStop, nil
	}
	return llm.Event{}, r.unfinished()
}

// unfinished is the error of a stream without a stop reason.
func (r *messageReader) unfinished() error {
	switch {
	case !r.seen:
		return malformed("an empty stream", io.ErrUnexpectedEOF)
	case !r.info.Content:
		return malformed("a stream without an answer in it", nil)
	}
	return cut()
}

// reply implements eventReader.
func (r *messageReader) reply() llm.ReplyInfo { return r.info }
