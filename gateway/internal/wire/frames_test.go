package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

var openAI = &llm.Target{ID: "p/m", Provider: "p", Model: "m", Dialect: llm.OpenAI}

func dialects() *Dialects { return &Dialects{} }

func answer(status int, contentType, body string) *llm.Answer {
	return &llm.Answer{Status: status, Header: http.Header{"Content-Type": {contentType}},
		Body: io.NopCloser(iotest.OneByteReader(strings.NewReader(body)))}
}

// exchange is a request on its way to OpenAI over a route without transforms.
func exchange(req *llm.Request) *llm.Exchange {
	return &llm.Exchange{Request: req, Sent: req, Route: &llm.Route{}, Target: openAI}
}

// read takes a stream to its end and returns what the client would see.
func read(t *testing.T, include bool, a *llm.Answer) (shown, hidden string, info llm.ReplyInfo, err error) {
	t.Helper()
	req := &llm.Request{Facts: llm.Facts{Stream: true, IncludeUsage: include}}
	s, err := dialects().Read(t.Context(), exchange(req), a)
	if err != nil {
		return "", "", info, err
	}
	defer s.Close()
	final := false
	for {
		ev, err := s.Next()
		switch {
		case err == io.EOF && !final:
			t.Error("io.EOF without a final event")
			return shown, hidden, s.Info(), nil
		case err == io.EOF:
			return shown, hidden, s.Info(), nil
		case err != nil:
			return shown, hidden, s.Info(), err
		case ev.Hidden:
			hidden += string(ev.Frame)
		default:
			shown += string(ev.Frame)
		}
		final = ev.Final
	}
}

const (
	role   = `data: {"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	hello  = `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"he said \"finish_reason\":\"stop\""},"finish_reason":null}],"usage":null}` + "\n\n"
	finish = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	usage  = `data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":5}}}` + "\n\n"
	end    = "data: [DONE]\n\n"

	second    = `data: {"choices":[{"index":1,"delta":{"role":"assistant","content":"two"},"finish_reason":null}]}` + "\n\n"
	noReason  = `data: {"choices":[{"index":0,"delta":{"content":"4","role":"assistant"}}]}` + "\n\n"
	nullUsage = `data: {"choices":null,"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":5}}}` + "\n\n"
	filtered0 = `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}` + "\n\n"
)

func TestFrames(t *testing.T) {
	counted := &llm.Usage{Input: 9, CacheRead: 5, Output: 4}
	tests := []struct {
		name, body    string
		include       bool
		shown, hidden string
		usage         *llm.Usage
		fault         llm.Fault
	}{
		{name: "usage that was not asked for is taken out", body: role + hello + finish + usage + end,
			shown: role + hello + finish + end, hidden: usage, usage: counted},
		{name: "usage that was asked for stays", body: role + hello + finish + usage + end, include: true,
			shown: role + hello + finish + usage + end, usage: counted},
		{name: "comments pass", body: ": hi\n\n" + role + finish + end, shown: ": hi\n\n" + role + finish + end},
		{name: "CRLF passes byte for byte", body: strings.ReplaceAll(role+finish+end, "\n", "\r\n"),
			shown: strings.ReplaceAll(role+finish+end, "\n", "\r\n")},
		{name: "no terminator after a finish: one is supplied", body: role + hello + finish, shown: role + hello + finish + end},
		{name: "half a terminator", body: role + finish + "data: [DONE]", shown: role + finish + end},
		{name: "no finish: cut", body: role + hello, shown: role + hello, fault: llm.FaultCut},
		{name: "cut inside an event", body: role + hello[:30], shown: role, fault: llm.FaultCut},
		{name: "nothing at all", body: "", fault: llm.FaultMalformed},
		{name: "a terminator alone", body: end, fault: llm.FaultMalformed},
		{name: "a greeting and a terminator", body: role + end, shown: role, fault: llm.FaultMalformed},
		{name: "content and a terminator, but no finish", body: role + hello + end, shown: role + hello, fault: llm.FaultCut},
		{name: "no finish, as from those that never give one", body: noReason + usage + end, shown: noReason + end, hidden: usage, usage: counted},
		{name: "one of two choices never finishes", body: role + hello + second + finish + end, shown: role + hello + second + finish, fault: llm.FaultCut},
		{name: "one of two choices never finishes, nor the stream", body: role + hello + second + finish, shown: role + hello + second + finish, fault: llm.FaultCut},
		{name: "the last frame without its blank line", body: role + hello + finish + strings.TrimSuffix(usage, "\n\n"), include: true,
			shown: role + hello + finish + usage + end, usage: counted},
		{name: "a finish without its blank line", body: role + hello + strings.TrimSuffix(finish, "\n"), shown: role + hello + finish + end},
		{name: "half a frame after the finish", body: role + hello + finish + usage[:40], shown: role + hello + finish, fault: llm.FaultCut},
		{name: "null between chunks", body: role + "data: null\n\n" + hello + finish + end, shown: role + hello + finish + end, hidden: "data: null\n\n"},
		{name: "data that is empty", body: role + "data:\n\n" + finish + end, shown: role + finish + end, hidden: "data:\n\n"},
		{name: "a ping by name", body: "event: ping\ndata: {}\n\n" + hello + finish + end, shown: hello + finish + end, hidden: "event: ping\ndata: {}\n\n"},
		{name: "a number", body: role + "data: 42\n\n" + finish + end, shown: role, fault: llm.FaultMalformed},
		{name: "a string", body: role + "data: \"x\"\n\n" + finish + end, shown: role, fault: llm.FaultMalformed},
		{name: "an array", body: role + "data: []\n\n" + finish + end, shown: role, fault: llm.FaultMalformed},
		{name: "vLLM's error", body: hello + `data: {"object":"error","message":"maximum context length","type":"BadRequestError","code":400}` + "\n\n" + end, shown: hello, fault: llm.FaultContextLength},
		{name: "an error that is a text", body: hello + `data: {"error":"overloaded"}` + "\n\n" + end, shown: hello, fault: llm.FaultServer},
		{name: "FastAPI's error", body: hello + `data: {"detail":[{"msg":"no"}]}` + "\n\n" + end, shown: hello, fault: llm.FaultServer},
		{name: "an error without a name", body: hello + `data: {"message":"no","code":400}` + "\n\n" + end, shown: hello, fault: llm.FaultBadRequest},
		{name: "Gemini's list with an error", body: hello + `data: [{"error":{"code":429,"message":"no"}}]` + "\n\n" + end, shown: hello, fault: llm.FaultRateLimited},
		{name: "MiniMax's error beside no choices", body: hello + `data: {"choices":null,"base_resp":{"status_code":1008,"status_msg":"no"}}` + "\n\n" + end, shown: hello, fault: llm.FaultServer},
		{name: "MiniMax's good status", body: hello + `data: {"choices":null,"base_resp":{"status_code":0,"status_msg":""}}` + "\n\n" + finish + end,
			shown: hello + finish + end, hidden: `data: {"choices":null,"base_resp":{"status_code":0,"status_msg":""}}` + "\n\n"},
		{name: "OpenRouter's error in a choice", body: hello + `data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":null,"error":{"message":"no","code":502}}]}` + "\n\n" + end, shown: hello, fault: llm.FaultServer},
		{name: "an error as finish reason", body: hello + strings.Replace(finish, "stop", "error", 1) + end, shown: hello, fault: llm.FaultServer},
		{name: "usage with choices null, not asked for", body: role + hello + finish + nullUsage + end, shown: role + hello + finish + end, hidden: nullUsage, usage: counted},
		{name: "usage with choices null, asked for", body: role + hello + finish + nullUsage + end, include: true,
			shown: role + hello + finish + `data: {"choices":[],"usage":{"completion_tokens":4,"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":5}}}` + "\n\n" + end, usage: counted},
		{name: "Azure's filter results without choices", body: filtered0 + role + hello + finish + end, shown: role + hello + finish + end, hidden: filtered0},
		{name: "Azure's filter results without a delta", body: hello + `data: {"choices":[{"index":0,"finish_reason":null,"content_filter_results":{}}]}` + "\n\n" + finish + end,
			shown: hello + `data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":null,"index":0}]}` + "\n\n" + finish + end},
		{name: "a broken event", body: role + "data: {oops\n\n" + finish + end, shown: role, fault: llm.FaultMalformed},
		{name: "an error inside the stream", body: role + `data: {"error":{"message":"overloaded"}}` + "\n\n", shown: role, fault: llm.FaultServer},
		{name: "an error by name", body: role + "event: error\ndata: {\"message\":\"x\"}\n\n", shown: role, fault: llm.FaultServer},
		{name: "an error by name alone", body: role + hello + "event: error\n\n" + finish + end, shown: role + hello, fault: llm.FaultServer},
		{name: "error null is none", body: `data: {"error":null,"choices":[{"delta":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}` + "\n\n" + end,
			shown: `data: {"error":null,"choices":[{"delta":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}` + "\n\n" + end},
		{name: "Groq's usage", body: role + `data: {"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":5}}}}` + "\n\n" + end,
			shown: role + `data: {"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":5}}}}` + "\n\n" + end, usage: counted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shown, hidden, info, err := read(t, tt.include, answer(200, "text/event-stream; charset=utf-8", tt.body))
			if shown != tt.shown || hidden != tt.hidden {
				t.Errorf("shown %q\nhidden %q\nwant %q\nand %q", shown, hidden, tt.shown, tt.hidden)
			}
			if fault := faultOf(err); fault != tt.fault {
				t.Errorf("error %v (fault %q), want fault %q", err, fault, tt.fault)
			}
			if diff := cmp.Diff(tt.usage, info.Usage); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
		})
	}
}

func faultOf(err error) llm.Fault {
	var e *llm.Error
	if errors.As(err, &e) {
		return e.Fault
	}
	return llm.FaultNone
}

// TestContent holds back greetings: only what a reader would miss counts.
func TestContent(t *testing.T) {
	tests := map[string]bool{
		`{"choices":[]}`: false,
		`{"choices":[{"delta":{"role":"assistant","content":"","refusal":null}}]}`:     false,
		`{"choices":[{"delta":{"content":"x"}}]}`:                                      true,
		`{"choices":[{"delta":{"reasoning":"hm"}}]}`:                                   true,
		`{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}`:                         false,
		`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]}`: true,
		`{"choices":[{"delta":{"content":[{"type":"text","text":""}]}}]}`:              false,
		`{"choices":[{"delta":{"images":[{"image_url":{"url":"data:x"}}]}}]}`:          true,
		`{"choices":[{"delta":{"audio":{"id":"a","transcript":"hi"}}}]}`:               true,
		`{"choices":[{"delta":{"audio":{"id":"a","data":"","expires_at":0}}}]}`:        false,
		`{"choices":[{"delta":{"refusal":"no"}}]}`:                                     true,
		`{"choices":[{"delta":{"tool_calls":[]}}]}`:                                    false,
		`{"choices":[{"delta":{}},{"delta":{"content":"second"}}]}`:                    true,
		`{"choices":[{"delta":{},"finish_reason":"length"}]}`:                          false,
	}
	for data, want := range tests {
		if c, ok := readChunk([]byte(data)); !ok || c.delta.content != want {
			t.Errorf("readChunk(%s) has content %t, sound %t; want %t", data, c.delta.content, ok, want)
		}
	}
}

func TestPlain(t *testing.T) {
	const ok = `{"model":"m-1","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":105,"completion_tokens_details":{"reasoning_tokens":100}}}`
	tests := []struct {
		name   string
		answer *llm.Answer
		fault  llm.Fault
	}{
		{"a completion", answer(200, "application/json", ok), llm.FaultNone},
		{"a completion with a wrong label", answer(200, "text/plain", ok), llm.FaultNone},
		{"an error with status 200", answer(200, "application/json", `{"error":{"message":"no"}}`), llm.FaultServer},
		{"an error", answer(503, "application/json", `{"error":{"message":"no"}}`), llm.FaultServer},
		{"a page", answer(200, "text/html", "<html>sorry</html>"), llm.FaultMalformed},
		{"nothing", answer(200, "application/json", ""), llm.FaultMalformed},
		{"an error in another shape with status 200", answer(200, "application/json", `{"object":"error","message":"no","code":400}`), llm.FaultBadRequest},
		{"a detail with status 200", answer(200, "application/json", `{"detail":"no"}`), llm.FaultServer},
		{"an error in a choice", answer(200, "application/json", `{"choices":[{"message":{"content":""},"error":{"message":"no"}}]}`), llm.FaultServer},
		{"no choices", answer(200, "application/json", `{"choices":[]}`), llm.FaultMalformed},
		{"a choice without anything", answer(200, "application/json", `{"choices":[{"message":{"role":"assistant","content":""},"finish_reason":null}]}`), llm.FaultMalformed},
		{"a choice that has not finished", answer(200, "application/json", `{"choices":[{"message":{"content":"hi"},"finish_reason":null}]}`), llm.FaultCut},
		{"another object", answer(200, "application/json", `{"ok":true}`), llm.FaultMalformed},
		{"half of it", answer(200, "application/json", ok[:50]), llm.FaultMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := dialects().Read(t.Context(), exchange(&llm.Request{}), tt.answer)
			if fault := faultOf(err); fault != tt.fault {
				t.Fatalf("Read = %v (fault %q), want fault %q", err, fault, tt.fault)
			}
			if err != nil {
				return
			}
			ev, err := s.Next()
			if err != nil || string(ev.Frame) != ok || !ev.Final {
				t.Errorf("Next = %+v, %v; want the whole body", ev, err)
			}
			// xAI leaves reasoning out of completion_tokens.
			want := llm.ReplyInfo{Usage: &llm.Usage{Input: 3, Output: 102, Reasoning: 100}, TextBytes: 2, Pieces: 1, Finish: "stop", Model: "m-1", Content: true, Whole: true}
			if diff := cmp.Diff(want, s.Info()); diff != "" {
				t.Errorf("info (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReplyBound(t *testing.T) {
	d := dialects()
	d.MaxReply = 100
	_, err := d.Read(t.Context(), exchange(&llm.Request{}), answer(200, "application/json", `{"x":"`+strings.Repeat("y", 200)+`"}`))
	if !errors.Is(err, errTooLarge) || faultOf(err) != llm.FaultTooLarge {
		t.Errorf("Read = %v, want %v", err, errTooLarge)
	}
}

func TestFramingOf(t *testing.T) {
	for _, tt := range []struct {
		kind, body string
		asked      bool
		want       framing.Kind
		stream     bool
	}{
		{"text/event-stream", "x", false, framing.SSE, true},
		{"Text/Event-Stream; Charset=UTF-8", "", false, framing.SSE, true},
		{" TEXT/EVENT-STREAM ;x=y", "data: 1", false, framing.SSE, true},
		{"text/event-stream", `{"error":1}`, true, framing.SSE, false},
		{"text/event-streams", "{}", true, framing.Array, false},
		{"application/json", "data: {}", false, framing.SSE, true},
		{"", ": hello", false, framing.SSE, true},
		{"application/x-ndjson", "{}", true, framing.Lines, true},
		{"application/json", "[{}]", true, framing.Array, true},
		{"application/json", "[{}]", false, framing.Array, false},
		{"application/json", "{}", true, framing.Array, false},
	} {
		got, stream := framingOf(&llm.Answer{Header: http.Header{"Content-Type": {tt.kind}}, Body: io.NopCloser(strings.NewReader(tt.body))}, tt.asked)
		if stream != tt.stream || stream && got != tt.want {
			t.Errorf("framingOf(%q, %q) = %d, %t, want %d, %t", tt.kind, tt.body, got, stream, tt.want, tt.stream)
		}
	}
}

// TestPlainRepliesAreCounted holds that a long plain reply is counted while it is read,
// and that one for which there is no room ends the request: it is not tried elsewhere,
// because it has been paid for.
func TestPlainRepliesAreCounted(t *testing.T) {
	long := `{"choices":[{"message":{"content":"` + strings.Repeat("y", 1<<20) + `"}}]}`
	var counted int64
	req := &llm.Request{Hold: func(n int64) error { counted += n; return nil }}
	if _, err := dialects().Read(t.Context(), exchange(req), answer(200, "application/json", long)); err != nil || counted < 1<<20 {
		t.Errorf("Read = %v with %d bytes counted", err, counted)
	}
	full := &llm.Error{Status: 503, Message: "full"}
	req.Hold = func(int64) error { return full }
	_, err := dialects().Read(t.Context(), exchange(req), answer(200, "application/json", long))
	if e := llm.AsError(err); e != full || e.Fault.Retryable() || e.Fault.Replaceable() {
		t.Errorf("Read = %v, want %v", err, full)
	}
}

// TestEventBound wants an event as large as a reply may be, and the reason said beyond.
func TestEventBound(t *testing.T) {
	image := func(n int) string {
		return `data: {"choices":[{"index":0,"delta":{"role":"assistant","images":["` + strings.Repeat("A", n) + `"]},"finish_reason":null}]}` + "\n\n"
	}
	stream := func(d *Dialects, n int) error {
		a := answer(200, "text/event-stream", "")
		a.Body = io.NopCloser(strings.NewReader(image(n) + finish + end))
		s, err := d.Read(t.Context(), exchange(&llm.Request{Facts: llm.Facts{Stream: true}}), a)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ev, err := s.Next()
		if err == nil && string(ev.Frame) != image(n) {
			t.Errorf("the event came with %d bytes, want %d", len(ev.Frame), len(image(n)))
		}
		return err
	}
	d := dialects()
	if err := stream(d, 1_100_000); err != nil {
		t.Errorf("1.1 MB: %v", err)
	}
	d.MaxReply = 1 << 20
	if err := stream(d, 1_100_000); faultOf(err) != llm.FaultTooLarge || !strings.Contains(err.Error(), "1048576 bytes (server.max_reply)") {
		t.Errorf("beyond the bound: %v, want the bound and its setting", err)
	}
}

// FuzzFrames reads any stream, for a streamed and for a plain request: it never panics,
// what it shows is JSON, and what it calls whole has a finish reason or a count.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{role + hello + finish + usage + end, role + hello + second + finish, nullUsage + filtered0, noReason + usage + end,
		"data: null\n\ndata: 1\n\n", `data: {"choices":[{"index":999,"delta":{"tool_calls":[{"id":"a"},{"function":{"name":"f"}}],"content":[{"type":"text","text":"x"}]}}]}` + "\n\n",
		"event: ping\ndata: x\n\n" + finish, `data: {"choices":[{"finish_reason":"stop","logprobs":{"content":[1]},"delta":{"audio":{"data":"YQ=="},"content":"x"}}]}` + "\n\n"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, streamed bool) {
		a := answer(200, "text/event-stream", "")
		a.Body = io.NopCloser(bytes.NewReader(body))
		s, err := dialects().Read(t.Context(), exchange(&llm.Request{Facts: llm.Facts{Stream: streamed, Choices: 1}}), a)
		if err != nil {
			return
		}
		defer s.Close()
		for {
			ev, err := s.Next()
			if err != nil {
				return
			}
			if len(ev.Data) > 0 && !ev.Hidden && !isJSON(ev.Data) {
				t.Fatalf("shown: %q", ev.Data)
			}
			if info := s.Info(); ev.Final && info.Finish == "" && info.Usage == nil && streamed {
				t.Fatalf("%q is called whole", body)
			}
		}
	})
}

// quoting answers every event with an error that quotes it.
type quoting struct{ eventReader }

func (quoting) take(_, data, _ []byte) (llm.Event, error) {
	return llm.Event{}, &llm.Error{Code: llm.CodeUpstream, Body: data}
}

// An error in a stream stays as it is when another stream gets the buffer it was in.
func TestErrorsOutliveTheirStream(t *testing.T) {
	f := newFrames(dialects(), answer(200, "text/event-stream", "data: mine\n\n"), quoting{})
	_, err := f.Next()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		other := framing.NewReader(strings.NewReader("data: somebody else's\n\n"), 0)
		if _, err := other.Next(); err != nil {
			t.Fatal(err)
		}
		other.Release()
	}
	if got := string(llm.AsError(err).Body); got != "mine" {
		t.Errorf("the error says %q, want that of its own stream", got)
	}
}
