package wasm

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// dialect is a dialect of which one hook returns answer and the other two nothing.
func dialect(t *testing.T, h hook.Hook, answer string) *ProviderDialect {
	t.Helper()
	a := asm.Answering(h, []byte(answer))
	for _, other := range []hook.Hook{hook.TransformRequest, hook.NormalizeResponse, hook.NormalizeEvent} {
		if other != h {
			a.Funcs = append(a.Funcs, asm.Func{Export: other.String(), Params: "ii", Results: "I", Code: asm.Result(0, 0)})
		}
	}
	d, err := NewProviderDialect(load(t, a.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var someTarget = &llm.Target{ID: "a/c", Provider: "a", Model: "c", Dialect: llm.Anthropic, MaxOutput: 64, FeaturesKnown: true,
	Features: llm.Tools | llm.Vision}

func transform(t *testing.T, answer string) (llm.Call, hook.Notes, error) {
	return dialect(t, hook.TransformRequest, answer).TransformRequest(context.Background(),
		hook.ProviderRequest{Dialect: llm.Anthropic, Target: someTarget, RequestID: "r", Stream: true, Body: []byte(`{}`)})
}

func TestTransformRequestReturnsThePieces(t *testing.T) {
	call, notes, err := transform(t, `{"method":"POST","path":"/messages","query":"beta=true","headers":{"anthropic-version":"2023-06-01"},`+
		`"dropped":["logprobs","n","a b","messages[0].x","n","x\r\ny: z","é",""],"context":{"a": 1},"new":[1],"body":{"model":"c", "x":1.0e2}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Call{Method: "POST", Path: "/messages", Query: "beta=true", Header: http.Header{"Anthropic-Version": {"2023-06-01"}},
		Body: []byte(`{"model":"c", "x":1.0e2}`), Stream: true}
	if diff := cmp.Diff(want, call); diff != "" || !cmp.Equal(notes, hook.Notes{Dropped: []string{"logprobs", "n", "messages[0].x"}, Context: []byte(`{"a": 1}`)}) {
		t.Errorf("call (-want +got)\n%s notes %q", diff, notes)
	}
}

func TestTransformRequestChecksTheCall(t *testing.T) {
	for want, answer := range map[string]string{
		"not valid JSON":                    `{"path":"/m","body":{}`,
		"begin with a slash":                `{"path":"https://evil.example/","body":{}}`,
		"evil.example/\" must not hold":     `{"path":"//evil.example/","body":{}}`,
		"admin\" must not hold":             `{"path":"/../admin","body":{}}`,
		"must not hold ?":                   `{"path":"/a?b=c","body":{}}`,
		"invalid query":                     `{"path":"/a","query":"a\nb","body":{}}`,
		"is not POST":                       `{"path":"/a","method":"DELETE","body":{}}`,
		"has no body":                       `{"path":"/a"}`,
		"set by the gateway":                `{"path":"/a","headers":{"Authorization":"Bearer x"},"body":{}}`,
		"invalid header \"x-a\"":            `{"path":"/a","headers":{"x-a":"b\r\nHost: c"},"body":{}}`,
		"invalid header \"a b\"":            `{"path":"/a","headers":{"a b":"c"},"body":{}}`,
		"expected an object, found the end": ``,
		"expected a digit":                  `{"path":"/a","body":-}`,
		"is not an object":                  `{"path":"/a","context":[],"body":{}}`,
		"at most 32768 are":                 `{"path":"/a","context":{"a":"` + strings.Repeat("x", 32<<10) + `"},"body":{}}`,
	} {
		_, _, err := transform(t, answer)
		var e *llm.Error
		var f *hook.Fault
		if !errors.As(err, &e) || e.Fault != llm.FaultTransform || !errors.As(err, &f) || !strings.Contains(f.Detail, want) {
			t.Errorf("%s: %v, want a fault with %q", answer, err, want)
		}
	}
}

func TestARejectedRequestMayFitAnotherTarget(t *testing.T) {
	for code, want := range map[int32]llm.Error{
		400: {Status: 400, Code: llm.CodeInvalidRequest, Message: "n: audio", Param: "n", Fault: llm.FaultUnsupported},
		422: {Status: 422, Code: llm.CodeInvalidRequest, Message: "n: audio", Param: "n", Fault: llm.FaultUnsupported},
		1:   {Status: 400, Code: llm.CodeInvalidRequest, Message: "n: audio", Param: "n", Fault: llm.FaultUnsupported},
		500: {Status: 502, Code: llm.CodeInternal, Message: "The gateway's module for this provider's wire format failed.", Fault: llm.FaultTransform},
	} {
		e := rejecting(t, code)
		e.Err = nil
		if diff := cmp.Diff(&want, e); diff != "" {
			t.Errorf("error %d (-want +got)\n%s", code, diff)
		}
	}
}

// rejecting is the error of a request that the module rejects with this code.
func rejecting(t *testing.T, code int32) *llm.Error {
	a := asm.Guest(hook.TransformRequest, asm.I32(code), asm.I32(4096), asm.I32(8), asm.Call(0), asm.Result(0, 0))
	a.Imports = []asm.Import{{Module: "penstock", Name: "error", Params: "iii", Results: ""}}
	a.Data = [][]byte{asm.Data(4096, []byte("n: audio"))}
	for _, other := range []hook.Hook{hook.NormalizeResponse, hook.NormalizeEvent} {
		a.Funcs = append(a.Funcs, asm.Func{Export: other.String(), Params: "ii", Results: "I", Code: asm.Result(0, 0)})
	}
	d, err := NewProviderDialect(load(t, a.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = d.TransformRequest(context.Background(), hook.ProviderRequest{Target: someTarget, Body: []byte("{}")})
	return llm.AsError(err)
}

func TestNormalizeResponseGivesTheCompletion(t *testing.T) {
	const completion = `{"object":"chat.completion","error":null,"choices":[]}`
	got, err := dialect(t, hook.NormalizeResponse, completion).NormalizeResponse(context.Background(), hook.ProviderReply{Target: someTarget, Status: 200})
	if err != nil || string(got) != completion {
		t.Errorf("%s, %v", got, err)
	}
}

func TestNormalizeResponseGivesProvidersErrors(t *testing.T) {
	for _, c := range []struct {
		answer string
		status int
		want   int
		wait   time.Duration
		body   string
	}{
		{`{"error":{"message":"slow down","code":"rate_limit_exceeded"},"status":429,"retry_after_ms":1500}`, 200, 429, 1500 * time.Millisecond,
			`{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`},
		{`{"error":{"message":"too long"}}`, 400, 400, 0, `{"error":{"message":"too long"}}`},
		{`{"error":"odd","status":7}`, 503, 503, 0, `{"error":"odd"}`},
	} {
		_, err := dialect(t, hook.NormalizeResponse, c.answer).NormalizeResponse(context.Background(), hook.ProviderReply{Target: someTarget, Status: c.status})
		e := llm.AsError(err)
		if e.Fault != llm.FaultNone || e.Status != c.want || e.RetryAfter != c.wait || string(e.Body) != c.body {
			t.Errorf("%s gave %+v with body %s", c.answer, e, e.Body)
		}
	}
}

func TestTheEnvelopeOfAProvidersReply(t *testing.T) {
	h := http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"a=b"}, "X-Ratelimit-Remaining": {"1"}, "Request-Id": {"q"}}
	got := hook.AppendProviderReply(nil, hook.ProviderReply{Dialect: llm.Anthropic, Target: someTarget, RequestID: "r", Created: time.Unix(7, 0), Status: 200, Header: h, Body: []byte(`{"a": 1}`)})
	want := `{"v":1,"dialect":"anthropic","target":{"id":"a/c","provider":"a","model":"c","max_output":64,"features":["tools","vision"]},"request_id":"r",` +
		`"created":7,"status":200,"headers":{"content-type":"application/json","request-id":"q","x-ratelimit-remaining":"1"},"body":{"a": 1}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("envelope (-want +got)\n%s", diff)
	}
	html := hook.AppendProviderReply(nil, hook.ProviderReply{Target: &llm.Target{}, Body: []byte("<html>" + strings.Repeat("é", 5000))})
	var seen struct {
		Text   string
		Target struct{ Features []string }
	}
	if err := json.Unmarshal(html, &seen); err != nil || !strings.HasPrefix(seen.Text, "<html>é") || len(seen.Text) > 2100 || len(seen.Target.Features) != 11 {
		t.Errorf("a body that is not JSON: %v, %+v", err, seen)
	}
}

// frame is the result of an event hook.
func frame(state, payload string) string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(state)))) + state + payload
}

func TestEventsCarryStateAndLines(t *testing.T) {
	// An echo: the result's state and payload are the input's.
	a := asm.Echo()
	a.Funcs[2].Export = hook.NormalizeEvent.String()
	for _, other := range []hook.Hook{hook.TransformRequest, hook.NormalizeResponse} {
		a.Funcs = append(a.Funcs, asm.Func{Export: other.String(), Params: "ii", Results: "I", Code: asm.Result(0, 0)})
	}
	d, err := NewProviderDialect(load(t, a.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	e := &ProviderEvents{dialect: d, stream: streamState{module: d.module, hook: hook.NormalizeEvent, state: []byte("state")}}
	if !d.module.Retain() {
		t.Fatal("retain")
	}
	defer e.Close()
	_, err = e.Next(context.Background(), "message", []byte(`{"a":1}`))
	if err == nil || !strings.Contains(err.Error(), "line 1") { // the event's name is not JSON
		t.Errorf("Next = %v, want the name refused as a line", err)
	}
	got, err := e.Next(context.Background(), `{"choices":[]}`, []byte("{\"choices\":[{}]}\n\n[DONE]"))
	if err != nil || !cmp.Equal(got, [][]byte{[]byte(`{"choices":[]}`), []byte(`{"choices":[{}]}`), []byte("[DONE]")}) || string(e.stream.state) != "state" {
		t.Errorf("Next = %q, %v, state %q", got, err, e.stream.state)
	}
}

func TestEventsHoldTheirModuleOpen(t *testing.T) {
	d := dialect(t, hook.NormalizeEvent, frame("s", ""))
	e, err := d.Events(context.Background(), hook.ProviderStream{Target: someTarget, RequestID: "r"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := d.module.Close(ctx); err == nil {
		t.Error("the module closed under an open stream")
	}
	if lines, err := e.End(context.Background()); err != nil || len(lines) != 0 || string(e.stream.state) != "s" {
		t.Errorf("End = %q, %v, state %q", lines, err, e.stream.state)
	}
	e.Close()
	e.Close()
	if err := d.module.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := d.Events(context.Background(), hook.ProviderStream{Target: someTarget}); !errors.Is(err, ErrClosed) {
		t.Errorf("Events of a closed module: %v", err)
	}
}

func TestEventsRefuseBadFrames(t *testing.T) {
	for want, answer := range map[string]string{
		"at least 4":   "abc",
		"5 bytes":      "\x05\x00\x00\x00abc",
		"65537 bytes":  frame(strings.Repeat("x", (64<<10)+1), ""),
		"before the":   frame("", `{"choices":[]}`),
		"line 1":       frame("", "nonsense"),
		"not valid JS": frame("", `{"a":1`),
	} {
		_, err := dialect(t, hook.NormalizeEvent, answer).Events(context.Background(), hook.ProviderStream{Target: someTarget})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", answer, err, want)
		}
	}
}
