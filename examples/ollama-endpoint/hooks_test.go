package main

import (
	"encoding/json"
	"strings"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

// The cases in tests/ run in the gateway's host. These tests run natively, which is faster
// while a hook is written.

func TestAcceptKeepsWhatBothFormatsHave(t *testing.T) {
	got, err := accept(nil, []byte(`{"path":"/api/chat","body":{"model":"m","messages":[{"role":"user","content":"\u00e9"}],"options":{"seed":7,"mirostat":1}}}`))
	want := `{"body":{"model":"m","messages":[{"role":"user","content":"\u00e9"}],"seed":7,"stream":true,"stream_options":{"include_usage":true}}}`
	if err != nil || string(got) != want {
		t.Errorf("accept = %s, %v, want %s", got, err, want)
	}
	if _, err := accept(nil, []byte(`{"path":"/api/chat","body":{"model":"m","messages":[],"tools":[]}}`)); err == nil {
		t.Error("tools were taken")
	}
}

func TestRenderIsJSON(t *testing.T) {
	for _, body := range []string{
		`{"model":"m","choices":[{"message":{"content":"a\"b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`,
		`{"choices":[]}`, `{"error":{"message":"no"}}`, `{}`,
	} {
		got, err := render(nil, []byte(`{"created":1700000000,"status":200,"body":`+body+`}`))
		if err != nil || !json.Valid(got) {
			t.Errorf("render(%s) = %s, %v", body, got, err)
		}
	}
}

// TestEventsShareAState passes the state on from event to event, as the host does.
func TestEventsShareAState(t *testing.T) {
	var state []byte
	var sent strings.Builder
	for _, e := range []string{
		"penstock.start\n" + `{"created":1700000000}`,
		"chunk\n" + `{"model":"m","choices":[{"index":0,"delta":{"content":"hel"}}]}`,
		"chunk\n" + `{"model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"length"}]}`,
		"chunk\n" + `{"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}`,
		"penstock.end\n",
	} {
		out, err := event(nil, append(penstock.AppendState(nil, state), e...))
		next, lines, ok := penstock.SplitFrame(out)
		if err != nil || !ok {
			t.Fatalf("event(%q) = %q, %v", e, out, err)
		}
		state = next
		sent.Write(lines)
	}
	head := `{"model":"m","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":`
	want := head + `"hel"},"done":false}` + "\n" + head + `"lo"},"done":false}` + "\n" +
		head + `""},"done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":2}` + "\n"
	if sent.String() != want {
		t.Errorf("sent %s, want %s", sent.String(), want)
	}
}
