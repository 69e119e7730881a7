package gemini_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

func recordings(t testing.TB, endpoint string) []dialecttest.Recording {
	t.Helper()
	recs := append(dialecttest.Recordings(t, "gemini", endpoint), dialecttest.Recordings(t, "vertex", endpoint)...)
	if endpoint == "generateContent" {
		recs = append(recs, dialecttest.Recordings(t, "pydantic-gateway", endpoint)...)
	}
	return recs
}

// TestRecordedReplies normalises every plain reply that was recorded.
func TestRecordedReplies(t *testing.T) {
	n := 0
	for _, rec := range recordings(t, "generateContent") {
		if rec.Status != 200 {
			continue
		}
		n++
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			var sent geminiReply
			if err := json.Unmarshal([]byte(rec.Response), &sent); err != nil {
				t.Fatal(err)
			}
			want := newRecorded()
			want.add(t, &sent)
			body := respond(t, rec.Status, rec.Response)
			var raw struct {
				Choices []struct{ Message extras }
				Usage   struct {
					Total int64 `json:"total_tokens"`
				}
			}
			if err := json.Unmarshal(body, &raw); err != nil {
				t.Fatal(err)
			}
			message := raw.Choices[0].Message
			if sent.Feedback.Reason != "" { // nothing was counted
				if message.Refusal == nil || *message.Refusal != sent.Feedback.Message || *message.Content != "" {
					t.Errorf("the message is %s", body)
				}
				return
			}
			got := newRecorded()
			got.Reply = dialecttest.ReadCompletion(t, body)
			message.read(t, got, got.Text)
			if diff := cmp.Diff(want.done(), *got, cmpopts.IgnoreUnexported(recorded{})); diff != "" {
				t.Errorf("completion (-sent +got):\n%s\n%s", diff, body)
			}
			if raw.Usage.Total != sent.Usage.Total {
				t.Errorf("the total is %d, want %d", raw.Usage.Total, sent.Usage.Total)
			}
		})
	}
	t.Logf("%d plain replies", n)
}

// TestRecordedErrors passes on every error that was recorded.
func TestRecordedErrors(t *testing.T) {
	n := 0
	for _, rec := range recordings(t, "generateContent") {
		if rec.Status == 200 {
			continue
		}
		n++
		var sent struct {
			Error struct{ Status, Message string }
		}
		if err := json.Unmarshal([]byte(rec.Response), &sent); err != nil {
			t.Fatal(err)
		}
		got := dialecttest.ReadError(t, respond(t, rec.Status, rec.Response))
		if got.Status != rec.Status || got.Error.Type != sent.Error.Status || got.Error.Message != sent.Error.Message {
			t.Errorf("%s: error = %+v, want the provider's type and message", filepath.Base(rec.Path), got)
		}
	}
	t.Logf("%d errors", n)
}

// streamEvents are the events of a recorded stream. Older clients get a list in their place.
func streamEvents(t *testing.T, rec dialecttest.Recording) []event {
	t.Helper()
	if !strings.HasPrefix(rec.Response, "[") {
		return dialecttest.ParseSSE(rec.Response)
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(rec.Response), &list); err != nil {
		t.Fatal(err)
	}
	var events []event
	for _, one := range list {
		events = append(events, event{Data: string(one)})
	}
	return events
}

// addUp is what the events of a stream add up to.
func addUp(t *testing.T, events []event) recorded {
	t.Helper()
	r := newRecorded()
	for _, e := range events {
		var one geminiReply
		if err := json.Unmarshal([]byte(e.Data), &one); err != nil {
			t.Fatal(err)
		}
		r.add(t, &one)
	}
	return r.done()
}

// TestRecordedStreams normalises every stream that was recorded and compares what a client
// makes of it with what the provider's events add up to.
func TestRecordedStreams(t *testing.T) {
	n := 0
	for _, rec := range recordings(t, "streamGenerateContent") {
		n++
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			events := streamEvents(t, rec)
			lines := play(t, events)
			if lines[len(lines)-1] != "[DONE]" {
				t.Fatalf("the stream ends in %q", lines[len(lines)-1])
			}
			got := newRecorded()
			got.Reply = dialecttest.ReadStream(t, lines)
			for _, line := range lines[:len(lines)-1] {
				var chunk struct {
					Choices []struct{ Delta extras }
				}
				if err := json.Unmarshal([]byte(line), &chunk); err != nil {
					t.Fatal(err)
				}
				for _, c := range chunk.Choices {
					c.Delta.read(t, got, got.Text)
				}
			}
			want := addUp(t, events)
			if diff := cmp.Diff(want, *got, cmpopts.IgnoreUnexported(recorded{})); diff != "" {
				t.Errorf("stream (-sent +got):\n%s", diff)
			}
		})
	}
	t.Logf("%d streams", n)
}

// TestRecordedStreamsCut cuts every recorded stream before each of its events: no stream that
// is cut before its finish reason may look complete, and one that is cut after it has lost
// nothing.
func TestRecordedStreamsCut(t *testing.T) {
	n := 0
	for _, rec := range recordings(t, "streamGenerateContent") {
		events := streamEvents(t, rec)
		for cut := range events {
			n++
			lines := play(t, events[:cut])
			whole := addUp(t, events[:cut]).Finish != ""
			last := lines[len(lines)-1]
			if (last == "[DONE]") != whole || strings.Contains(last, `"code":"stream_interrupted"`) == whole {
				t.Fatalf("%s cut before event %d ends in %q; a finish reason had come: %t", filepath.Base(rec.Path), cut, last, whole)
			}
		}
	}
	t.Logf("%d cuts", n)
}
