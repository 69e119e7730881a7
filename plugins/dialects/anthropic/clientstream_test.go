package anthropic_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// chunk is a chunk with one delta.
func chunk(json string) string {
	return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + json + `,"finish_reason":null}]}`
}

func lastChunk(reason string) string {
	return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"` + reason + `"}]}`
}

// streamedMessage renders chunks and reads the message that they become.
func streamedMessage(t *testing.T, chunks ...string) message {
	t.Helper()
	m, failed := dialecttest.ReadMessageStream(t, host.RenderStream(t, append(chunks, "[DONE]")))
	if failed != "" {
		t.Fatalf("the stream fails with %s", failed)
	}
	return m
}

// TestInterleavedCalls sends the pieces of calls in random order, as far as those of one call
// and the beginnings of calls have an order.
func TestInterleavedCalls(t *testing.T) {
	arguments := []string{`{"a":"\\\"}{[","b":[1,{"c":"\u007b"}]}`, `{}`, ` {"x":"` + strings.Repeat("y", 300) + `"} `, `{"q":{"r":"]"}}`}
	want := message{ID: "msg_req_1", Model: "m", Stop: "tool_use"}
	for i, a := range arguments {
		want.Blocks = append(want.Blocks, block{Type: "tool_use", ID: fmt.Sprint("id", i), Name: fmt.Sprint("f", i), Input: dialecttest.Compact(t, a)})
	}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		var chunks []string
		var left []string // of each call that has begun, what is to come of its arguments
		for len(left) < len(arguments) || strings.Join(left, "") != "" {
			i := r.IntN(len(left) + 1)
			if i == len(left) {
				if i < len(arguments) {
					chunks = append(chunks, chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"id%d","type":"function","function":{"name":"f%d","arguments":""}}]}`, i, i, i)))
					left = append(left, arguments[i])
				}
				continue
			}
			n := min(1+r.IntN(9), len(left[i]))
			piece, _ := json.Marshal(left[i][:n])
			chunks = append(chunks, chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, i, piece)))
			left[i] = left[i][n:]
		}
		if diff := cmp.Diff(want, streamedMessage(t, append(chunks, lastChunk("tool_calls"))...)); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s\n%s", seed, diff, strings.Join(chunks, "\n"))
		}
	}
}

// TestTooMuchInterleaved gives up the order of blocks when there is no room for what would
// have to wait, and loses nothing.
func TestTooMuchInterleaved(t *testing.T) {
	chunks := []string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":\""}},{"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\":\""}}]}`)}
	for range 50 {
		chunks = append(chunks, chunk(`{"tool_calls":[{"index":1,"function":{"arguments":"`+strings.Repeat("y", 1000)+`"}}]}`))
	}
	chunks = append(chunks, chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"\"}"}},{"index":1,"function":{"arguments":"\"}"}}]}`), lastChunk("tool_calls"), "[DONE]")
	got := map[int]string{}
	for _, e := range dialecttest.ParseSSE(host.RenderStream(t, chunks)) {
		var d struct {
			Index int
			Delta struct {
				Partial string `json:"partial_json"`
			}
		}
		if err := json.Unmarshal([]byte(e.Data), &d); err != nil {
			t.Fatal(err)
		}
		got[d.Index] += d.Delta.Partial
	}
	if got[0] != `{"x":""}` || got[1] != `{"y":"`+strings.Repeat("y", 50_000)+`"}` {
		t.Errorf("the arguments are %.100s and %.100s", got[0], got[1])
	}
}

// clientStreams are chunks and the messages that they become.
var clientStreams = map[string]struct {
	chunks []string
	want   message
}{
	"reasoning, text and a call": {
		[]string{chunk(`{"role":"assistant","content":"","reasoning_content":"hm"}`), chunk(`{"reasoning_content":"m"}`), chunk(`{"content":"I "}`), chunk(`{"content":"look."}`),
			chunk(`{"tool_calls":[{"index":0,"id":"functions.f:0","type":"function","function":{"name":"f","arguments":"{}"}}]}`), lastChunk("stop"),
			`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":3}}}`},
		message{ID: "msg_req_1", Model: "m", Stop: "tool_use", Blocks: []block{{Type: "thinking", Thinking: "hmm"}, {Type: "text", Text: "I look."},
			{Type: "tool_use", ID: "functions_f_0", Name: "f", Input: "{}"}}, Usage: messageUsage(7, 2, 5, 3)}},
	"Claude's thoughts": {
		[]string{chunk(`{"role":"assistant","reasoning_content":"a","thinking_blocks":[{"index":0,"type":"thinking","thinking":"a"}]}`),
			chunk(`{"thinking_blocks":[{"index":0,"type":"thinking","signature":"s"}]}`), chunk(`{"thinking_blocks":[{"index":1,"type":"redacted_thinking","data":"d"}]}`),
			chunk(`{"thinking_blocks":[{"index":2,"type":"thinking","signature":"t"}]}`), chunk(`{"content":"b"}`), lastChunk("stop")},
		message{ID: "msg_req_1", Model: "m", Stop: "end_turn", Blocks: []block{{Type: "thinking", Thinking: "a", Signature: "s"}, {Type: "redacted_thinking", Data: "d"},
			{Type: "thinking", Signature: "t"}, {Type: "text", Text: "b"}}}},
	"Claude's thoughts by way of OpenRouter": {
		[]string{chunk(`{"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","format":"anthropic-claude-v1","index":0}]}`),
			chunk(`{"reasoning":null,"reasoning_details":[{"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1","index":0}]}`), chunk(`{"content":"b"}`), lastChunk("stop")},
		message{ID: "msg_req_1", Model: "m", Stop: "end_turn", Blocks: []block{{Type: "thinking", Thinking: "a", Signature: "s"}, {Type: "text", Text: "b"}}}},
	"a refusal": {
		[]string{chunk(`{"role":"assistant","refusal":"I can"}`), chunk(`{"refusal":"not."}`), lastChunk("stop")},
		message{ID: "msg_req_1", Model: "m", Stop: "refusal", Blocks: []block{{Type: "text", Text: "I cannot."}}}},
	"calls that are all number 0": {
		[]string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}`), chunk(`{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{\"x\":2}"}}]}`), lastChunk("tool_calls")},
		message{ID: "msg_req_1", Model: "m", Stop: "tool_use", Blocks: []block{{Type: "tool_use", ID: "a", Name: "f", Input: `{"x":1}`}, {Type: "tool_use", ID: "b", Name: "f", Input: `{"x":2}`}}}},
	"arguments that are an object, null or missing": {
		[]string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}},{"index":1,"function":{"name":"g","arguments":"null"}},{"index":2,"id":"","function":{"name":"h"}}]}`), lastChunk("length")},
		message{ID: "msg_req_1", Model: "m", Stop: "max_tokens", Blocks: []block{{Type: "tool_use", ID: "a", Name: "f", Input: `{"x":1}`},
			{Type: "tool_use", ID: "toolu_req_1_1", Name: "g", Input: `{}`}, {Type: "tool_use", ID: "toolu_req_1_2", Name: "h", Input: `{}`}}}},
	"text while a call is under way": {
		[]string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}]}`), chunk(`{"content":"so"}`), chunk(`{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}`), chunk(`{"content":" on"}`), lastChunk("tool_calls")},
		message{ID: "msg_req_1", Model: "m", Stop: "tool_use", Blocks: []block{{Type: "tool_use", ID: "a", Name: "f", Input: `{"x":1}`}, {Type: "text", Text: "so on"}}}},
	"a stop sequence": {
		[]string{chunk(`{"content":"a"}`), `{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop","stop_reason":"END"}]}`},
		message{ID: "msg_req_1", Model: "m", Stop: "stop_sequence", Sequence: "END", Blocks: []block{{Type: "text", Text: "a"}}}},
	"a paused turn": {
		[]string{chunk(`{"content":"a"}`), `{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop","native_finish_reason":"pause_turn"}]}`},
		message{ID: "msg_req_1", Model: "m", Stop: "pause_turn", Blocks: []block{{Type: "text", Text: "a"}}}},
	"sources before the text": {
		[]string{chunk(`{"content":"","annotations":[{"type":"url_citation","url_citation":{"url":"https://x","title":"X"}}]}`), chunk(`{"content":"a"}`), lastChunk("stop")},
		message{ID: "msg_req_1", Model: "m", Stop: "end_turn", Blocks: []block{{Type: "text", Text: "a", Links: []string{"https://x X"}}}}},
	"another choice":       {[]string{chunk(`{"content":"a"}`), `{"model":"m","choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"length"}]}`, lastChunk("stop")}, message{ID: "msg_req_1", Model: "m", Stop: "end_turn", Blocks: []block{{Type: "text", Text: "a"}}}},
	"nothing":              {nil, message{ID: "msg_req_1", Stop: "end_turn"}},
	"no finish reason":     {[]string{chunk(`{"content":"a"}`)}, message{ID: "msg_req_1", Model: "m", Stop: "end_turn", Blocks: []block{{Type: "text", Text: "a"}}}},
	"chunks of many lines": {[]string{"{\n\"model\":\n\"m\",\"choices\":[\r\n{\"index\":0,\"delta\":{\"content\":\"a\"}}]}", lastChunk("stop")}, message{ID: "msg_req_1", Model: "m", Stop: "end_turn", Blocks: []block{{Type: "text", Text: "a"}}}},
}

func messageUsage(input, read, output, thinking int64) (u dialecttest.MessageUsage) {
	u.Input, u.Read, u.Output, u.Details.Thinking = input, read, output, thinking
	return u
}

func TestClientStreams(t *testing.T) {
	for name, tt := range clientStreams {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, streamedMessage(t, tt.chunks...)); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAClientsStreamThatFails wants the error to be the last event.
func TestAClientsStreamThatFails(t *testing.T) {
	frames := host.RenderStream(t, []string{chunk(`{"content":"a"}`), `{"error":{"message":"It broke off.","type":"server_error","param":null,"code":"x"}}`, chunk(`{"content":"b"}`), "[DONE]"})
	m, failed := dialecttest.ReadMessageStream(t, frames)
	if failed != `{"type":"error","error":{"type":"api_error","message":"It broke off."}}` || len(m.Blocks) != 1 || !strings.HasSuffix(frames, failed+"\n\n") {
		t.Errorf("got %s", frames)
	}
	reply := host.Render(t, 502, `{"error":{"message":"It broke off.","type":"server_error","param":null,"code":"x"}}`)
	if string(reply) != failed {
		t.Errorf("a plain error is %s", reply)
	}
}
