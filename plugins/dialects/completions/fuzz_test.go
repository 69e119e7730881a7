package completions_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// FuzzAccept wants JSON of whatever is JSON, with one message.
func FuzzAccept(f *testing.F) {
	f.Add(`{"model":"m","prompt":"a","echo":true,"n":2,"best_of":3,"logprobs":1,"suffix":"z"}`)
	f.Add(`{"prompt":["a"],"max_tokens":null,"\u0007":[]}`)
	f.Fuzz(func(t *testing.T, body string) {
		if !json.Valid([]byte(body)) {
			t.Skip()
		}
		in := dialecttest.Encode(t, map[string]any{"dialect": "openai-completions", "body": json.RawMessage(body)})
		out, err := dialects.NewHooks().AcceptRequest(nil, in)
		if err != nil {
			return
		}
		var made struct {
			Body struct{ Messages []struct{ Content *string } }
		}
		if err := json.Unmarshal(out, &made); err != nil || len(made.Body.Messages) != 1 {
			t.Fatalf("%s became %s: %v", body, out, err)
		}
	})
}

// FuzzRender wants JSON of whatever is JSON.
func FuzzRender(f *testing.F) {
	f.Add(`{"model":"m","choices":[{"message":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-1,"top_logprobs":[{"token":"a"}]}]}}]}`)
	f.Add(`{"choices":[{"message":{"content":["a"],"refusal":"b"}},7],"usage":[]}`)
	f.Fuzz(func(t *testing.T, body string) {
		if json.Valid([]byte(body)) {
			host.Render(t, 200, body)
		}
	})
}

// FuzzRenderEvent wants every frame of a stream to be data with JSON, whatever the chunks.
func FuzzRenderEvent(f *testing.F) {
	f.Add(`{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"refusal":"b"},"finish_reason":"stop"}]}`+"\n"+`{"usage":{}}`, "echo")
	f.Fuzz(func(t *testing.T, lines, echo string) {
		var chunks []string
		for line := range strings.SplitSeq(lines, "\n") {
			if json.Valid([]byte(line)) {
				chunks = append(chunks, line)
			}
		}
		context := dialecttest.Encode(t, map[string]any{"echo": echo})
		for frame := range strings.SplitSeq(host.RenderStreamWithContext(t, context, append(chunks, "[DONE]")), "\n\n") {
			data, ok := strings.CutPrefix(frame, "data: ")
			if frame != "" && (!ok || data != "[DONE]" && !json.Valid([]byte(data))) {
				t.Fatalf("the frame %q of %q", frame, lines)
			}
		}
	})
}
