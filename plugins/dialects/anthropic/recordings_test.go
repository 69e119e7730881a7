package anthropic_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// anthropicMessage is Anthropic's reply, as far as a chat completion can express it.
type anthropicMessage struct {
	Model   string `json:"model"`
	Content []struct {
		Type      string          `json:"type"`
		Text      string          `json:"text"`
		Thinking  string          `json:"thinking"`
		Signature string          `json:"signature"`
		Data      string          `json:"data"`
		ID        string          `json:"id"`
		Name      string          `json:"name"`
		Input     json.RawMessage `json:"input"`
		Citations []struct {
			Type, URL, Title string
		} `json:"citations"`
	} `json:"content"`
	StopReason string         `json:"stop_reason"`
	Usage      anthropicUsage `json:"usage"`
}

type anthropicUsage struct {
	Input      *int64 `json:"input_tokens"`
	Output     *int64 `json:"output_tokens"`
	CacheRead  *int64 `json:"cache_read_input_tokens"`
	CacheWrite *int64 `json:"cache_creation_input_tokens"`
	Details    struct {
		Thinking int64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
	Type       string           `json:"type"` // of an iteration
	Iterations []anthropicUsage `json:"iterations"`
}

// merge takes over what a later count names.
func (u *anthropicUsage) merge(later anthropicUsage) {
	for _, pair := range [][2]**int64{{&u.Input, &later.Input}, {&u.Output, &later.Output},
		{&u.CacheRead, &later.CacheRead}, {&u.CacheWrite, &later.CacheWrite}} {
		if *pair[1] != nil {
			*pair[0] = *pair[1]
		}
	}
	u.Iterations = later.Iterations
	u.Details = later.Details
}

// totals are prompt and completion as OpenAI counts them.
func (u anthropicUsage) totals() (prompt, completion int64) {
	passes := slices.DeleteFunc(slices.Clone(u.Iterations), func(p anthropicUsage) bool { return p.Type == "advisor_message" })
	if len(passes) == 0 {
		passes = []anthropicUsage{u}
	}
	for _, p := range passes {
		for _, n := range []*int64{p.Input, p.CacheRead, p.CacheWrite} {
			if n != nil {
				prompt += *n
			}
		}
		if p.Output != nil {
			completion += *p.Output
		}
	}
	return prompt, completion
}

var wantFinish = map[string]string{"end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop",
	"max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}

func (m anthropicMessage) essence(t *testing.T) essence {
	e := essence{Model: m.Model, Finish: wantFinish[m.StopReason], Thinking: m.Usage.Details.Thinking}
	e.Prompt, e.Completion = m.Usage.totals()
	ran := false // a tool of Anthropic's, since the text before
	for _, b := range m.Content {
		ran = ran || e.Text != "" && (b.Type == "server_tool_use" || b.Type == "mcp_tool_use")
		switch b.Type {
		case "text":
			e.Text += setOff(ran, e.Text, b.Text)
			ran = ran && b.Text == ""
			for _, c := range b.Citations {
				if c.Type == "web_search_result_location" {
					e.Links = append(e.Links, c.URL+" "+c.Title)
				}
			}
		case "tool_use":
			e.Calls = append(e.Calls, call{ID: b.ID, Name: b.Name, Arguments: dialecttest.Compact(t, string(b.Input))})
		case "thinking":
			e.Reasoning += b.Thinking
			e.Thoughts = append(e.Thoughts, thought{Type: b.Type, Thinking: b.Thinking, Signature: b.Signature, Data: ""})
		case "redacted_thinking":
			e.Thoughts = append(e.Thoughts, thought{Type: b.Type, Thinking: "", Signature: "", Data: b.Data})
		}
	}
	return e
}

// setOff is a text that follows another one, as a paragraph of its own if a tool of Anthropic's
// has run in between.
func setOff(ran bool, before, text string) string {
	if ran && before != "" && text != "" && !strings.HasSuffix(before, "\n") && !strings.HasPrefix(text, "\n") {
		return "\n\n" + text
	}
	return text
}

// TestRecordedReplies normalises every plain reply that was recorded.
func TestRecordedReplies(t *testing.T) {
	n := 0
	for _, rec := range dialecttest.Recordings(t, "anthropic", "messages") {
		if rec.Stream || rec.Status != 200 {
			continue
		}
		n++
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			var sent anthropicMessage
			if err := json.Unmarshal([]byte(rec.Response), &sent); err != nil {
				t.Fatal(err)
			}
			got := respond(t, rec.Status, rec.Response)
			if diff := cmp.Diff(sent.essence(t), dialecttest.ReadCompletion(t, got)); diff != "" {
				t.Errorf("completion (-sent +got):\n%s\n%s", diff, got)
			}
		})
	}
	t.Logf("%d plain replies", n)
}

// TestRecordedErrors passes on every error that was recorded.
func TestRecordedErrors(t *testing.T) {
	n := 0
	for _, rec := range dialecttest.Recordings(t, "anthropic", "messages") {
		if rec.Status == 200 {
			continue
		}
		n++
		got := dialecttest.ReadError(t, respond(t, rec.Status, rec.Response))
		if got.Status != rec.Status || !strings.Contains(rec.Response, `"type":"`+got.Error.Type+`"`) && !strings.Contains(rec.Response, `"type": "`+got.Error.Type+`"`) ||
			!strings.Contains(rec.Response, got.Error.Message) {
			t.Errorf("%s: error = %+v, want the provider's type and message", filepath.Base(rec.Path), got)
		}
	}
	t.Logf("%d errors", n)
}

// TestRecordedStreams normalises every stream that was recorded and compares what a
// client makes of it with what the provider's events add up to.
func TestRecordedStreams(t *testing.T) {
	n := 0
	for _, rec := range dialecttest.Recordings(t, "anthropic", "messages") {
		if !rec.Stream || rec.Status != 200 {
			continue
		}
		n++
		t.Run(filepath.Base(rec.Path), func(t *testing.T) {
			events := dialecttest.ParseSSE(rec.Response)
			lines := play(t, events)
			got := dialecttest.ReadStream(t, lines)
			if diff := cmp.Diff(accumulate(t, events).essence(t), got); diff != "" {
				t.Errorf("stream (-sent +got):\n%s", diff)
			}
			if lines[len(lines)-1] != "[DONE]" {
				t.Errorf("the stream ends in %q", lines[len(lines)-1])
			}
		})
	}
	t.Logf("%d streams", n)
}

// TestRecordedStreamsCut cuts every recorded stream before each of its events: no
// stream that is cut before its stop reason may look complete, and one that is cut
// after it has lost nothing.
func TestRecordedStreamsCut(t *testing.T) {
	for _, rec := range dialecttest.Recordings(t, "anthropic", "messages") {
		if !rec.Stream || rec.Status != 200 {
			continue
		}
		events := dialecttest.ParseSSE(rec.Response)
		for cut := range events {
			lines := play(t, events[:cut])
			whole := accumulate(t, events[:cut]).StopReason != ""
			if last := lines[len(lines)-1]; (last == "[DONE]") != whole || strings.Contains(last, `"code":"stream_interrupted"`) == whole {
				t.Fatalf("%s cut before event %d ends in %q; a stop reason had come: %t", filepath.Base(rec.Path), cut, last, whole)
			}
		}
	}
}

// accumulate builds the message of the provider's events, by Anthropic's own rules.
func accumulate(t *testing.T, events []sseEvent) anthropicMessage {
	t.Helper()
	var m anthropicMessage
	inputs := map[int]string{}
	for _, ev := range events {
		var e struct {
			Type    string          `json:"type"`
			Index   int             `json:"index"`
			Message json.RawMessage `json:"message"`
			Block   json.RawMessage `json:"content_block"`
			Usage   anthropicUsage  `json:"usage"`
			Delta   struct {
				Type        string          `json:"type"`
				Text        string          `json:"text"`
				Thinking    string          `json:"thinking"`
				Signature   string          `json:"signature"`
				PartialJSON string          `json:"partial_json"`
				Citation    json.RawMessage `json:"citation"`
				StopReason  string          `json:"stop_reason"`
			} `json:"delta"`
		}
		if err := json.Unmarshal([]byte(ev.Data), &e); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case "message_start":
			_ = json.Unmarshal(e.Message, &m)
			m.Content = nil
		case "content_block_start":
			var one anthropicMessage
			_ = json.Unmarshal([]byte(`{"content":[`+string(e.Block)+`]}`), &one)
			m.Content = append(m.Content, one.Content...)
		case "content_block_delta":
			b := &m.Content[e.Index]
			b.Text += e.Delta.Text
			b.Thinking += e.Delta.Thinking
			b.Signature += e.Delta.Signature
			inputs[e.Index] += e.Delta.PartialJSON
			if e.Delta.Citation != nil {
				var one anthropicMessage
				_ = json.Unmarshal([]byte(`{"content":[{"citations":[`+string(e.Delta.Citation)+`]}]}`), &one)
				b.Citations = append(b.Citations, one.Content[0].Citations...)
			}
		case "message_delta":
			m.StopReason = e.Delta.StopReason
			m.Usage.merge(e.Usage)
		}
	}
	for i, input := range inputs {
		if input != "" {
			m.Content[i].Input = json.RawMessage(input)
		}
	}
	return m
}
