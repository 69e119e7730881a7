package anthropic_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// start is a message_start whose message has these members beside its usage.
func start(members string) sseEvent {
	return sseEvent{Name: "message_start", Data: `{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5",` +
		members + `,"usage":{"input_tokens":10,"output_tokens":1}}}`}
}

func delta(stop string) sseEvent {
	return sseEvent{Name: "message_delta", Data: `{"type":"message_delta","delta":{"stop_reason":` + stop + `},"usage":{"output_tokens":5}}`}
}

var stopEvent = sseEvent{Name: "message_stop", Data: `{"type":"message_stop"}`}

// TestStartHoldsContent plays streams whose message_start already holds content and
// perhaps the stop reason, as programmatic tool calling sends them. Nothing of it may
// be lost, and the answer must not look complete without it.
func TestStartHoldsContent(t *testing.T) {
	tool := `{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}`
	block := func(index, block string) []sseEvent {
		return []sseEvent{{Name: "content_block_start", Data: `{"type":"content_block_start","index":` + index + `,"content_block":` + block + `}`},
			{Name: "content_block_stop", Data: `{"type":"content_block_stop","index":` + index + `}`}}
	}
	text := func(index, text string) []sseEvent { return block(index, `{"type":"text","text":"`+text+`"}`) }
	tests := map[string]struct {
		events []sseEvent
		want   essence
	}{
		"a call and its stop reason": {
			[]sseEvent{start(`"content":[` + tool + `],"stop_reason":"tool_use"`), stopEvent},
			essence{Finish: "tool_calls", Calls: []call{{ID: "t1", Name: "f", Arguments: `{"a":1}`}}}},
		"a call, the stop reason later": {
			[]sseEvent{start(`"content":[` + tool + `],"stop_reason":null`), delta(`"tool_use"`), stopEvent},
			essence{Finish: "tool_calls", Calls: []call{{ID: "t1", Name: "f", Arguments: `{"a":1}`}}}},
		"a call without a stop reason": {
			[]sseEvent{start(`"content":[` + tool + `]`), stopEvent},
			essence{Finish: "tool_calls", Calls: []call{{ID: "t1", Name: "f", Arguments: `{"a":1}`}}}},
		"a delta without a stop reason": {
			[]sseEvent{start(`"content":[` + tool + `],"stop_reason":"tool_use"`), delta(`null`), stopEvent},
			essence{Finish: "tool_calls", Calls: []call{{ID: "t1", Name: "f", Arguments: `{"a":1}`}}}},
		"a call without input": {
			[]sseEvent{start(`"content":[{"type":"tool_use","id":"t1","name":"f","input":{}}],"stop_reason":"tool_use"`), stopEvent},
			essence{Finish: "tool_calls", Calls: []call{{ID: "t1", Name: "f", Arguments: `{}`}}}},
		"text": {
			[]sseEvent{start(`"content":[{"type":"text","text":"Hi."}],"stop_reason":"max_tokens"`), stopEvent},
			essence{Finish: "length", Text: "Hi."}},
		"text that is a string": {
			[]sseEvent{start(`"content":"Hi.","stop_reason":"end_turn"`), stopEvent},
			essence{Finish: "stop", Text: "Hi."}},
		"text, and blocks after it": {
			append(append([]sseEvent{start(`"content":[{"type":"text","text":"A"},{"type":"text","text":"B"}],"stop_reason":null`)},
				text("2", "C")...), delta(`"end_turn"`), stopEvent),
			essence{Finish: "stop", Text: "ABC"}},
		"a call, and a block of index 0 after it": {
			append(append([]sseEvent{start(`"content":[` + tool + `],"stop_reason":null`)},
				block("0", `{"type":"tool_use","id":"t2","name":"g","input":{}}`)...), delta(`"tool_use"`), stopEvent),
			essence{Finish: "tool_calls", Calls: []call{{ID: "t1", Name: "f", Arguments: `{"a":1}`}, {ID: "t2", Name: "g", Arguments: `{}`}}}},
		"thinking": {
			[]sseEvent{start(`"content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"redacted_thinking","data":"eA=="},` + tool +
				`],"stop_reason":"tool_use"`), stopEvent},
			essence{Finish: "tool_calls", Reasoning: "Hm.", Calls: []call{{ID: "t1", Name: "f", Arguments: `{"a":1}`}},
				Thoughts: []thought{{Type: "thinking", Thinking: "Hm.", Signature: "c2ln", Data: ""}, {Type: "redacted_thinking", Thinking: "", Signature: "", Data: "eA=="}}}},
		"citations": {
			[]sseEvent{start(`"content":[{"type":"text","text":"Hi.","citations":[{"type":"web_search_result_location","url":"https://a","title":"A"}]}],"stop_reason":"end_turn"`), stopEvent},
			essence{Finish: "stop", Text: "Hi.", Links: []string{"https://a A"}}},
		"a refusal": {
			[]sseEvent{start(`"content":[],"stop_reason":"refusal"`), stopEvent},
			essence{Finish: "content_filter"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := dialecttest.ReadStream(t, play(t, tt.events))
			tt.want.Model, tt.want.Prompt, tt.want.Completion = got.Model, got.Prompt, got.Completion
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("stream (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStartAsWhole plays every recorded plain reply as a stream whose message_start already
// holds all of it.
func TestStartAsWhole(t *testing.T) {
	for _, rec := range dialecttest.Recordings(t, "anthropic", "messages") {
		if rec.Stream || rec.Status != 200 {
			continue
		}
		want := dialecttest.ReadCompletion(t, respond(t, rec.Status, rec.Response))
		got := dialecttest.ReadStream(t, play(t, []sseEvent{{Name: "message_start", Data: `{"type":"message_start","message":` + rec.Response + `}`}, stopEvent}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-plain +stream):\n%s", rec.Path, diff)
		}
	}
}

// TestFinishOfCalls: a reply with calls finishes with tool_calls whatever its stop_reason,
// unless it was cut off.
func TestFinishOfCalls(t *testing.T) {
	for stop, want := range map[string]string{"tool_use": "tool_calls", "end_turn": "tool_calls", "stop_sequence": "tool_calls",
		"pause_turn": "tool_calls", "a_later_invention": "tool_calls", "max_tokens": "length", "refusal": "content_filter"} {
		content := `"content":[{"type":"text","text":"x"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]`
		plain := dialecttest.ReadCompletion(t, respond(t, 200, `{"type":"message",`+content+`,"stop_reason":"`+stop+`","usage":{"input_tokens":1,"output_tokens":1}}`))
		stream := dialecttest.ReadStream(t, play(t, []sseEvent{start(content), delta(`"` + stop + `"`), stopEvent}))
		if plain.Finish != want || stream.Finish != want {
			t.Errorf("%s: plain finishes with %s, a stream with %s, want %s", stop, plain.Finish, stream.Finish, want)
		}
	}
}

// TestContentIsString reads a reply whose content is a text instead of blocks.
func TestContentIsString(t *testing.T) {
	got := dialecttest.ReadCompletion(t, respond(t, 200, `{"type":"message","content":"Caf\u00e9","stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}`))
	if got.Text != "Café" || got.Finish != "stop" {
		t.Errorf("reply = %+v, want its text", got)
	}
}

// TestCitationsInOneChunk: all annotations come in one chunk before the finish reason.
// Clients that join deltas keep the last list, or fail on a second.
func TestCitationsInOneChunk(t *testing.T) {
	events := []sseEvent{start(`"content":[]`)}
	for i, index := range []string{"0", "1", "2"} {
		url := "https://" + strings.Repeat("x", i+1)
		events = append(events,
			sseEvent{Name: "content_block_start", Data: `{"type":"content_block_start","index":` + index + `,"content_block":{"type":"text","text":"","citations":[]}}`},
			sseEvent{Name: "content_block_delta", Data: `{"type":"content_block_delta","index":` + index + `,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"` + url + `","title":"T"}}}`},
			sseEvent{Name: "content_block_delta", Data: `{"type":"content_block_delta","index":` + index + `,"delta":{"type":"text_delta","text":"abc"}}`},
			sseEvent{Name: "content_block_stop", Data: `{"type":"content_block_stop","index":` + index + `}`})
	}
	lines := play(t, append(events, delta(`"end_turn"`), stopEvent))
	chunks, at, finish := 0, 0, 0
	for i, line := range lines {
		if strings.Contains(line, `"annotations"`) {
			chunks, at = chunks+1, i
		}
		if strings.Contains(line, `"finish_reason":"stop"`) {
			finish = i
		}
	}
	if chunks != 1 || at != finish-1 {
		t.Errorf("annotations are in %d chunks, the last is line %d, the finish reason %d", chunks, at, finish)
	}
	got := dialecttest.ReadStream(t, lines)
	want := []string{"https://x T", "https://xx T", "https://xxx T"}
	if diff := cmp.Diff(want, got.Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	for _, span := range []string{`"start_index":0,"end_index":3`, `"start_index":3,"end_index":6`, `"start_index":6,"end_index":9`} {
		if !strings.Contains(lines[at], span) {
			t.Errorf("the annotations lack the span %s: %s", span, lines[at])
		}
	}
}

// TestStreamsWithoutOrder plays streams of services that leave out what Anthropic sends.
func TestStreamsWithoutOrder(t *testing.T) {
	piece := func(index, delta string) sseEvent {
		return sseEvent{Name: "content_block_delta", Data: `{"type":"content_block_delta","index":` + index + `,"delta":` + delta + `}`}
	}
	got := dialecttest.ReadStream(t, play(t, []sseEvent{start(`"content":[]`), piece("0", `{"type":"text_delta","text":"Hi."}`),
		piece("0", `{"type":"text_delta","text":" You."}`), delta(`"end_turn"`), stopEvent}))
	if got.Text != "Hi. You." {
		t.Errorf("a text block that never began gave %q", got.Text)
	}
	open := sseEvent{Name: "content_block_start", Data: `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`}
	got = dialecttest.ReadStream(t, play(t, []sseEvent{start(`"content":[]`), open, delta(`"tool_use"`), stopEvent}))
	if diff := cmp.Diff([]call{{ID: "t", Name: "f", Arguments: "{}"}}, got.Calls); diff != "" {
		t.Errorf("a call that never ended (-want +got):\n%s", diff)
	}
	lines := play(t, []sseEvent{start(`"content":[]`), piece("0", `{"type":"input_json_delta","partial_json":"{}"}`), delta(`"tool_use"`), stopEvent})
	if last := lines[len(lines)-1]; !strings.Contains(last, `"error"`) {
		t.Errorf("a call that never began ends in %s, want an error", last)
	}
}

// TestStartAloneIsWhole: without message_stop a stream is complete only if its message_start
// held all of it.
func TestStartAloneIsWhole(t *testing.T) {
	whole := start(`"content":[{"type":"text","text":"Hi."}],"stop_reason":"end_turn"`)
	more := sseEvent{Name: "content_block_start", Data: `{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"more"}}`}
	end := sseEvent{Name: "content_block_stop", Data: `{"type":"content_block_stop","index":1}`}
	for want, streams := range map[string][][]sseEvent{
		"[DONE]": {{whole}, {whole, more, end, delta(`"end_turn"`)}},
		"error":  {{start(`"content":[{"type":"text","text":"Hi."}],"stop_reason":null`)}, {whole, more}, {whole, more, end}},
	} {
		for _, events := range streams {
			lines := play(t, events)
			if last := lines[len(lines)-1]; !strings.Contains(last, want) {
				t.Errorf("%d events end in %s, want %s", len(events), last, want)
			}
		}
	}
}
