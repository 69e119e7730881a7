package wire

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestStreamsAreMended has streams of which the official clients lose something or which
// they refuse. Each event's data is given, and what becomes of it; "" is unchanged.
func TestStreamsAreMended(t *testing.T) {
	const finish = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	for name, events := range map[string][][2]string{
		"a choice begins without a role": {
			{`{"choices":[{"index":0,"delta":{"content":"a"}}]}`, `{"choices":[{"delta":{"content":"a","role":"assistant"},"index":0}]}`},
			{`{"choices":[{"index":0,"delta":{"content":"b"}}]}`, ""},
			{`{"choices":[{"index":0,"delta":{"content":"c"}},{"index":1,"delta":{"role":"","content":"d"}}]}`,
				`{"choices":[{"delta":{"content":"c"},"index":0},{"delta":{"content":"d","role":"assistant"},"index":1}]}`},
			{`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"stop"}]}`, ""}},
		"chunks have ids of their own": {
			{`{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":"x"}}]}`, ""},
			{`{"id":"b","choices":[{"index":0,"delta":{"content":"y"}}]}`, `{"choices":[{"delta":{"content":"y"},"index":0}],"id":"a"}`},
			{`{"id":"","choices":[{"index":0,"delta":{"content":"z"}}]}`, ""},
			{`{"id":"a","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, ""}},
		"the last chunk is called otherwise": {
			{`{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"x"}}]}`, ""},
			{`{"object":"chat.completion.done","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
				`{"choices":[{"delta":{},"finish_reason":"stop","index":0}],"object":"chat.completion.chunk"}`}},
		"the usage comes with a choice that has finished": {
			{`{"choices":[{"index":0,"delta":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}`, ""},
			{`{"choices":[{"index":0,"delta":{"content":""},"finish_reason":null}],"usage":{"prompt_tokens":1}}`, `{"choices":[],"usage":{"prompt_tokens":1}}`}},
		"the usage comes with a choice that goes on": {
			{`{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":{"prompt_tokens":1}}`, ""},
			{`{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`, ""}},
		"citations have no index": {
			{`{"choices":[{"index":0,"delta":{"role":"assistant","content":"x","annotations":[{"type":"url_citation"},{"type":"url_citation"}]}}]}`,
				`{"choices":[{"delta":{"annotations":[{"index":0,"type":"url_citation"},{"index":1,"type":"url_citation"}],"content":"x","role":"assistant"},"index":0}]}`},
			{`{"choices":[{"index":0,"delta":{"annotations":[{"type":"url_citation"}]}}]}`, `{"choices":[{"delta":{"annotations":[{"index":2,"type":"url_citation"}]},"index":0}]}`},
			{finish, ""}},
		"the whole reply is repeated at the end": {
			{`{"choices":[{"index":0,"delta":{"role":"assistant","content":"x"}}]}`, ""},
			{`{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}`, `{"choices":[{"delta":{},"finish_reason":"stop","index":0}]}`}},
		"there are messages for deltas": {
			{`{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}`,
				`{"choices":[{"delta":{"content":"x","role":"assistant"},"finish_reason":"stop","index":0}]}`}},
		"a call's arguments are to come, and it stands in a message too": {
			{`{"choices":[{"index":0,"message":{"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":null}}]},"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f"}}]}}]}`, ""},
			{`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}`, ""},
			{finish, ""}},
		"calls have no type": {
			{`{"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}`,
				`{"choices":[{"delta":{"role":"assistant","tool_calls":[{"function":{"arguments":"{","name":"f"},"id":"a","index":0,"type":"function"}]},"index":0}]}`},
			{`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}`, ""},
			{`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"f"}}]}}]}`, ""},
			{finish, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var body, want strings.Builder
			for _, ev := range events {
				body.WriteString("data: " + ev[0] + "\n\n")
				if ev[1] == "" {
					ev[1] = ev[0]
				}
				want.WriteString("data: " + ev[1] + "\n\n")
			}
			shown, _, _, err := read(t, true, answer(200, "text/event-stream", body.String()+end))
			if err != nil || shown != want.String()+end {
				t.Errorf("shown\n%s\n%v, want\n%s", shown, err, want.String())
			}
		})
	}
}

// TestUsageStaysWithItsChoice leaves alone what a client gets that did not ask for usage.
func TestUsageStaysWithItsChoice(t *testing.T) {
	body := role + finish + `data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":null}],"usage":{"prompt_tokens":1}}` + "\n\n" + end
	if shown, _, _, err := read(t, false, answer(200, "text/event-stream", body)); err != nil || shown != body {
		t.Errorf("shown %q, %v; want %q", shown, err, body)
	}
}

// TestPlainCallsAreMended gives whole calls the type and the arguments that clients want.
func TestPlainCallsAreMended(t *testing.T) {
	const reply = `{"choices":[{"message":{"tool_calls":[CALL]},"finish_reason":"tool_calls"}]}`
	for call, want := range map[string]string{
		`{"id":"a","function":{"name":"f","arguments":"{}"},"index":0}`:                    `{"function":{"arguments":"{}","name":"f"},"id":"a","index":0,"type":"function"}`,
		`{"id":"a","type":"","function":{"name":"f","arguments":"{}"}}`:                    `{"function":{"arguments":"{}","name":"f"},"id":"a","type":"function"}`,
		`{"id":"a","type":"function","function":{"name":"f"}}`:                             `{"function":{"arguments":"{}","name":"f"},"id":"a","type":"function"}`,
		`{"id":"a","type":"function","function":{"name":"f","arguments":null}}`:            `{"function":{"arguments":"{}","name":"f"},"id":"a","type":"function"}`,
		`{ "id":"a","type":"function","function":{"name":"f","arguments":"{\"a\": 1.0}"}}`: "",
		`{ "id":"a","type":"function","function":{"name":"f","arguments":{"a":1}}}`:        "",
		`{ "id":"a","type":"custom","custom":{"name":"f","input":"x"}}`:                    "",
		`{ "id":"a","function":null}`:                                                      "", `{ "type":7}`: "", `7`: "", `null`: "",
	} {
		body := strings.Replace(reply, "CALL", call, 1)
		wanted := `{"choices":[{"finish_reason":"tool_calls","message":{"tool_calls":[` + want + `]}}]}`
		if want == "" {
			wanted = body
		}
		s, err := dialects().Read(t.Context(), exchange(&llm.Request{}), answer(200, "application/json", body))
		if err != nil {
			t.Errorf("%s: %v", call, err)
			continue
		}
		if ev, err := s.Next(); err != nil || string(ev.Frame) != wanted {
			t.Errorf("%s came as\n%s\n%v, want\n%s", call, ev.Frame, err, wanted)
		}
	}
}

// TestUsageIsMoved puts usage where clients of other dialects look for it, and leaves that
// of streams to OpenAI's, who get the chunks as they come.
func TestUsageIsMoved(t *testing.T) {
	for body, want := range map[string]string{
		`{"choices":[{"index":0,"delta":{"role":"assistant"},"usage":{"prompt_tokens":1}}]}`:                                        `{"choices":[{"delta":{"role":"assistant"},"index":0,"usage":{"prompt_tokens":1}}],"usage":{"prompt_tokens":1}}`,
		`{"choices":[{"index":0,"delta":{"role":"assistant"}}],"x_groq":{"usage":{"prompt_tokens":1}}}`:                             `{"choices":[{"delta":{"role":"assistant"},"index":0}],"usage":{"prompt_tokens":1},"x_groq":{"usage":{"prompt_tokens":1}}}`,
		`{"choices":[{"index":0,"delta":{"role":"assistant"}}],"usage":{"prompt_tokens":2},"x_groq":{"usage":{"prompt_tokens":1}}}`: "",
	} {
		for _, client := range []llm.Dialect{llm.OpenAI, llm.Anthropic, llm.Responses} {
			w := newChunkReader(dialects(), exchange(&llm.Request{Dialect: client}), &llm.Answer{})
			wanted := want
			if client == llm.OpenAI || want == "" {
				wanted = body
			}
			if ev, err := w.take(nil, []byte(body), []byte(body)); err != nil || string(ev.Data) != wanted {
				t.Errorf("to %s: %s, %v; want %s", client, ev.Data, err, wanted)
			}
		}
	}
}
