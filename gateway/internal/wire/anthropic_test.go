package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

var claude = &llm.Target{ID: "anthropic/claude", Provider: "anthropic", Model: "claude", Dialect: llm.Anthropic, Context: 200_000}

// fromClaudeClient is a request of an Anthropic client on its way to Anthropic.
func fromClaudeClient(t *testing.T, body string, h http.Header) *llm.Exchange {
	t.Helper()
	c, ok := ClientAt("/v1/messages", "req_1")
	if !ok {
		t.Fatal("nothing is served at /v1/messages")
	}
	req, err := c.Request(t.Context(), llm.Incoming{Body: []byte(body), Header: h, Query: "beta=true&key=secret"})
	if err != nil {
		t.Fatal(err)
	}
	return &llm.Exchange{Request: req, Route: &llm.Route{}, Target: claude}
}

func askClaude(stream bool) string {
	if stream {
		return `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
	}
	return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
}

// passThrough sends a request on and takes the answer to its end.
func passThrough(t *testing.T, x *llm.Exchange, a *llm.Answer) (frames string, info llm.ReplyInfo, err error) {
	t.Helper()
	d := dialects()
	if err := d.Prepare(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Call(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	s, err := d.Read(t.Context(), x, a)
	if err != nil {
		return "", info, err
	}
	defer s.Close()
	var b strings.Builder
	for {
		ev, err := s.Next()
		if err == io.EOF {
			return b.String(), s.Info(), nil
		}
		if err != nil {
			return b.String(), s.Info(), err
		}
		if !ev.Hidden {
			b.Write(ev.Frame)
		}
	}
}

func TestMessagesCall(t *testing.T) {
	tests := []struct {
		name, body string
		maxOutput  int64
		header     http.Header
		want       string
		wantHeader http.Header
	}{
		{"only the model differs", `{"model":"m", "max_tokens" : 9,"messages":[{"role":"user","content":"hi"}],"new":[1.0,1e400]}`, 0, nil,
			`{"model":"claude", "max_tokens" : 9,"messages":[{"role":"user","content":"hi"}],"new":[1.0,1e400]}`,
			http.Header{"Anthropic-Version": {"2023-06-01"}}},
		{"the same model", `{"model":"claude","messages":[{"role":"user","content":"hi"}]}`, 0,
			http.Header{"Anthropic-Version": {"2024-01-01"}, "Anthropic-Beta": {"a,b", "c"}, "X-Api-Key": {"sk"}, "Authorization": {"Bearer sk"}},
			`{"model":"claude","messages":[{"role":"user","content":"hi"}]}`,
			http.Header{"Anthropic-Version": {"2024-01-01"}, "Anthropic-Beta": {"a,b", "c"}}},
		{"a lower bound", `{"model":"claude","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`, 50, nil,
			`{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`, http.Header{"Anthropic-Version": {"2023-06-01"}}},
		{"a bound where there was none", `{"model":"claude","messages":[{"role":"user","content":"hi"}] }`, 50, nil,
			`{"model":"claude","messages":[{"role":"user","content":"hi"}] ,"max_tokens":50}`, http.Header{"Anthropic-Version": {"2023-06-01"}}},
	}
	for _, tt := range tests {
		x := fromClaudeClient(t, tt.body, tt.header)
		x.MaxOutput = tt.maxOutput
		d := dialects()
		if err := d.Prepare(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		call, err := d.Call(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		want := llm.Call{Path: "/messages", Query: "beta=true", Header: tt.wantHeader, Body: []byte(tt.want)}
		if diff := cmp.Diff(want, call); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// refusingModule is a module that can't translate a request.
type refusingModule struct{ ClientModule }

func (refusingModule) Accept(context.Context, llm.Incoming) (Accepted, error) {
	return Accepted{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Fault: llm.FaultBadRequest, Message: "no"}
}

// TestMessagesGoWhereTheyAreUnderstood has a request that can't be translated refused for
// targets of other dialects alone.
func TestMessagesGoWhereTheyAreUnderstood(t *testing.T) {
	d := dialects()
	c, _ := ClientAt("/v1/messages", "req_1")
	c.TranslateBy(func(llm.Dialect) ClientModule { return refusingModule{} })
	r, err := c.Request(t.Context(), llm.Incoming{Path: "/v1/messages", Body: []byte(askClaude(false))})
	if err != nil {
		t.Fatal(err)
	}
	x := fromClaudeClient(t, askClaude(false), nil)
	x.Request, x.Target = r, openAI
	if err := d.Prepare(t.Context(), x); llm.AsError(err).Fault != llm.FaultUnsupported {
		t.Errorf("Prepare for OpenAI = %v, want unsupported", err)
	}
	x.Sent = x.Request
	if _, err := d.Call(t.Context(), x); llm.AsError(err).Fault != llm.FaultUnsupported {
		t.Errorf("Call to OpenAI = %v, want unsupported", err)
	}
}

const (
	start      = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}\n\n"
	blockStart = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	ping       = "event: ping\ndata: {\"type\": \"ping\"}\n\n"
	blockText  = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"four\"}}\n\n"
	toolStart  = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n"
	blockStop  = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
	signature  = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2lnbg==\"}}\n\n"
	msgDelta   = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":4}}\n\n"
	msgStop    = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
)

func TestMessagesStream(t *testing.T) {
	const answered = start + ping + blockStart + blockText + blockStop
	counted := &llm.Usage{Input: 14, CacheRead: 5, Output: 4}
	begun := &llm.Usage{Input: 14, CacheRead: 5, Output: 1}
	tests := []struct {
		name, body, shown string
		fault             llm.Fault
		info              llm.ReplyInfo
	}{
		{name: "whole", body: answered + msgDelta + msgStop, shown: answered + msgDelta + msgStop,
			info: llm.ReplyInfo{Usage: counted, TextBytes: 4, Pieces: 1, Finish: "stop", Model: "claude-x", Content: true}},
		{name: "nothing behind the end", body: answered + msgDelta + msgStop + "data: [DONE]\n\n", shown: answered + msgDelta + msgStop,
			info: llm.ReplyInfo{Usage: counted, TextBytes: 4, Pieces: 1, Finish: "stop", Model: "claude-x", Content: true}},
		{name: "comments and unknown events pass", body: ": hi\n\n" + start + "event: new\ndata: {\"type\":\"new\",\"a\":[1]}\n\n" + blockText + msgDelta + msgStop,
			shown: ": hi\n\n" + start + "event: new\ndata: {\"type\":\"new\",\"a\":[1]}\n\n" + blockText + msgDelta + msgStop,
			info:  llm.ReplyInfo{Usage: counted, TextBytes: 4, Pieces: 1, Finish: "stop", Model: "claude-x", Content: true}},
		{name: "without message_stop", body: answered + msgDelta, shown: answered + msgDelta + msgStop,
			info: llm.ReplyInfo{Usage: counted, TextBytes: 4, Pieces: 1, Finish: "stop", Model: "claude-x", Content: true}},
		{name: "the last event without its blank line", body: answered + msgDelta + strings.TrimRight(msgStop, "\n"), shown: answered + msgDelta + msgStop,
			info: llm.ReplyInfo{Usage: counted, TextBytes: 4, Pieces: 1, Finish: "stop", Model: "claude-x", Content: true}},
		{name: "cut", body: answered, shown: answered, fault: llm.FaultCut,
			info: llm.ReplyInfo{Usage: begun, TextBytes: 4, Pieces: 1, Model: "claude-x", Content: true}},
		{name: "an end without its reason", body: answered + msgStop, shown: answered, fault: llm.FaultCut,
			info: llm.ReplyInfo{Usage: begun, TextBytes: 4, Pieces: 1, Model: "claude-x", Content: true}},
		{name: "cut within an event", body: answered + msgDelta[:70], shown: answered, fault: llm.FaultCut,
			info: llm.ReplyInfo{Usage: begun, TextBytes: 4, Pieces: 1, Model: "claude-x", Content: true}},
		{name: "nothing said", body: start, shown: start, fault: llm.FaultMalformed, info: llm.ReplyInfo{Usage: begun, Model: "claude-x"}},
		{name: "empty", body: "event: ping\n\n", shown: "event: ping\n\n", fault: llm.FaultMalformed},
		{name: "a whole reply that says nothing", body: start + msgDelta + msgStop, shown: start + msgDelta + msgStop,
			info: llm.ReplyInfo{Usage: counted, Finish: "stop", Model: "claude-x"}},
		{name: "overloaded", body: answered + overloaded, shown: answered, fault: llm.FaultServer,
			info: llm.ReplyInfo{Usage: begun, TextBytes: 4, Pieces: 1, Model: "claude-x", Content: true}},
		{name: "an error by its type alone", body: answered + strings.TrimPrefix(overloaded, "event: error\n"), shown: answered, fault: llm.FaultServer,
			info: llm.ReplyInfo{Usage: begun, TextBytes: 4, Pieces: 1, Model: "claude-x", Content: true}},
		{name: "not JSON", body: start + "event: content_block_delta\ndata: {no}\n\n", shown: start, fault: llm.FaultMalformed,
			info: llm.ReplyInfo{Usage: begun, Model: "claude-x"}},
		{name: "a tool is called", body: start + toolStart + blockStop + msgDelta + msgStop, shown: start + toolStart + blockStop + msgDelta + msgStop,
			info: llm.ReplyInfo{Usage: counted, Finish: "stop", Model: "claude-x", Content: true, ToolCalls: true}},
		{name: "a signature is no text", body: start + signature + blockText + msgDelta + msgStop, shown: start + signature + blockText + msgDelta + msgStop,
			info: llm.ReplyInfo{Usage: counted, TextBytes: 4, Pieces: 1, Finish: "stop", Model: "claude-x", Content: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, info, err := passThrough(t, fromClaudeClient(t, askClaude(true), nil), answer(200, "text/event-stream", tt.body))
			if got != tt.shown {
				t.Errorf("frames:\n%s", cmp.Diff(tt.shown, got))
			}
			if diff := cmp.Diff(tt.info, info); diff != "" {
				t.Errorf("info (-want +got):\n%s", diff)
			}
			var e *llm.Error
			if errors.As(err, &e); (tt.fault == "") != (err == nil) || e != nil && e.Fault != tt.fault {
				t.Errorf("error %v, want fault %q", err, tt.fault)
			}
		})
	}
}

func TestMessagesPlain(t *testing.T) {
	const message = `{"id":"msg_1","type":"message","model":"claude-x","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"text","text":"four"}],` +
		`"stop_reason":"max_tokens","usage":{"input_tokens":9,"output_tokens":4,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}},"new":1e999}`
	tests := []struct {
		name   string
		status int
		body   string
		fault  llm.Fault
		passed bool
	}{
		{"whole", 200, message, "", true},
		{"a message that was not finished", 200, `{"type":"message","content":[{"type":"text","text":"fo"}],"stop_reason":null}`, llm.FaultCut, false},
		{"no message", 200, `{"choices":[]}`, llm.FaultMalformed, false},
		{"no JSON", 200, `four`, llm.FaultMalformed, false},
		{"an error with status 200", 200, `{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}`, llm.FaultRateLimited, true},
		{"overloaded", 529, `{"type":"error","error":{"type":"overloaded_error","message":"busy"},"request_id":"req_9"}`, llm.FaultServer, true},
		{"another server's error", 502, `<html>`, llm.FaultServer, false},
	}
	for _, tt := range tests {
		got, info, err := passThrough(t, fromClaudeClient(t, askClaude(false), nil), answer(tt.status, "application/json", tt.body))
		if tt.fault == "" {
			want := llm.ReplyInfo{Usage: &llm.Usage{Input: 39, CacheWrite: 10, CacheWriteLong: 20, Output: 4}, TextBytes: 6, Pieces: 1, Finish: "length",
				Model: "claude-x", Content: true, Whole: true}
			if diff := cmp.Diff(want, info); diff != "" || got != tt.body || err != nil {
				t.Errorf("%s: %v, %q, info (-want +got):\n%s", tt.name, err, got, diff)
			}
			continue
		}
		e := llm.AsError(err)
		if e.Fault != tt.fault || (e.Dialect == llm.Anthropic) != tt.passed || tt.passed && string(e.Body) != tt.body {
			t.Errorf("%s: %v, fault %q, body %q of %q, want fault %q", tt.name, err, e.Fault, e.Body, e.Dialect, tt.fault)
		}
		if tt.status >= 400 && tt.passed && e.Status != tt.status {
			t.Errorf("%s: status %d, want the provider's %d", tt.name, e.Status, tt.status)
		}
	}
}

// TestMessagesMixedUp refuses a reply in the other manner than the one asked for.
func TestMessagesMixedUp(t *testing.T) {
	_, _, err := passThrough(t, fromClaudeClient(t, askClaude(false), nil), answer(200, "text/event-stream", start+blockText+msgDelta+msgStop))
	if llm.AsError(err).Fault != llm.FaultMalformed {
		t.Errorf("a stream for a plain request: %v, want malformed", err)
	}
	_, _, err = passThrough(t, fromClaudeClient(t, askClaude(true), nil),
		answer(200, "application/json", `{"type":"message","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn"}`))
	if llm.AsError(err).Fault != llm.FaultMalformed {
		t.Errorf("a plain reply for a stream: %v, want malformed", err)
	}
}

// TestMessagesRecordings passes every recorded reply of Anthropic's through, byte for
// byte.
func TestMessagesRecordings(t *testing.T) {
	all, same := 0, 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Provider == "anthropic" && r.Endpoint == "messages" && r.Status == http.StatusOK
	}) {
		all++
		x := fromClaudeClient(t, r.RequestBody, r.HTTPHeader())
		x.Target = &llm.Target{ID: "anthropic/" + x.Request.Facts.Model, Model: x.Request.Facts.Model, Dialect: llm.Anthropic, Context: 1_000_000}
		got, info, err := passThrough(t, x, &llm.Answer{Status: r.Status, Header: r.HTTPHeader(), Body: io.NopCloser(strings.NewReader(string(r.Body)))})
		if err != nil || got != string(r.Body) {
			t.Errorf("%s: %v\n%s", r.Path, err, cmp.Diff(string(r.Body), got))
			continue
		}
		if info.Usage == nil || info.Finish == "" || info.Model == "" {
			t.Errorf("%s: info %+v lacks something", r.Path, info)
		}
		same++
	}
	t.Logf("%d of %d recorded replies of Anthropic's pass byte for byte", same, all)
}

func TestPassesOfMessages(t *testing.T) {
	tests := []struct {
		usage string
		want  llm.Usage
	}{
		{`{"input_tokens":5,"output_tokens":7,"iterations":[{"type":"compaction","input_tokens":100,"output_tokens":20},{"type":"message","input_tokens":5,"output_tokens":7,"cache_read_input_tokens":3}]}`,
			llm.Usage{Input: 108, CacheRead: 3, Output: 27}},
		{`{"input_tokens":5,"output_tokens":7,"iterations":[{"type":"advisor_message","input_tokens":40,"output_tokens":2}]}`,
			llm.Usage{Input: 5, Output: 7, Advisor: 42}},
		{`{"input_tokens":5,"output_tokens":7,"iterations":[{"type":"message","input_tokens":1,"output_tokens":1},{"type":"fallback_message","input_tokens":2}]}`,
			llm.Usage{Input: 5, Output: 7}},
		{`{"input_tokens":5,"output_tokens":7,"iterations":"no"}`, llm.Usage{Input: 5, Output: 7}},
	}
	for _, tt := range tests {
		if got := usageOf([]byte(tt.usage), bounds{1_000_000, 1_000_000}); got == nil || *got != tt.want {
			t.Errorf("usage of %s = %+v, want %+v", tt.usage, got, tt.want)
		}
	}
}
