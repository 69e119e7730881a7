package dialecttest

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// Message is a reply of Anthropic's Messages API, whether it came whole or as a stream.
type Message struct {
	ID, Model, Stop string
	// Sequence is the stop sequence that was met.
	Sequence string
	Blocks   []MessageBlock
	Usage    MessageUsage
}

// MessageBlock is a content block. Input is a tool's in one spelling.
type MessageBlock struct {
	Type, Text, Thinking, Signature, Data string
	ID, Name, Input                       string
	Links                                 []string
}

// MessageUsage counts tokens as Anthropic does.
type MessageUsage struct {
	Input    int64 `json:"input_tokens"`
	Write    int64 `json:"cache_creation_input_tokens"`
	Read     int64 `json:"cache_read_input_tokens"`
	Output   int64 `json:"output_tokens"`
	Creation struct {
		Short int64 `json:"ephemeral_5m_input_tokens"`
		Long  int64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	Details struct {
		Thinking int64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
}

// wireMessage is a message as it is sent. Members that clients rely on are pointers.
type wireMessage struct {
	ID, Type, Role *string
	Model          *string
	Content        *[]wireBlock
	Stop           *string `json:"stop_reason"`
	Sequence       *string `json:"stop_sequence"`
	Usage          *MessageUsage
}

type wireBlock struct {
	Type            string
	Text, Thinking  *string
	Signature, Data *string
	ID, Name        string
	Input           json.RawMessage
	Citations       []wireCitation
	Partial         string `json:"partial_json"`
	Citation        *wireCitation
	StopReason      *string `json:"stop_reason"`
	StopSequence    *string `json:"stop_sequence"`
}

type wireCitation struct {
	Type, URL string
	Title     *string
	Cited     *string `json:"cited_text"`
	Index     *string `json:"encrypted_index"`
}

func (c *wireCitation) link(t testing.TB) string {
	t.Helper()
	if c.Type != "web_search_result_location" || c.Cited == nil || c.Index == nil {
		t.Errorf("the citation %+v lacks something", c)
	}
	if c.Title == nil {
		return c.URL + " "
	}
	return c.URL + " " + *c.Title
}

// stopReasons are those that Anthropic's clients know.
var stopReasons = map[string]bool{"end_turn": true, "max_tokens": true, "stop_sequence": true, "tool_use": true, "pause_turn": true,
	"refusal": true, "model_context_window_exceeded": true}

// ReadMessage checks what every message must satisfy, and reads it.
func ReadMessage(t testing.TB, body []byte) Message {
	t.Helper()
	var w wireMessage
	if err := json.Unmarshal(body, &w); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	m := w.begin(t, body)
	if w.Stop == nil || !stopReasons[*w.Stop] {
		t.Errorf("the message has no stop reason that clients know: %s", body)
	} else {
		m.Stop = *w.Stop
	}
	if w.Sequence != nil {
		m.Sequence = *w.Sequence
	}
	for _, b := range *w.Content {
		m.Blocks = append(m.Blocks, b.read(t))
	}
	m.check(t)
	return m
}

// begin checks what a message has from its beginning.
func (w *wireMessage) begin(t testing.TB, body []byte) Message {
	t.Helper()
	if w.ID == nil || w.Type == nil || *w.Type != "message" || w.Role == nil || *w.Role != "assistant" || w.Model == nil || w.Content == nil || w.Usage == nil {
		t.Fatalf("the message lacks something: %s", body)
	}
	if *w.ID == "" || !bytes.Contains(body, []byte(`"stop_sequence":`)) || !bytes.Contains(body, []byte(`"stop_reason":`)) {
		t.Errorf("the message lacks something: %s", body)
	}
	return Message{ID: *w.ID, Model: *w.Model, Usage: *w.Usage}
}

// read reads a block as a message has it.
func (b *wireBlock) read(t testing.TB) MessageBlock {
	t.Helper()
	m := MessageBlock{Type: b.Type, ID: b.ID, Name: b.Name}
	for _, member := range []struct {
		to   *string
		from *string
	}{{&m.Text, b.Text}, {&m.Thinking, b.Thinking}, {&m.Signature, b.Signature}, {&m.Data, b.Data}} {
		if member.from != nil {
			*member.to = *member.from
		}
	}
	for _, c := range b.Citations {
		m.Links = append(m.Links, c.link(t))
	}
	if b.Type == "tool_use" {
		m.Input = Compact(t, string(b.Input))
	}
	return m
}

// check checks a message that is whole.
func (m *Message) check(t testing.TB) {
	t.Helper()
	ids, calls := map[string]bool{}, 0
	for _, b := range m.Blocks {
		switch b.Type {
		case "text":
			if b.Text == "" {
				t.Error("a text block is empty")
			}
		case "thinking":
			if b.Thinking == "" && b.Signature == "" {
				t.Error("a thinking block is empty")
			}
		case "redacted_thinking":
		case "tool_use":
			calls++
			if b.Name == "" || b.ID == "" || strings.Trim(b.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" || ids[b.ID] {
				t.Errorf("the call %q of %q has no id of its own that Anthropic takes", b.ID, b.Name)
			}
			ids[b.ID] = true
		default:
			t.Errorf("a block has the type %q", b.Type)
		}
	}
	if m.Stop == "tool_use" && calls == 0 || m.Stop == "end_turn" && calls > 0 {
		t.Errorf("stop reason %s with %d calls", m.Stop, calls)
	}
	if u := m.Usage; u.Input < 0 || u.Write < 0 || u.Read < 0 || u.Output < 0 || u.Details.Thinking > u.Output || u.Creation.Short+u.Creation.Long > u.Write {
		t.Errorf("usage %+v", u)
	}
}
