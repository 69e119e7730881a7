package wire

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// same compares two JSON texts by their meaning.
func same(t *testing.T, what, want string, got []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(want), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &b); err != nil {
		t.Fatalf("%s is not JSON: %v: %s", what, err, got)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func sseOf(chunks ...string) string {
	var b strings.Builder
	for _, c := range chunks {
		b.WriteString("data: " + c + "\n\n")
	}
	return b.String() + end
}

// TestStreamForAPlainRequest joins streams into completions.
func TestStreamForAPlainRequest(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"text, reasoning and usage": {sseOf(
			`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`,
			`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"x","choices":[{"index":0,"delta":{"reasoning_content":"h"},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"reasoning_content":"m"},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"content":"Hel"},"logprobs":{"content":[{"token":"Hel"}]},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"content":"lo <b>"},"logprobs":{"content":[{"token":"lo"}]},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
			`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}`),
			`{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hello <b>","refusal":null,"reasoning_content":"hm"},
				"logprobs":{"content":[{"token":"Hel"},{"token":"lo"}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4}}`},
		"two choices and two calls": {sseOf(
			`{"id":"c1","choices":[{"index":1,"delta":{"role":"assistant","refusal":"n"},"finish_reason":null}]}`,
			`{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}},{"index":1,"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`,
			`{"choices":[{"index":1,"delta":{"refusal":"o"},"finish_reason":"stop"}]}`),
			`{"id":"c1","object":"chat.completion","choices":[
				{"index":1,"message":{"role":"assistant","content":null,"refusal":"no"},"logprobs":null,"finish_reason":"stop"},
				{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}]}`},
		"audio, whose pieces are padded": {sseOf(
			`{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","audio":{"id":"a1","transcript":"h"}},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"audio":{"data":"YQ=="}},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"audio":{"data":"Yg==","transcript":"i","expires_at":5}},"finish_reason":"stop"}]}`),
			`{"id":"c1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"audio":{"id":"a1","transcript":"hi","data":"YWI=","expires_at":5}},"logprobs":null,"finish_reason":"stop"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := dialects().Read(t.Context(), exchange(&llm.Request{Facts: llm.Facts{Choices: 1}}), answer(200, "text/event-stream", tt.in))
			if err != nil {
				t.Fatal(err)
			}
			ev, err := s.Next()
			if err != nil || !ev.Final {
				t.Fatalf("Next = %+v, %v; want one whole event", ev, err)
			}
			same(t, "completion", tt.want, ev.Frame)
			if !s.Info().Whole || !s.Info().Content {
				t.Errorf("info = %+v", s.Info())
			}
		})
	}
	_, err := dialects().Read(t.Context(), exchange(&llm.Request{}), answer(200, "text/event-stream", role+hello+end))
	if faultOf(err) != llm.FaultCut {
		t.Errorf("a stream that was cut: %v, want %s", err, llm.FaultCut)
	}
}

// TestPlainReplyForAStream splits completions into chunks; what a client puts together
// of those is the completion.
func TestPlainReplyForAStream(t *testing.T) {
	const completion = `{"id":"c1","object":"chat.completion","created":1,"model":"x","service_tier":"default","choices":[
		{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null,"reasoning_content":"hm"},"logprobs":{"content":[{"token":"Hello"}]},"finish_reason":"stop"},
		{"index":1,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],
		"usage":{"prompt_tokens":9,"completion_tokens":4}}`
	for _, include := range []bool{true, false} {
		shown, _, info, err := read(t, include, answer(200, "application/json", completion))
		if err != nil || info.Usage == nil || info.Usage.Output != 4 {
			t.Fatalf("read = %v with %+v", err, info)
		}
		if usage := strings.Contains(shown, `"usage"`); usage != include {
			t.Errorf("usage shown: %t, want %t", usage, include)
		}
		if n := strings.Count(shown, `"finish_reason":null`); n != 2 || !strings.HasSuffix(shown, end) || !strings.Contains(shown, `"index":0,"type":"function"`) && !strings.Contains(shown, `"index":0}`) {
			t.Errorf("stream = %s", shown)
		}
		s, err := dialects().Read(t.Context(), exchange(&llm.Request{}), answer(200, "text/event-stream", shown))
		if err != nil {
			t.Fatal(err)
		}
		ev, _ := s.Next()
		want := completion
		if !include {
			want = strings.Replace(want, `,
		"usage":{"prompt_tokens":9,"completion_tokens":4}`, "", 1)
		}
		same(t, "what the chunks add up to", want, ev.Frame)
	}
}

// TestUnlabelledStream has servers that do not say what they send.
func TestUnlabelledStream(t *testing.T) {
	for _, kind := range []string{"", "text/plain", "application/octet-stream", "application/json", "application/x-ndjson"} {
		for _, body := range []string{role + hello + finish + end, ": x\n\n" + hello + finish + end, "\ufeff" + hello + finish + end} {
			if shown, _, _, err := read(t, false, answer(200, kind, body)); err != nil || shown != body {
				t.Errorf("%q: %q, %v; want the stream", kind, shown, err)
			}
		}
		if shown, _, _, err := read(t, false, answer(200, kind, `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`)); err != nil || !strings.HasSuffix(shown, end) {
			t.Errorf("%q: %q, %v; want the completion split", kind, shown, err)
		}
		for _, body := range []string{"", "d", "<html>"} {
			if _, _, _, err := read(t, false, answer(200, kind, body)); faultOf(err) != llm.FaultMalformed {
				t.Errorf("%q with %q: %v, want malformed", kind, body, err)
			}
		}
	}
}

// TestByteOrderMarkBeforeAnObject has servers that begin JSON with one, which clients
// need not take.
func TestByteOrderMarkBeforeAnObject(t *testing.T) {
	for _, kind := range []string{"application/json", "text/event-stream"} {
		shown, _, _, err := read(t, false, answer(200, kind, "\ufeff"+`{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`))
		if err != nil || !strings.HasPrefix(shown, "data: {") || !strings.HasSuffix(shown, end) {
			t.Errorf("%s: %q, %v", kind, shown, err)
		}
		if _, _, _, err := read(t, false, answer(429, kind, "\ufeff"+`{"error":{"message":"slow down"}}`)); !bytes.HasPrefix(llm.AsError(err).Body, []byte("{")) {
			t.Errorf("%s: an error: %v", kind, err)
		}
	}
}

// TestObjectLabelledAsStream has servers that send one object as a stream.
func TestObjectLabelledAsStream(t *testing.T) {
	if _, _, _, err := read(t, false, answer(200, "text/event-stream", `{"error":{"message":"no"}}`)); faultOf(err) != llm.FaultServer {
		t.Errorf("an error: %v, want it read", err)
	}
	shown, _, _, err := read(t, false, answer(200, "text/event-stream", `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`))
	if err != nil || !strings.Contains(shown, `"content":"hi"`) || !strings.HasSuffix(shown, end) {
		t.Errorf("a completion: %q, %v; want it split", shown, err)
	}
}

// TestDeviations mends what the official clients can't put together.
func TestDeviations(t *testing.T) {
	call := func(id, name, arguments string) string {
		return `{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"id":"` + id + `","type":"function","function":{"name":"` + name + `","arguments":"` + arguments + `"}}]},"finish_reason":null}]}`
	}
	for _, tt := range []struct{ name, in, want string }{
		{"calls without index, by id", sseOf(call("a", "f", ""), call("b", "g", "{}"), call("a", "", "{}"), `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`),
			`[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]`},
		{"calls without index or id", sseOf(call("", "f", "{}"), call("", "f", "{"), call("", "", "}"), `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`),
			`[{"id":"call_req_7_0","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_req_7_1","type":"function","function":{"name":"f","arguments":"{}"}}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := &llm.Request{ID: "req_7"}
			s, err := dialects().Read(t.Context(), exchange(req), answer(200, "text/event-stream", tt.in))
			if err != nil {
				t.Fatal(err)
			}
			ev, _ := s.Next()
			var got struct {
				Choices []struct {
					Message struct {
						Calls json.RawMessage `json:"tool_calls"`
					}
				}
			}
			if err := json.Unmarshal(ev.Frame, &got); err != nil {
				t.Fatal(err)
			}
			same(t, "calls", tt.want, got.Choices[0].Message.Calls)
		})
	}
	t.Run("Mistral's content", func(t *testing.T) {
		in := sseOf(`{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]}]},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"Hello"}]},"finish_reason":null}]}`, `{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]}`)
		shown, _, info, err := read(t, false, answer(200, "text/event-stream", in))
		if err != nil || !strings.Contains(shown, `"reasoning_content":"h"`) || !strings.Contains(shown, `"content":"Hello"`) || strings.Contains(shown, "[{\"type\"") {
			t.Errorf("stream = %s, %v", shown, err)
		}
		if !info.Content {
			t.Errorf("info = %+v", info)
		}
		s, err := dialects().Read(t.Context(), exchange(&llm.Request{}), answer(200, "application/json",
			`{"choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]},{"type":"text","text":"Hello"}]},"finish_reason":"stop"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		ev, _ := s.Next()
		same(t, "completion", `{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello","reasoning_content":"h"},"finish_reason":"stop"}]}`, ev.Frame)
	})
}

// TestRepeatedMessages counts what Perplexity says once, though every chunk repeats all
// of it.
func TestRepeatedMessages(t *testing.T) {
	var in strings.Builder
	all := ""
	for range 100 {
		all += "ten bytes."
		in.WriteString(`data: {"choices":[{"index":0,"message":{"role":"assistant","content":"` + all + `"},"delta":{"content":"ten bytes."},"finish_reason":null}]}` + "\n\n")
	}
	in.WriteString(`data: {"object":"chat.completion.done","choices":[{"index":0,"message":{"role":"assistant","content":"` + all + `"},"delta":{"content":""},"finish_reason":"stop"}]}` + "\n\n")
	_, _, info, err := read(t, false, answer(200, "text/event-stream", in.String()))
	if err != nil || info.TextBytes != 1000 {
		t.Errorf("%d bytes of text, %v; want 1000", info.TextBytes, err)
	}
}

// TestMore wants an event to wait for the next only if that is there whole.
func TestMore(t *testing.T) {
	for name, tt := range map[string]struct {
		at   string
		want bool
	}{
		"nothing": {"", false}, "half a frame": {hello[:40], false}, "a whole frame": {hello, true}, "a comment": {": x\n\n", true},
	} {
		a := answer(200, "text/event-stream", "")
		a.Body = io.NopCloser(io.MultiReader(strings.NewReader(role+tt.at), waiting{}))
		s, err := dialects().Read(t.Context(), exchange(&llm.Request{Facts: llm.Facts{Stream: true}}), a)
		if err != nil {
			t.Fatal(err)
		}
		if ev, err := s.Next(); err != nil || ev.More != tt.want || !bytes.Equal(ev.Frame, []byte(role)) {
			t.Errorf("%s at hand: More = %t, %v; want %t", name, ev.More, err, tt.want)
		}
		s.Close()
	}
}

// waiting is a source that nothing comes from.
type waiting struct{}

func (waiting) Read([]byte) (int, error) { panic("the reader waits") }
