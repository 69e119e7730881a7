package ollama_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// ollamaReply is a reply of Ollama's, or a line of a stream.
type ollamaReply struct {
	Model   string
	Message struct{ Content, Thinking string }
	Done    bool
	Reason  string `json:"done_reason"`
	Prompt  int64  `json:"prompt_eval_count"`
	Output  int64  `json:"eval_count"`
}

func (r ollamaReply) essence() essence {
	return essence{Model: r.Model, Text: r.Message.Content, Finish: r.Reason, Prompt: r.Prompt, Completion: r.Output}
}

func recordings(t testing.TB, stream bool) (all []dialecttest.Recording) {
	t.Helper()
	for _, rec := range dialecttest.Recordings(t, "ollama", "ollama.chat") {
		if rec.Stream == stream {
			all = append(all, rec)
		}
	}
	return all
}

// TestRecordedReplies normalises every plain reply that was recorded.
func TestRecordedReplies(t *testing.T) {
	for _, rec := range recordings(t, false) {
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			var sent ollamaReply
			if err := json.Unmarshal([]byte(rec.Response), &sent); err != nil {
				t.Fatal(err)
			}
			got := host.Response(t, rec.Status, nil, rec.Response)
			if diff := cmp.Diff(sent.essence(), dialecttest.ReadCompletion(t, got)); diff != "" {
				t.Errorf("completion (-sent +got):\n%s\n%s", diff, got)
			}
		})
	}
	t.Logf("%d plain replies", len(recordings(t, false)))
}

// lines are the events of a stream of lines, which have no names.
func lines(body string) (events []dialecttest.Event) {
	for line := range strings.Lines(body) {
		if line = strings.TrimSpace(line); line != "" {
			events = append(events, dialecttest.Event{Data: line})
		}
	}
	return events
}

// TestRecordedStreams normalises every stream that was recorded, whole and cut before each of
// its lines: no stream that is cut may look complete.
func TestRecordedStreams(t *testing.T) {
	for _, rec := range recordings(t, true) {
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			var want ollamaReply
			events := lines(rec.Response)
			for _, e := range events {
				text := want.Message.Content
				if err := json.Unmarshal([]byte(e.Data), &want); err != nil {
					t.Fatal(err)
				}
				want.Message.Content = text + want.Message.Content
			}
			got := host.Play(t, nil, events)
			if diff := cmp.Diff(want.essence(), dialecttest.ReadStream(t, got)); diff != "" || got[len(got)-1] != "[DONE]" {
				t.Errorf("stream ends in %s (-sent +got):\n%s", got[len(got)-1], diff)
			}
			for cut := range events {
				got := host.Play(t, nil, events[:cut])
				if last := got[len(got)-1]; !strings.Contains(last, `"code":"stream_interrupted"`) {
					t.Fatalf("cut before line %d it ends in %q", cut, last)
				}
			}
		})
	}
	t.Logf("%d streams", len(recordings(t, true)))
}
