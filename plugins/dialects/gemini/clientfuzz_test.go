package gemini_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// FuzzAccept wants JSON of whatever is JSON, and that Google's provider side takes it again
// without a panic.
func FuzzAccept(f *testing.F) {
	for _, r := range clientRequests(f) {
		if len(r.Request) < 4<<10 {
			f.Add(r.Request)
		}
	}
	for _, tt := range acceptances {
		f.Add(ask(tt.contents, tt.more))
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !json.Valid([]byte(body)) {
			t.Skip()
		}
		in := dialecttest.Encode(t, map[string]any{"dialect": "gemini", "path": body, "body": json.RawMessage(body)})
		out, err := dialects.NewHooks().AcceptRequest(nil, in)
		if err != nil {
			return
		}
		var accepted struct{ Body json.RawMessage }
		if err := json.Unmarshal(out, &accepted); err != nil {
			t.Fatalf("%s became %s: %v", body, out, err)
		}
		_, _ = host.Request(t, dialecttest.Target{Model: "gemini-3-pro"}, true, string(accepted.Body))
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
			host.RenderWithContext(t, 200, shown, body)
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
	for _, tt := range clientStreams {
		f.Add(strings.Join(tt.chunks, "\n"))
	}
	f.Fuzz(func(t *testing.T, lines string) {
		var chunks []string
		for line := range strings.SplitSeq(lines, "\n") {
			if json.Valid([]byte(line)) || line == "[DONE]" {
				chunks = append(chunks, line)
			}
		}
		for frame := range strings.SplitSeq(host.RenderStreamWithContext(t, shown, append(chunks, "[DONE]")), "\n\n") {
			data, ok := strings.CutPrefix(frame, "data: ")
			if frame != "" && (!ok || !json.Valid([]byte(data)) || strings.Contains(data, "\n")) {
				t.Fatalf("the frame %q of %q", frame, lines)
			}
		}
	})
}
