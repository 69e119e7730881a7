package anthropic_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

type (
	message = dialecttest.Message
	block   = dialecttest.MessageBlock
)

// completions are the recorded replies of OpenAI's chat completions that succeeded.
func completions(t *testing.T, stream bool) (found []dialecttest.Recording) {
	for _, r := range dialecttest.Recordings(t, "openai", "chat.completions") {
		if r.Status == 200 && r.Stream == stream {
			found = append(found, r)
		}
	}
	return found
}

// wantStop are the stop reasons that finish reasons become.
var wantStop = map[string]string{"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "function_call": "tool_use", "content_filter": "refusal"}

// messageOf is the message that a completion is to become.
func messageOf(t *testing.T, body string) message {
	t.Helper()
	var c struct {
		Model   string
		Choices []struct {
			Message struct {
				Content, Refusal *string
				Calls            []struct {
					ID       string
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
				// Call is one in the deprecated form.
				Call        *struct{ Name, Arguments string } `json:"function_call"`
				Annotations []struct {
					Page struct{ URL, Title string } `json:"url_citation"`
				}
			}
			Finish string `json:"finish_reason"`
		}
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			In         struct {
				Cached int64 `json:"cached_tokens"`
				Write  int64 `json:"cache_write_tokens"`
			} `json:"prompt_tokens_details"`
			Out struct {
				Reasoning int64 `json:"reasoning_tokens"`
			} `json:"completion_tokens_details"`
		}
	}
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatal(err)
	}
	said := c.Choices[0].Message
	m := message{ID: "msg_req_1", Model: c.Model, Stop: wantStop[c.Choices[0].Finish]}
	m.Usage.Input, m.Usage.Read, m.Usage.Output = c.Usage.Prompt-c.Usage.In.Cached-c.Usage.In.Write, c.Usage.In.Cached, c.Usage.Completion
	m.Usage.Write, m.Usage.Creation.Short = c.Usage.In.Write, c.Usage.In.Write
	m.Usage.Details.Thinking = c.Usage.Out.Reasoning
	if said.Content != nil && *said.Content != "" {
		b := block{Type: "text", Text: *said.Content}
		for _, a := range said.Annotations {
			b.Links = append(b.Links, a.Page.URL+" "+a.Page.Title)
		}
		m.Blocks = append(m.Blocks, b)
	}
	if said.Refusal != nil && *said.Refusal != "" {
		m.Blocks, m.Stop = append(m.Blocks, block{Type: "text", Text: *said.Refusal}), "refusal"
	}
	for _, call := range said.Calls {
		m.Blocks = append(m.Blocks, block{Type: "tool_use", ID: call.ID, Name: call.Function.Name, Input: dialecttest.Compact(t, call.Function.Arguments)})
	}
	if call := said.Call; call != nil {
		m.Blocks = append(m.Blocks, block{Type: "tool_use", ID: "toolu_req_1_0", Name: call.Name, Input: dialecttest.Compact(t, call.Arguments)})
	}
	return m
}

// TestRecordedCompletionsAreRendered renders every recorded completion of OpenAI's, and the
// same in chunks.
func TestRecordedCompletionsAreRendered(t *testing.T) {
	all := completions(t, false)
	right := 0
	for _, r := range all {
		t.Run(filepath.Base(r.Path), func(t *testing.T) {
			want := messageOf(t, r.Response)
			if diff := cmp.Diff(want, dialecttest.ReadMessage(t, host.Render(t, 200, r.Response))); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			frames := host.RenderStream(t, chunksOf(t, r.Response))
			got, failed := dialecttest.ReadMessageStream(t, frames)
			if diff := cmp.Diff(want, got); diff != "" || failed != "" {
				t.Errorf("streamed message (-want +got):\n%s%s\n%s", diff, failed, frames)
			}
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d completions are rendered right, plain and in chunks", right, len(all))
}

// TestRecordedChunksAreRendered renders every recorded stream of OpenAI's.
func TestRecordedChunksAreRendered(t *testing.T) {
	all := completions(t, true)
	right := 0
	for _, r := range all {
		t.Run(filepath.Base(r.Path), func(t *testing.T) {
			var chunks []string
			for _, e := range dialecttest.ParseSSE(r.Response) {
				chunks = append(chunks, e.Data)
			}
			frames := host.RenderStream(t, chunks)
			got, failed := dialecttest.ReadMessageStream(t, frames)
			if diff := cmp.Diff(messageOf(t, joined(t, chunks)), got); diff != "" || failed != "" {
				t.Errorf("streamed message (-want +got):\n%s%s\n%s", diff, failed, frames)
			}
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d streams are rendered right", right, len(all))
}

// chunksOf are chunks that say what a completion says, its texts a few characters at a time
// and its calls in turn.
func chunksOf(t *testing.T, body string) []string {
	t.Helper()
	var c object
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatal(err)
	}
	choice := c["choices"].([]any)[0].(object)
	said := choice["message"].(object)
	var chunks []string
	add := func(delta object, finish any) {
		chunks = append(chunks, strings.TrimSpace(string(dialecttest.Encode(t, object{"id": c["id"], "object": "chat.completion.chunk", "created": c["created"],
			"model": c["model"], "choices": []any{object{"index": 0, "delta": delta, "finish_reason": finish}}, "usage": nil}))))
	}
	add(object{"role": "assistant", "content": "", "refusal": nil}, nil)
	for _, name := range []string{"content", "refusal"} {
		if text, _ := said[name].(string); text != "" {
			for _, piece := range pieces(text) {
				add(object{name: piece}, nil)
			}
		}
	}
	if said["annotations"] != nil {
		add(object{"annotations": said["annotations"]}, nil)
	}
	calls, _ := said["tool_calls"].([]any)
	for i, call := range calls {
		call := call.(object)
		function := call["function"].(object)
		add(object{"tool_calls": []any{object{"index": i, "id": call["id"], "type": "function", "function": object{"name": function["name"], "arguments": ""}}}}, nil)
		for _, piece := range pieces(function["arguments"].(string)) {
			add(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": piece}}}}, nil)
		}
	}
	if call, ok := said["function_call"].(object); ok {
		add(object{"function_call": object{"name": call["name"], "arguments": ""}}, nil)
		for _, piece := range pieces(call["arguments"].(string)) {
			add(object{"function_call": object{"arguments": piece}}, nil)
		}
	}
	add(object{}, choice["finish_reason"])
	chunks = append(chunks, strings.TrimSpace(string(dialecttest.Encode(t, object{"id": c["id"], "object": "chat.completion.chunk", "model": c["model"], "choices": []any{}, "usage": c["usage"]}))))
	return append(chunks, "[DONE]")
}

// pieces cuts a text into pieces of 7 characters.
func pieces(text string) (all []string) {
	r := []rune(text)
	for len(r) > 0 {
		n := min(7, len(r))
		all = append(all, string(r[:n]))
		r = r[n:]
	}
	return all
}

// joined is the completion that chunks add up to.
func joined(t *testing.T, chunks []string) string {
	t.Helper()
	said := object{}
	var calls []any
	whole := object{"choices": []any{object{"message": said}}}
	choice := whole["choices"].([]any)[0].(object)
	for _, chunk := range chunks {
		var c object
		if chunk == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(chunk), &c); err != nil {
			t.Fatal(err)
		}
		whole["model"] = c["model"]
		if c["usage"] != nil {
			whole["usage"] = c["usage"]
		}
		for _, one := range c["choices"].([]any) {
			one := one.(object)
			if one["finish_reason"] != nil {
				choice["finish_reason"] = one["finish_reason"]
			}
			delta := one["delta"].(object)
			for _, name := range []string{"content", "refusal"} {
				if text, ok := delta[name].(string); ok {
					had, _ := said[name].(string)
					said[name] = had + text
				}
			}
			pieces, _ := delta["tool_calls"].([]any)
			for _, piece := range pieces {
				piece := piece.(object)
				i := int(piece["index"].(float64))
				if i == len(calls) {
					calls = append(calls, piece)
					continue
				}
				function := calls[i].(object)["function"].(object)
				function["arguments"] = function["arguments"].(string) + piece["function"].(object)["arguments"].(string)
			}
			if delta["annotations"] != nil {
				said["annotations"] = delta["annotations"]
			}
		}
	}
	said["tool_calls"] = calls
	return string(dialecttest.Encode(t, whole))
}
