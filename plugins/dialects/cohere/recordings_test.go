package cohere_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// cohereReply is Cohere's reply, as far as a chat completion can express it.
type cohereReply struct {
	Message struct {
		Plan    string `json:"tool_plan"`
		Content []struct {
			Type, Text, Thinking string
		}
		Calls     []cohereCall     `json:"tool_calls"`
		Citations []cohereCitation `json:"citations"`
	}
	Finish string `json:"finish_reason"`
	Usage  cohereUsage
}

type cohereCall struct {
	ID       string
	Function struct{ Name, Arguments string }
}

type cohereCitation struct {
	Start, End int
	Text       string
	Sources    []struct {
		ID       string
		Document struct{ URL, Title string }
		Output   struct{ URL, Title string } `json:"tool_output"`
	}
}

type cohereUsage struct {
	Billed struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
	} `json:"billed_units"`
	Tokens struct {
		Input     int64 `json:"input_tokens"`
		Output    int64 `json:"output_tokens"`
		Images    int64 `json:"image_tokens"`
		Reasoning int64 `json:"reasoning_tokens"`
	}
}

var wantFinish = map[string]string{"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}

func (r cohereReply) essence(t *testing.T) essence {
	u := r.Usage
	e := essence{Model: host.Model, Text: r.Message.Plan, Finish: wantFinish[r.Finish], Thinking: u.Tokens.Reasoning,
		Prompt: u.Tokens.Input + u.Tokens.Images, Completion: u.Tokens.Output}
	for _, c := range r.Message.Content {
		e.Text += c.Text
		if c.Type == "thinking" {
			e.Reasoning += c.Thinking
			e.Thoughts = append(e.Thoughts, dialecttest.Thought{Type: "thinking", Thinking: c.Thinking, Signature: "", Data: ""})
		}
	}
	for _, c := range r.Message.Calls {
		arguments := c.Function.Arguments
		if arguments == "" {
			arguments = "{}"
		}
		e.Calls = append(e.Calls, call{ID: c.ID, Name: c.Function.Name, Arguments: dialecttest.Compact(t, arguments)})
	}
	for _, c := range r.Message.Citations {
		for _, s := range c.Sources {
			url, title := s.ID, s.Document.Title+s.Output.Title
			if u := s.Document.URL + s.Output.URL; u != "" {
				url = u
			}
			e.Links = append(e.Links, url+" "+title)
		}
	}
	return e
}

// TestRecordedReplies normalises every plain reply that was recorded.
func TestRecordedReplies(t *testing.T) {
	n := 0
	for _, rec := range recordings(t) {
		if rec.Stream || rec.Status != 200 {
			continue
		}
		n++
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			var sent cohereReply
			if err := json.Unmarshal([]byte(rec.Response), &sent); err != nil {
				t.Fatal(err)
			}
			got := host.Response(t, rec.Status, nil, rec.Response)
			if diff := cmp.Diff(sent.essence(t), dialecttest.ReadCompletion(t, got)); diff != "" {
				t.Errorf("completion (-sent +got):\n%s\n%s", diff, got)
			}
			checkSpans(t, sent, got)
			checkBilled(t, sent.Usage, got)
		})
	}
	t.Logf("%d plain replies", n)
}

// checkSpans checks that annotations span the text that Cohere says they do.
func checkSpans(t *testing.T, sent cohereReply, completion []byte) {
	t.Helper()
	var c struct {
		Choices []struct {
			Message struct {
				Content     string
				Annotations []struct {
					Citation struct {
						Start int `json:"start_index"`
						End   int `json:"end_index"`
					} `json:"url_citation"`
				}
			}
		}
	}
	if err := json.Unmarshal(completion, &c); err != nil {
		t.Fatal(err)
	}
	m, k := c.Choices[0].Message, 0
	for _, citation := range sent.Message.Citations {
		for range citation.Sources {
			span := m.Annotations[k].Citation
			if got := string([]rune(m.Content)[span.Start:span.End]); got != citation.Text {
				t.Errorf("annotation %d spans %q, want %q", k, got, citation.Text)
			}
			k++
		}
	}
}

// checkBilled checks what is charged, which is less than what the model reads.
func checkBilled(t *testing.T, want cohereUsage, completion []byte) {
	t.Helper()
	var c struct {
		Usage struct {
			Billed struct {
				Input  int64 `json:"input_tokens"`
				Output int64 `json:"output_tokens"`
			} `json:"billed_units"`
		}
	}
	if err := json.Unmarshal(completion, &c); err != nil {
		t.Fatal(err)
	}
	if c.Usage.Billed != want.Billed {
		t.Errorf("billed units = %+v, want %+v", c.Usage.Billed, want.Billed)
	}
}

// TestRecordedErrors passes on every error that was recorded.
func TestRecordedErrors(t *testing.T) {
	n := 0
	for _, rec := range recordings(t) {
		if rec.Status == 200 {
			continue
		}
		n++
		got := dialecttest.ReadError(t, host.Response(t, rec.Status, nil, rec.Response))
		if got.Status != rec.Status || !strings.Contains(rec.Response, got.Error.Message) {
			t.Errorf("%s: error = %+v, want the provider's message", filepath.Base(rec.Path), got)
		}
	}
	t.Logf("%d errors", n)
}

// TestRecordedStreams normalises every stream that was recorded and compares what a client
// makes of it with what the provider's events add up to.
func TestRecordedStreams(t *testing.T) {
	n := 0
	for _, rec := range recordings(t) {
		if !rec.Stream || rec.Status != 200 {
			continue
		}
		n++
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			events := dialecttest.ParseSSE(rec.Response)
			lines := host.Play(t, nil, events)
			if diff := cmp.Diff(accumulate(t, events).essence(t), dialecttest.ReadStream(t, lines)); diff != "" {
				t.Errorf("stream (-sent +got):\n%s", diff)
			}
			if lines[len(lines)-1] != "[DONE]" {
				t.Errorf("the stream ends in %q", lines[len(lines)-1])
			}
			checkBilled(t, accumulate(t, events).Usage, []byte(lines[len(lines)-2]))
		})
	}
	t.Logf("%d streams", n)
}

// TestRecordedStreamsCut cuts every recorded stream before each of its events: no stream
// that is cut before its message-end may look complete.
func TestRecordedStreamsCut(t *testing.T) {
	for _, rec := range recordings(t) {
		if !rec.Stream || rec.Status != 200 {
			continue
		}
		events := dialecttest.ParseSSE(rec.Response)
		for cut := range events {
			lines := host.Play(t, nil, events[:cut])
			whole := accumulate(t, events[:cut]).Finish != ""
			if last := lines[len(lines)-1]; (last == "[DONE]") != whole || strings.Contains(last, `"code":"stream_interrupted"`) == whole {
				t.Fatalf("%s cut before event %d ends in %q; the end had come: %t", filepath.Base(rec.Path), cut, last, whole)
			}
		}
	}
}

// accumulate builds the reply of the provider's events, by Cohere's own rules.
func accumulate(t *testing.T, events []dialecttest.Event) (r cohereReply) {
	t.Helper()
	for _, ev := range events {
		if ev.Data == "[DONE]" {
			continue
		}
		var e struct {
			Type  string
			Index int
			Delta struct {
				Message struct {
					Content   json.RawMessage
					Plan      string          `json:"tool_plan"`
					Calls     json.RawMessage `json:"tool_calls"`
					Citations json.RawMessage
				}
				Finish string `json:"finish_reason"`
				Usage  cohereUsage
			}
		}
		if err := json.Unmarshal([]byte(ev.Data), &e); err != nil {
			t.Fatal(err)
		}
		m := &r.Message
		var content struct{ Type, Text, Thinking string }
		var toolCall cohereCall
		switch e.Type {
		case "tool-plan-delta":
			m.Plan += e.Delta.Message.Plan
		case "content-start":
			_ = json.Unmarshal(e.Delta.Message.Content, &content)
			m.Content = append(m.Content, content)
		case "content-delta":
			_ = json.Unmarshal(e.Delta.Message.Content, &content)
			m.Content[e.Index].Text += content.Text
			m.Content[e.Index].Thinking += content.Thinking
		case "tool-call-start":
			_ = json.Unmarshal(e.Delta.Message.Calls, &toolCall)
			m.Calls = append(m.Calls, toolCall)
		case "tool-call-delta":
			_ = json.Unmarshal(e.Delta.Message.Calls, &toolCall)
			m.Calls[e.Index].Function.Arguments += toolCall.Function.Arguments
		case "citation-start":
			var citation cohereCitation
			if err := json.Unmarshal(e.Delta.Message.Citations, &citation); err != nil {
				t.Fatal(err)
			}
			m.Citations = append(m.Citations, citation)
		case "message-end":
			r.Finish, r.Usage = e.Delta.Finish, e.Delta.Usage
		}
	}
	return r
}
