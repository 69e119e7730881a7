package anthropic_test

import (
	"encoding/json"
	"path/filepath"
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
			frames := host.RenderStream(t, dialecttest.ChunksOf(t, r.Response))
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
			if diff := cmp.Diff(messageOf(t, dialecttest.Joined(t, chunks)), got); diff != "" || failed != "" {
				t.Errorf("streamed message (-want +got):\n%s%s\n%s", diff, failed, frames)
			}
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d streams are rendered right", right, len(all))
}
