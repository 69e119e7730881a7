package responses_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// apiResponse is a response as far as a chat completion can express it.
type apiResponse struct {
	Object, Model, Status string
	Output                []apiItem
	Incomplete            struct{ Reason string } `json:"incomplete_details"`
	Usage                 struct {
		Input   int64 `json:"input_tokens"`
		Output  int64 `json:"output_tokens"`
		Details struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"output_tokens_details"`
	}
}

type apiItem struct {
	Type, ID, Name, Arguments, Input string
	CallID                           string `json:"call_id"`
	Encrypted                        string `json:"encrypted_content"`
	Content, Summary                 []struct {
		Type, Text, Refusal string
		Annotations         []struct{ Type, URL, Title string }
	}
}

// essence is what the reply has to say.
func (r apiResponse) essence(t *testing.T) essence {
	t.Helper()
	e := essence{Model: r.Model, Finish: "stop", Prompt: r.Usage.Input, Completion: r.Usage.Output, Thinking: r.Usage.Details.Reasoning}
	for _, it := range r.Output {
		switch it.Type {
		case "message":
			if e.Text != "" {
				e.Text += "\n\n"
			}
			for _, part := range it.Content {
				e.Text += part.Text
				e.Refusal += part.Refusal
				for _, a := range part.Annotations {
					if a.Type == "url_citation" {
						e.Links = append(e.Links, a.URL+" "+a.Title)
					}
				}
			}
		case "function_call":
			e.Calls = append(e.Calls, call{ID: it.CallID, Name: it.Name, Arguments: dialecttest.Compact(t, it.Arguments)})
			e.Finish = "tool_calls"
		case "custom_tool_call":
			e.Calls = append(e.Calls, call{ID: it.CallID, Name: it.Name, Arguments: it.Input})
			e.Finish = "tool_calls"
		case "reasoning":
			it.reasoning(&e)
		}
	}
	if r.Status == "incomplete" {
		e.Finish = map[string]string{"max_output_tokens": "length", "content_filter": "content_filter"}[r.Incomplete.Reason]
	}
	return e
}

// reasoning adds an item of reasoning. Its summary is what is visible, if there is one.
func (it apiItem) reasoning(e *essence) {
	show := func(text string) {
		if e.Reasoning != "" && text != "" {
			e.Reasoning += "\n\n"
		}
		e.Reasoning += text
	}
	one := detail{ID: it.ID, Format: "openai-responses-v1", Provider: "openai-responses"}
	for _, part := range it.Summary {
		d := one
		d.Type, d.Summary = "reasoning.summary", part.Text
		e.Details = append(e.Details, d)
		show(part.Text)
	}
	for _, part := range it.Content {
		d := one
		d.Type, d.Text = "reasoning.text", part.Text
		e.Details = append(e.Details, d)
		if len(it.Summary) == 0 {
			show(part.Text)
		}
	}
	if it.Encrypted != "" {
		one.Type, one.Data = "reasoning.encrypted", it.Encrypted
		e.Details = append(e.Details, one)
	}
}

func readResponse(t *testing.T, body string) apiResponse {
	t.Helper()
	var r apiResponse
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecordedResponses translates every recorded plain reply. Requests that were answered
// with something else, a count of tokens or the place of an answer in the making, are errors.
func TestRecordedResponses(t *testing.T) {
	n, unfinished := 0, 0
	for _, rec := range recordings(t, func(r dialecttest.Recording) bool { return !r.Stream && r.Status == 200 }) {
		want := readResponse(t, rec.Response)
		if want.Object != "response" {
			continue
		}
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			got := host.Response(t, 200, nil, rec.Response)
			if want.Status == "queued" {
				unfinished++
				if f := dialecttest.ReadError(t, got); f.Status != 502 || !strings.Contains(f.Error.Message, "status is queued") {
					t.Errorf("a queued reply becomes %s", got)
				}
				return
			}
			n++
			if diff := cmp.Diff(want.essence(t), dialecttest.ReadCompletion(t, got)); diff != "" {
				t.Errorf("completion (-sent +got):\n%s", diff)
			}
		})
	}
	if n < 70 {
		t.Errorf("only %d replies", n)
	}
	t.Logf("%d replies, %d queued", n, unfinished)
}

// lastResponse is the response that a stream ends with.
func lastResponse(t *testing.T, events []sseEvent) string {
	t.Helper()
	for _, e := range events {
		var end struct {
			Type     string
			Response json.RawMessage
		}
		if err := json.Unmarshal([]byte(e.Data), &end); err == nil && end.Type == "response.completed" {
			return string(end.Response)
		}
	}
	t.Fatal("the stream has no end")
	return ""
}

// itemsDone is what the items of a stream say at their own ends: OpenAI encrypts reasoning anew
// for the response at the end of the stream.
func itemsDone(t *testing.T, events []sseEvent) apiResponse {
	t.Helper()
	r := readResponse(t, lastResponse(t, events))
	for _, e := range events {
		var done struct {
			Type  string
			Index int `json:"output_index"`
			Item  apiItem
		}
		if err := json.Unmarshal([]byte(e.Data), &done); err == nil && done.Type == "response.output_item.done" {
			r.Output[done.Index] = done.Item
		}
	}
	return r
}

// sameDetails compares details by what they say, for ids and encrypted data that a service
// makes anew for each event.
var sameDetails = cmp.Comparer(func(a, b detail) bool {
	return a.Type == b.Type && a.Summary == b.Summary && a.Text == b.Text && (a.Data == "") == (b.Data == "") && a.Format == b.Format
})

func recordedStreams(t *testing.T) []dialecttest.Recording {
	t.Helper()
	return recordings(t, func(r dialecttest.Recording) bool { return r.Stream && r.Status == 200 })
}

// TestRecordedStreams plays every recorded stream. It has to say what its items say, and what
// the response at its end becomes as a plain reply.
func TestRecordedStreams(t *testing.T) {
	n := 0
	for _, rec := range recordedStreams(t) {
		n++
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			events := dialecttest.ParseSSE(rec.Response)
			lines := play(t, events)
			got := dialecttest.ReadStream(t, lines)
			same := cmp.Options{}
			if rec.Provider == "openrouter" { // its ids are new in every event
				same = cmp.Options{sameDetails}
			}
			if diff := cmp.Diff(itemsDone(t, events).essence(t), got, same); diff != "" {
				t.Errorf("stream (-sent +got):\n%s", diff)
			}
			if diff := cmp.Diff(dialecttest.ReadCompletion(t, host.Response(t, 200, nil, lastResponse(t, events))), got, sameDetails); diff != "" {
				t.Errorf("stream (-plain +stream):\n%s", diff)
			}
			if lines[len(lines)-1] != "[DONE]" {
				t.Errorf("the stream ends in %q", lines[len(lines)-1])
			}
		})
	}
	if n < 20 {
		t.Errorf("only %d streams", n)
	}
	t.Logf("%d streams", n)
}

// TestRecordedStreamsCut cuts every recorded stream before each of its events: none may look
// complete before its last event.
func TestRecordedStreamsCut(t *testing.T) {
	for _, rec := range recordedStreams(t) {
		events := dialecttest.ParseSSE(rec.Response)
		s := host.Start(t, nil)
		for i, e := range events {
			state, lines := s.State, s.Lines
			s.End()
			last, whole := s.Lines[len(s.Lines)-1], i > 0 && strings.Contains(events[i-1].Data, `"response.completed"`)
			if !whole && !strings.Contains(last, `"code":"stream_interrupted"`) {
				t.Fatalf("%s cut before event %d ends in %q", filepath.Base(rec.Path), i, last)
			}
			s.State, s.Lines = state, lines
			s.Feed(e.Name, e.Data)
		}
	}
}

// TestRecordedStreamsWithoutDeltas plays every recorded stream as services may shorten it: with
// nothing but the ends of items, and with nothing but its own end.
func TestRecordedStreamsWithoutDeltas(t *testing.T) {
	for _, rec := range recordedStreams(t) {
		events := dialecttest.ParseSSE(rec.Response)
		want := readResponse(t, lastResponse(t, events)).essence(t)
		for name, keep := range map[string][]string{
			"items":       {"response.created", "response.output_item.done", "response.completed"},
			"begun items": {"response.created", "response.output_item.added", "response.output_item.done", "response.completed"},
			"parts":       {"response.created", "response.output_item.added", ".done", "response.completed"},
			"end":         {"response.completed"},
		} {
			var some []sseEvent
			for _, e := range events {
				for _, kind := range keep {
					if strings.Contains(e.Data, kind+`"`) {
						some = append(some, e)
						break
					}
				}
			}
			if diff := cmp.Diff(want, dialecttest.ReadStream(t, play(t, some)), sameDetails); diff != "" {
				t.Errorf("%s, only %s (-sent +got):\n%s", filepath.Base(rec.Path), name, diff)
			}
		}
	}
}
