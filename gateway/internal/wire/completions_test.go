package wire

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// vllm is a target that has chat completions and completions.
var vllm = &llm.Target{ID: "vllm/base", Provider: "vllm", Model: "base", Dialect: llm.OpenAI, Also: []llm.Dialect{llm.Completions}, Context: 8192}

// fromCompletionsClient is a request of a client of the completions API on its way to vLLM.
func fromCompletionsClient(t *testing.T, body string) *llm.Exchange {
	t.Helper()
	c, _ := ClientAt("/v1/completions", "req_1")
	req, err := c.Request(t.Context(), llm.Incoming{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return &llm.Exchange{Request: req, Route: &llm.Route{}, Target: vllm}
}

func TestCompletionsCall(t *testing.T) {
	azure := &llm.Target{ID: "azure/d", Provider: "azure", Model: "gpt-35 i", Dialect: llm.OpenAI, Also: []llm.Dialect{llm.Completions}, APIVersion: "2024-10-21"}
	tests := []struct {
		name, body string
		target     *llm.Target
		maxOutput  int64
		call       llm.Call
	}{
		{name: "only the model differs", body: `{"model":"m", "prompt" : ["a",  "b"],"new":[1.0,1e400],"echo":true}`,
			call: llm.Call{Body: []byte(`{"model":"base", "prompt" : ["a",  "b"],"new":[1.0,1e400],"echo":true}`)}},
		{name: "tokens", body: `{"model":"base","prompt":[[1,2],[3]],"max_tokens":0}`,
			call: llm.Call{Body: []byte(`{"model":"base","prompt":[[1,2],[3]],"max_tokens":0}`)}},
		{name: "a lower bound", body: `{"model":"base","max_tokens":900,"prompt":"a"}`, maxOutput: 50,
			call: llm.Call{Body: []byte(`{"model":"base","max_tokens":50,"prompt":"a"}`)}},
		{name: "the caller's bound", body: `{"model":"base","max_tokens":40,"prompt":"a"}`, maxOutput: 40,
			call: llm.Call{Body: []byte(`{"model":"base","max_tokens":40,"prompt":"a"}`)}},
		{name: "nothing is not raised", body: `{"model":"base","max_tokens":0,"prompt":"a"}`, maxOutput: 1,
			call: llm.Call{Body: []byte(`{"model":"base","max_tokens":0,"prompt":"a"}`)}},
		{name: "a bound where there was none", body: `{"model":"base","prompt":"a" }`, maxOutput: 16,
			call: llm.Call{Body: []byte(`{"model":"base","prompt":"a" ,"max_tokens":16}`)}},
		{name: "a bound in the place of null", body: `{"model":"base","max_tokens":null,"prompt":"a"}`, maxOutput: 16,
			call: llm.Call{Body: []byte(`{"model":"base","max_tokens":16,"prompt":"a"}`)}},
		{name: "usage of a stream", body: `{"model":"base","prompt":"a","stream":true}`,
			call: llm.Call{Stream: true, Body: []byte(`{"model":"base","prompt":"a","stream":true,"stream_options":{"include_usage":true}}`)}},
		{name: "Azure's older paths", body: `{"model":"gpt-35 i","prompt":"a"}`, target: azure,
			call: llm.Call{Path: "/deployments/gpt-35%20i/completions", Query: "api-version=2024-10-21", Body: []byte(`{"model":"gpt-35 i","prompt":"a"}`)}},
	}
	for _, tt := range tests {
		x := fromCompletionsClient(t, tt.body)
		if tt.target != nil {
			x.Target = tt.target
		} else {
			tt.call.Path = "/completions"
		}
		x.MaxOutput = tt.maxOutput
		d := dialects()
		if err := d.Prepare(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		call, err := d.Call(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.call, call); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

const (
	textPiece  = `data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"base-1","choices":[{"index":0,"text":"four","logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n"
	textEnd    = `data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"base-1","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}]}` + "\n\n"
	secondText = `data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"base-1","choices":[{"index":1,"text":"five","logprobs":null,"finish_reason":null}]}` + "\n\n"
	textUsage  = `data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"base-1","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}` + "\n\n"
	textOver   = "data: [DONE]\n\n"
)

func TestCompletionsStream(t *testing.T) {
	counted := &llm.Usage{Input: 7, Output: 2}
	whole := llm.ReplyInfo{TextBytes: 4, Pieces: 1, Finish: "length", Model: "base-1", Content: true}
	withUsage, begun := whole, whole
	withUsage.Usage, begun.Finish = counted, ""
	tests := []struct {
		name, body, shown string
		usage             bool // asked for
		fault             llm.Fault
		info              llm.ReplyInfo
	}{
		{name: "whole", body: textPiece + textEnd + textOver, shown: textPiece + textEnd + textOver, info: whole},
		{name: "usage that the gateway asked for", body: textPiece + textEnd + textUsage + textOver, shown: textPiece + textEnd + textOver, info: withUsage},
		{name: "usage that the client asked for", usage: true, body: textPiece + textEnd + textUsage + textOver, shown: textPiece + textEnd + textUsage + textOver, info: withUsage},
		{name: "no terminator", body: textPiece + textEnd, shown: textPiece + textEnd + textOver, info: whole},
		{name: "cut", body: textPiece, shown: textPiece, fault: llm.FaultCut, info: begun},
		{name: "a terminator without a finish", body: textPiece + textOver, shown: textPiece, fault: llm.FaultCut, info: begun},
		{name: "one of two is cut", body: textPiece + secondText + textEnd + textOver, shown: textPiece + secondText + textEnd, fault: llm.FaultCut,
			info: llm.ReplyInfo{TextBytes: 8, Pieces: 2, Finish: "length", Model: "base-1", Content: true}},
		{name: "an error", body: textPiece + `data: {"error":{"message":"overloaded","type":"server_error"}}` + "\n\n", shown: textPiece, fault: llm.FaultServer, info: begun},
		{name: "a message of chat completions", body: strings.ReplaceAll(textPiece, `"text":"four"`, `"textual":"four"`) + textOver, shown: "", fault: llm.FaultMalformed,
			info: llm.ReplyInfo{Model: "base-1"}},
		{name: "not JSON", body: "data: {no}\n\n", fault: llm.FaultMalformed},
		{name: "empty", body: "", fault: llm.FaultMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ask := `{"model":"m","prompt":"2+2=","stream":true}`
			if tt.usage {
				ask = `{"model":"m","prompt":"2+2=","stream":true,"stream_options":{"include_usage":true}}`
			}
			got, info, err := passThrough(t, fromCompletionsClient(t, ask), answer(200, "text/event-stream", tt.body))
			if got != tt.shown && tt.name != "a message of chat completions" {
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

func TestCompletionsPlain(t *testing.T) {
	for _, tt := range []struct {
		name, ask, body string
		fault           llm.Fault
		finish          string
	}{
		{"whole", "", `{"object":"text_completion","choices":[{"text":"x","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`, "", "stop"},
		{"nothing was asked for", "", `{"object":"text_completion","choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}]}`, "", "length"},
		{"unfinished", "", `{"choices":[{"text":"x","index":0,"finish_reason":null}]}`, llm.FaultCut, ""},
		{"no choices", "", `{"object":"text_completion"}`, llm.FaultMalformed, ""},
		{"a choice without a text", "", `{"choices":[{"index":0}]}`, llm.FaultMalformed, ""},
		{"an error in a 200", "", `{"error":{"message":"busy","type":"rate_limit_error","code":"rate_limit_exceeded"}}`, llm.FaultRateLimited, ""},
		{"not JSON", "", `<html>`, llm.FaultMalformed, ""},
		{"a plain reply to a stream", `,"stream":true`, `{"choices":[{"text":"x","index":0,"finish_reason":"stop"}]}`, llm.FaultMalformed, ""},
	} {
		got, info, err := passThrough(t, fromCompletionsClient(t, `{"model":"m","prompt":"a"`+tt.ask+`}`), answer(200, "application/json", tt.body))
		var e *llm.Error
		if errors.As(err, &e); (tt.fault == "") != (err == nil) || e != nil && e.Fault != tt.fault {
			t.Errorf("%s: error %v, want fault %q", tt.name, err, tt.fault)
		}
		if err == nil && (got != tt.body || info.Finish != tt.finish || !info.Whole) {
			t.Errorf("%s: %s, %+v", tt.name, got, info)
		}
	}
	_, _, err := passThrough(t, fromCompletionsClient(t, `{"model":"m","prompt":"a"}`), answer(200, "text/event-stream", textPiece))
	if e := llm.AsError(err); e == nil || e.Fault != llm.FaultMalformed {
		t.Errorf("a stream in answer to a plain request gave %v", err)
	}
}

// TestRecordedCompletions passes every recorded reply of the API on byte for byte, and none
// that is cut before its finish reason.
func TestRecordedCompletions(t *testing.T) {
	all := 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "completions" && r.Status == http.StatusOK && strings.Contains(string(r.Body), `"choices"`)
	}) {
		all++
		kind := map[bool]string{false: "application/json", true: "text/event-stream"}[rec.Stream]
		got, info, err := passThrough(t, fromCompletionsClient(t, rec.RequestBody), answer(200, kind, string(rec.Body)))
		if err != nil || got != string(rec.Body) || !info.Content || info.Finish == "" && rec.Provider != "writer" || info.TextBytes == 0 {
			t.Errorf("%s: %+v, %v\n%s", rec.Path, info, err, cmp.Diff(string(rec.Body), got))
		}
		end := bytes.LastIndex(rec.Body, []byte(`"finish_reason"`))
		for at := 0; at < end; at += 1 + len(rec.Body)/20 {
			if got, _, err := passThrough(t, fromCompletionsClient(t, rec.RequestBody), answer(200, kind, string(rec.Body[:at]))); err == nil {
				t.Errorf("%s cut after %d bytes came as\n%s", rec.Path, at, got)
			}
		}
	}
	t.Logf("%d recordings", all)
}
