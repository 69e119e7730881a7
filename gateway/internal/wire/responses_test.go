package wire

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// gpt is a target that speaks chat completions and the Responses API.
var gpt = &llm.Target{ID: "openai/gpt", Provider: "openai", Model: "gpt", Dialect: llm.OpenAI, Also: []llm.Dialect{llm.Responses}, Context: 200_000}

// fromResponsesClient is a request of a client of the Responses API on its way to OpenAI.
func fromResponsesClient(t *testing.T, body string) *llm.Exchange {
	t.Helper()
	c, _ := ClientAt("/v1/responses", "req_1")
	req, err := c.Request(t.Context(), llm.Incoming{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return &llm.Exchange{Request: req, Route: &llm.Route{}, Target: gpt}
}

func askGPT(stream bool) string {
	if stream {
		return `{"model":"m","stream":true,"input":"hi"}`
	}
	return `{"model":"m","input":"hi"}`
}

func TestResponsesCall(t *testing.T) {
	tests := []struct {
		name, body string
		maxOutput  int64
		want       string
	}{
		{"only the model differs", `{"model":"m", "input" : "hi","new":[1.0,1e400]}`, 0, `{"model":"gpt", "input" : "hi","new":[1.0,1e400]}`},
		{"a lower bound", `{"model":"gpt","max_output_tokens":900,"input":"hi"}`, 50, `{"model":"gpt","max_output_tokens":50,"input":"hi"}`},
		{"a bound where there was none", `{"model":"gpt","input":"hi" }`, 50, `{"model":"gpt","input":"hi" ,"max_output_tokens":50}`},
	}
	for _, tt := range tests {
		x := fromResponsesClient(t, tt.body)
		x.MaxOutput = tt.maxOutput
		d := dialects()
		if err := d.Prepare(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		call, err := d.Call(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(llm.Call{Path: "/responses", Body: []byte(tt.want)}, call); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

const (
	created    = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"in_progress\",\"model\":\"gpt-x\",\"output\":[],\"error\":null,\"usage\":null}}\n\n"
	textDelta  = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"delta\":\"four\"}\n\n"
	textDone   = "event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"sequence_number\":4,\"text\":\"four\"}\n\n"
	callAdded  = "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"\"}}\n\n"
	completed  = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"model\":\"gpt-x\",\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"four\"}]}],\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":5},\"output_tokens\":4,\"output_tokens_details\":{\"reasoning_tokens\":2},\"total_tokens\":13}}}\n\n"
	incomplete = "event: response.incomplete\ndata: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"output\":[]}}\n\n"
	failed     = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"},\"output\":[]}}\n\n"
)

func TestResponsesStream(t *testing.T) {
	counted := &llm.Usage{Input: 9, CacheRead: 5, Output: 4, Reasoning: 2}
	tests := []struct {
		name, body, shown string
		fault             llm.Fault
		info              llm.ReplyInfo
	}{
		{name: "whole", body: created + textDelta + textDone + completed, shown: created + textDelta + textDone + completed,
			info: llm.ReplyInfo{Usage: counted, TextBytes: 4, Pieces: 1, Finish: "stop", Model: "gpt-x", Content: true}},
		{name: "a call", body: created + callAdded + completed, shown: created + callAdded + completed,
			info: llm.ReplyInfo{Usage: counted, Finish: "tool_calls", Model: "gpt-x", Content: true, ToolCalls: true}},
		{name: "incomplete", body: created + textDelta + incomplete, shown: created + textDelta + incomplete,
			info: llm.ReplyInfo{TextBytes: 4, Pieces: 1, Finish: "length", Model: "gpt-x", Content: true}},
		{name: "cut", body: created + textDelta + textDone, shown: created + textDelta + textDone, fault: llm.FaultCut,
			info: llm.ReplyInfo{TextBytes: 4, Pieces: 1, Model: "gpt-x", Content: true}},
		{name: "done is no end", body: created + textDelta + "data: [DONE]\n\n", shown: created + textDelta + "data: [DONE]\n\n", fault: llm.FaultCut,
			info: llm.ReplyInfo{TextBytes: 4, Pieces: 1, Model: "gpt-x", Content: true}},
		{name: "failed", body: created + failed, shown: created, fault: llm.FaultRateLimited, info: llm.ReplyInfo{Model: "gpt-x"}},
		{name: "an error event", body: created + textDelta + "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"no\",\"param\":null}\n\n",
			shown: created + textDelta, fault: llm.FaultServer, info: llm.ReplyInfo{TextBytes: 4, Pieces: 1, Model: "gpt-x", Content: true}},
		{name: "nothing said", body: created, shown: created, fault: llm.FaultMalformed, info: llm.ReplyInfo{Model: "gpt-x"}},
		{name: "not JSON", body: created + "data: {no}\n\n", shown: created, fault: llm.FaultMalformed, info: llm.ReplyInfo{Model: "gpt-x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, info, err := passThrough(t, fromResponsesClient(t, askGPT(true)), answer(200, "text/event-stream", tt.body))
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

func TestResponsesPlain(t *testing.T) {
	tests := []struct {
		name, body string
		fault      llm.Fault
		finish     string
	}{
		{"whole", `{"object":"response","status":"completed","error":null,"output":[{"type":"message","content":[{"type":"output_text","text":"x"}]}]}`, "", "stop"},
		{"a call", `{"object":"response","status":"completed","output":[{"type":"custom_tool_call","input":"x"}]}`, "", "tool_calls"},
		{"too long", `{"object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}`, "", "length"},
		{"filtered", `{"object":"response","status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}`, "", "content_filter"},
		{"in the background", `{"object":"response","status":"queued","output":[]}`, "", ""},
		{"failed", `{"object":"response","status":"failed","error":{"code":"server_error","message":"no"},"output":[]}`, llm.FaultServer, ""},
		{"no response", `{"choices":[]}`, llm.FaultMalformed, ""},
	}
	for _, tt := range tests {
		got, info, err := passThrough(t, fromResponsesClient(t, askGPT(false)), answer(200, "application/json", tt.body))
		if tt.fault != "" {
			if llm.AsError(err).Fault != tt.fault {
				t.Errorf("%s: %v, want fault %q", tt.name, err, tt.fault)
			}
			continue
		}
		if err != nil || got != tt.body || info.Finish != tt.finish {
			t.Errorf("%s: %v, %q, finish %q, want %q", tt.name, err, got, info.Finish, tt.finish)
		}
	}
}

// TestResponsesRecordings passes every recorded reply of the Responses API through, byte
// for byte up to its last event.
func TestResponsesRecordings(t *testing.T) {
	all, same := 0, 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "responses" && r.Status == http.StatusOK && r.RequestBody != "" && !strings.Contains(string(r.Body), `"response.input_tokens"`)
	}) {
		all++
		x := fromResponsesClient(t, r.RequestBody)
		x.Target = &llm.Target{ID: "p/" + x.Request.Facts.Model, Model: x.Request.Facts.Model, Dialect: llm.Responses, Context: 1_000_000}
		got, info, err := passThrough(t, x, &llm.Answer{Status: r.Status, Header: r.HTTPHeader(), Body: io.NopCloser(strings.NewReader(string(r.Body)))})
		want, _ := strings.CutSuffix(string(r.Body), "data: [DONE]\n\n")
		if err != nil || got != want {
			t.Errorf("%s: %v\n%.600s", r.Path, err, cmp.Diff(want, got))
			continue
		}
		if info.Model == "" || info.Usage == nil && info.Finish != "" { // one in the background has not ended
			t.Errorf("%s: info %+v lacks something", r.Path, info)
		}
		same++
	}
	t.Logf("%d of %d recorded responses pass byte for byte", same, all)
}

// TestBreakResponses wants both events by which clients notice that a response has failed.
func TestBreakResponses(t *testing.T) {
	c, _ := ClientAt("/v1/responses", "req_1")
	got := string(c.Break(t.Context(), &llm.Error{Code: llm.CodeStreamCut, Status: 502, Message: "It \"broke\" off."}))
	frames := strings.Split(strings.TrimSpace(got), "\n\n")
	if len(frames) != 2 || !strings.HasPrefix(frames[0], "event: error\ndata: {") || !strings.HasPrefix(frames[1], "event: response.failed\ndata: {") {
		t.Fatalf("the end is %q", got)
	}
	for _, f := range frames {
		_, data, _ := strings.Cut(f, "data: ")
		e, ok := readResponse([]byte(data))
		if !ok || !e.failed || !strings.Contains(data, `It \"broke\" off.`) {
			t.Errorf("%s is no error", data)
		}
	}
}
