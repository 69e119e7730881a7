package gemini_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestInterleavedCalls sends the pieces of calls in random order, as far as those of one call
// and the beginnings of calls have an order. Each comes as a whole.
func TestInterleavedCalls(t *testing.T) {
	arguments := []string{`{"a":"\\\"}{[","b":[1,{"c":"\u007b"}]}`, `{}`, " {\n\"x\":\"" + strings.Repeat("y", 300) + "\"}\n", `{"q":{"r":"]"}}`}
	want := answer{Finish: "STOP", Signatures: []string{carrying(`{}`)}}
	for i, a := range arguments {
		want.Calls = append(want.Calls, call{ID: fmt.Sprint("id", i), Name: fmt.Sprint("f", i), Arguments: dialecttest.Compact(t, a)})
	}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		var chunks, left []string // left is, of each call that has begun, what is to come of its arguments
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
		got := generate(t, append(chunks, lastChunk("tool_calls"))...)
		if diff := cmp.Diff([]answer{want}, got.Answers); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s\n%s", seed, diff, strings.Join(chunks, "\n"))
		}
	}
}

// clientStreams are chunks and the answers that they become.
var clientStreams = map[string]struct {
	chunks []string
	want   []answer
}{
	"reasoning, text and a call": {
		[]string{chunk(`{"role":"assistant","content":"","reasoning_content":"hm"}`), chunk(`{"reasoning_content":"m"}`), chunk(`{"content":"I "}`), chunk(`{"content":"look."}`),
			chunk(`{"tool_calls":[{"index":0,"id":"x","type":"function","function":{"name":"f","arguments":"{}"}}]}`), lastChunk("stop")},
		[]answer{{Finish: "STOP", Thoughts: "hmm", Text: "I look.", Calls: []call{{ID: "x", Name: "f", Arguments: "{}"}}, Signatures: []string{carrying(`{"reasoning_content":"hmm"}`)}}}},
	"Claude's thoughts before a call": {
		[]string{chunk(`{"reasoning_content":"a","thinking_blocks":[{"index":0,"type":"thinking","thinking":"a"}]}`), chunk(`{"reasoning_content":"b","thinking_blocks":[{"index":0,"type":"thinking","thinking":"b"}]}`),
			chunk(`{"thinking_blocks":[{"index":0,"type":"thinking","signature":"s"}]}`), chunk(`{"thinking_blocks":[{"index":1,"type":"redacted_thinking","data":"d"}]}`),
			chunk(`{"thinking_blocks":[{"index":2,"type":"thinking","signature":"t"}]}`), chunk(`{"content":"c"}`), chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"f"}}]}`), lastChunk("tool_calls")},
		[]answer{{Finish: "STOP", Thoughts: "ab", Text: "c", Calls: []call{{ID: "x", Name: "f", Arguments: "{}"}}, Signatures: []string{carrying(
			`{"thinking_blocks":[{"type":"thinking","thinking":"ab","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"thinking","thinking":"","signature":"t"}]}`)}}}},
	"Claude's thoughts before a text": {
		[]string{chunk(`{"reasoning_details":[{"type":"reasoning.text","text":"a","format":"anthropic-claude-v1","index":0}]}`), chunk(`{"reasoning_details":[{"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1","index":0}]}`),
			chunk(`{"content":"b"}`), lastChunk("stop")},
		[]answer{{Finish: "STOP", Thoughts: "a", Text: "b", Signatures: []string{carrying(`{"thinking_blocks":[{"type":"thinking","thinking":"a","signature":"s"}]}`)}}}},
	"what OpenAI has encrypted": {
		[]string{chunk(`{"reasoning_content":"a","reasoning_details":[{"index":0,"type":"reasoning.summary","summary":"a","id":"r","format":"openai-responses-v1"}]}`),
			chunk(`{"reasoning_details":[{"index":1,"type":"reasoning.encrypted","data":"d","id":"r","format":"openai-responses-v1","provider":"p"}]}`), chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"f"}}]}`), lastChunk("stop")},
		[]answer{{Finish: "STOP", Thoughts: "a", Calls: []call{{ID: "x", Name: "f", Arguments: "{}"}}, Signatures: []string{carrying(
			`{"reasoning_details":[{"index":1,"type":"reasoning.encrypted","data":"d","id":"r","format":"openai-responses-v1","provider":"p"}]}`)}}}},
	"Google's own signatures": {
		[]string{chunk(`{"content":"a"}`), chunk(`{"reasoning_details":[{"index":0,"type":"reasoning.encrypted","data":"QUJD","format":"google-gemini-v1"}]}`),
			chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"f"},"extra_content":{"google":{"thought_signature":"REVG"}}},{"index":1,"id":"y","function":{"name":"f"}}]}`), lastChunk("stop")},
		[]answer{{Finish: "STOP", Text: "a", Calls: []call{{ID: "x", Name: "f", Arguments: "{}"}, {ID: "y", Name: "f", Arguments: "{}"}}, Signatures: []string{"QUJD", "REVG"}}}},
	"a refusal": {[]string{chunk(`{"refusal":"I can"}`), chunk(`{"refusal":"not."}`), lastChunk("stop")}, []answer{{Finish: "SAFETY", Text: "I cannot."}}},
	"a filter":  {[]string{chunk(`{"content":"a"}`), lastChunk("content_filter")}, []answer{{Finish: "SAFETY", Text: "a"}}},
	"calls that are all number 0": {
		[]string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}`), chunk(`{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{\"x\":2}"}}]}`), lastChunk("tool_calls")},
		[]answer{{Finish: "STOP", Calls: []call{{ID: "a", Name: "f", Arguments: `{"x":1}`}, {ID: "b", Name: "f", Arguments: `{"x":2}`}}, Signatures: []string{carrying(`{}`)}}}},
	"arguments that are an object, null or missing": {
		[]string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}},{"index":1,"function":{"name":"g","arguments":"null"}},{"index":2,"id":"","function":{"name":"h"}}]}`), lastChunk("tool_calls")},
		[]answer{{Finish: "STOP", Calls: []call{{ID: "a", Name: "f", Arguments: `{"x":1}`}, {Name: "g", Arguments: `{}`}, {Name: "h", Arguments: `{}`}}, Signatures: []string{carrying(`{}`)}}}},
	"arguments that are cut": {
		[]string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{\"x\":"}}]}`), lastChunk("length")},
		[]answer{{Finish: "MAX_TOKENS", Calls: []call{{ID: "a", Name: "f", Arguments: `{}`}}, Signatures: []string{carrying(`{}`)}}}},
	"arguments that are no object": {
		[]string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"[1]"}}]}`), lastChunk("tool_calls")}, []answer{{Finish: "MALFORMED_FUNCTION_CALL"}}},
	"text while a call is under way": {
		[]string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}]}`), chunk(`{"content":"so"}`), chunk(`{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}`), chunk(`{"content":" on"}`), lastChunk("tool_calls")},
		[]answer{{Finish: "STOP", Text: "so on", Calls: []call{{ID: "a", Name: "f", Arguments: `{"x":1}`}}, Signatures: []string{carrying(`{}`)}}}},
	"several answers": {
		[]string{chunk(`{"content":"a"}`), `{"model":"m","choices":[{"index":2,"delta":{"content":"b"},"finish_reason":"length"},{"index":1,"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f"}}]},"finish_reason":"stop"}]}`, lastChunk("stop")},
		[]answer{{Finish: "STOP", Text: "a"}, {Finish: "STOP", Calls: []call{{ID: "x", Name: "f", Arguments: "{}"}}, Signatures: []string{carrying(`{}`)}}, {Finish: "MAX_TOKENS", Text: "b"}}},
	"pages": {
		[]string{chunk(`{"content":"Über "}`), chunk(`{"content":"日本\n𝄞 x"}`), chunk(`{"annotations":[{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":0,"end_index":4}},` +
			`{"type":"url_citation","url_citation":{"url":"https://b","title":"","start_index":5,"end_index":9}},{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":10,"end_index":11}},{"type":"url_citation","url_citation":{"url":"https://c"}}]}`), lastChunk("stop")},
		[]answer{{Finish: "STOP", Text: "Über 日本\n𝄞 x", Links: []string{"https://a A", "https://b ", "https://c "}, Spans: []string{"Über", "日本\n𝄞", "x"}}}},
	"media": {
		[]string{chunk(`{"images":[{"index":0,"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}},{"image_url":{"url":"https://x/y.png"}}]}`), chunk(`{"audio":{"id":"a","data":"AAAA"}}`), lastChunk("stop")},
		[]answer{{Finish: "STOP", Media: []string{"image/png", "https://x/y.png", "audio/L16;codec=pcm;rate=24000"}}}},
	"probabilities": {
		[]string{`{"model":"m","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.5},{"token":"b","logprob":-2}]}]},"finish_reason":null}]}`,
			`{"model":"m","choices":[{"index":0,"delta":{"content":""},"logprobs":{"content":[{"token":"<end>","logprob":0}]},"finish_reason":"stop"}]}`},
		[]answer{{Finish: "STOP", Text: "a", Logprobs: 2}}},
	"nothing":              {nil, []answer{{Finish: "STOP"}}},
	"no finish reason":     {[]string{chunk(`{"content":"a"}`)}, []answer{{Finish: "STOP", Text: "a"}}},
	"chunks of many lines": {[]string{"{\n\"model\":\n\"m\",\"choices\":[\r\n{\"index\":0,\"delta\":{\"content\":\"a\"}}]}", lastChunk("stop")}, []answer{{Finish: "STOP", Text: "a"}}},
}

func TestClientStreams(t *testing.T) {
	for name, tt := range clientStreams {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, generate(t, tt.chunks...).Answers); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHiddenThoughts wants a client that does not ask for thoughts to see none, and what the
// provider must see again to be carried all the same.
func TestHiddenThoughts(t *testing.T) {
	chunks := []string{chunk(`{"reasoning_content":"a","thinking_blocks":[{"index":0,"type":"thinking","thinking":"a","signature":"s"}]}`),
		chunk(`{"tool_calls":[{"index":0,"id":"x","function":{"name":"f"}}]}`), lastChunk("stop"), "[DONE]"}
	streamed, _ := dialecttest.ReadGeneratedStream(t, host.RenderStream(t, chunks))
	plain := dialecttest.ReadGenerated(t, host.Render(t, 200, `{"choices":[{"index":0,"message":{"reasoning_content":"a","thinking_blocks":[{"type":"thinking","thinking":"a","signature":"s"}],"tool_calls":[{"id":"x","function":{"name":"f"}}]},"finish_reason":"stop"}]}`))
	for _, g := range []generated{streamed, plain} {
		if a := g.Answers[0]; a.Thoughts != "" || len(a.Signatures) != 1 || dialecttest.CarriedBy(a.Signatures[0]) != `{"thinking_blocks":[{"type":"thinking","thinking":"a","signature":"s"}]}` {
			t.Errorf("the answer is %+v", a)
		}
	}
}

// TestClientUsage counts as Google does.
func TestClientUsage(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":4},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":1}}`
	const want = `"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":2,"totalTokenCount":14,"cachedContentTokenCount":2,"thoughtsTokenCount":3,` +
		`"promptTokensDetails":[{"modality":"TEXT","tokenCount":5},{"modality":"AUDIO","tokenCount":4}],"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":1},{"modality":"AUDIO","tokenCount":1}]`
	plain := string(host.Render(t, 200, `{"model":"m","choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}],"service_tier":"default",`+usage+`}`))
	streamed := host.RenderStream(t, []string{chunk(`{"content":"a"}`), lastChunk("stop"), `{"choices":[],` + usage + `}`, "[DONE]"})
	if !strings.Contains(plain, want+`,"serviceTier":"standard"}`) || !strings.Contains(streamed, want+`}`) || strings.Count(streamed, "usageMetadata") != 1 {
		t.Errorf("usage is %s and %s", plain, streamed)
	}
}

// TestAClientsStreamThatFails wants the error to be the last event, and nothing that looks like
// an end.
func TestAClientsStreamThatFails(t *testing.T) {
	const fault = `{"error":{"message":"It broke off.","type":"server_error","param":null,"code":"x"}}`
	frames := host.RenderStream(t, []string{chunk(`{"content":"a"}`), fault, chunk(`{"content":"b"}`), "[DONE]"})
	g, failed := dialecttest.ReadGeneratedStream(t, frames)
	if failed != `{"error":{"code":500,"message":"It broke off.","status":"INTERNAL"}}` || len(g.Answers) != 1 || strings.Contains(frames, "finishReason") {
		t.Errorf("got %s", frames)
	}
	if reply := host.Render(t, 502, fault); string(reply) != `{"error":{"code":502,"message":"It broke off.","status":"INTERNAL"}}` {
		t.Errorf("a plain error is %s", reply)
	}
}
