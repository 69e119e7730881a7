package anthropic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// FuzzAccept wants JSON of whatever is JSON, and that Anthropic's provider side takes it
// again without a panic.
func FuzzAccept(f *testing.F) {
	for _, r := range dialecttest.Recordings(f, "anthropic", "messages") {
		if len(r.Request) < 4<<10 {
			f.Add(r.Request)
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !json.Valid([]byte(body)) {
			t.Skip()
		}
		in := dialecttest.Encode(t, map[string]any{"dialect": "anthropic", "headers": map[string]string{"anthropic-beta": body}, "body": json.RawMessage(body)})
		out, err := dialects.NewHooks().AcceptRequest(nil, in)
		if err != nil {
			return
		}
		var accepted struct{ Body json.RawMessage }
		if err := json.Unmarshal(out, &accepted); err != nil {
			t.Fatalf("%s became %s: %v", body, out, err)
		}
		_, _ = host.Request(t, dialecttest.Target{Model: "claude-sonnet-4-5"}, true, string(accepted.Body))
	})
}

// FuzzRender wants JSON of whatever is JSON.
func FuzzRender(f *testing.F) {
	for _, r := range dialecttest.Recordings(f, "openai", "chat.completions") {
		if len(r.Response) < 4<<10 && !r.Stream {
			f.Add(r.Response)
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		if json.Valid([]byte(body)) {
			host.Render(t, 200, body)
		}
	})
}

// FuzzRenderEvent wants every frame of a stream to be an event with JSON, whatever the chunks.
func FuzzRenderEvent(f *testing.F) {
	for _, r := range dialecttest.Recordings(f, "openai", "chat.completions") {
		if len(r.Response) < 4<<10 && r.Stream {
			var chunks []string
			for _, e := range dialecttest.ParseSSE(r.Response) {
				chunks = append(chunks, e.Data)
			}
			f.Add(strings.Join(chunks, "\n"))
		}
	}
	f.Fuzz(func(t *testing.T, lines string) {
		var chunks []string
		for line := range strings.SplitSeq(lines, "\n") {
			if json.Valid([]byte(line)) || line == "[DONE]" {
				chunks = append(chunks, line)
			}
		}
		for frame := range strings.SplitSeq(host.RenderStream(t, append(chunks, "[DONE]")), "\n\n") {
			_, data, ok := strings.Cut(frame, "\ndata: ")
			if frame != "" && (!ok || !json.Valid([]byte(data))) {
				t.Fatalf("the frame %q of %q", frame, lines)
			}
		}
	})
}
