package dialecttest

import (
	"bytes"
	"encoding/json"
	"io"
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

// messageReader puts the events of a streamed message together as Anthropic's own clients do.
type messageReader struct {
	t       testing.TB
	m       Message
	started bool
	stopped bool // message_delta has come
	open    int  // the block that is open, -1 without one
	input   []strings.Builder
}

// ReadMessageStream checks what every stream must satisfy, and reads it up to its end or to
// an error event, whose data it returns.
func ReadMessageStream(t testing.TB, frames string) (m Message, failed string) {
	t.Helper()
	r := messageReader{t: t, open: -1}
	ended := false
	for frame := range strings.SplitSeq(strings.TrimSuffix(frames, "\n\n"), "\n\n") {
		if strings.HasPrefix(frame, ":") {
			continue
		}
		name, data, ok := strings.Cut(frame, "\ndata: ")
		name, isEvent := strings.CutPrefix(name, "event: ")
		if !ok || !isEvent || ended || strings.Contains(data, "\n") {
			t.Fatalf("the frame %q is none of a message, or comes after its end", frame)
		}
		if name == "error" {
			return r.m, data
		}
		CheckMembers(t, []byte(data))
		ended = r.take(name, []byte(data))
	}
	if !ended {
		t.Fatalf("the stream does not end: %s", frames)
	}
	r.m.check(t)
	return r.m, ""
}

// take takes one event, and reports whether it is the last.
func (r *messageReader) take(name string, data []byte) (last bool) {
	r.t.Helper()
	var e struct {
		Type    string
		Message *wireMessage
		Index   *int
		Block   *wireBlock `json:"content_block"`
		Delta   *wireBlock
		Usage   *MessageUsage
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&e); err != nil && err != io.EOF {
		r.t.Fatalf("%s: %v", data, err)
	}
	if e.Type != name || r.started == (name == "message_start") {
		r.t.Fatalf("the event %s with %s: wrong type, or wrong at this point", name, data)
	}
	switch name {
	case "message_start":
		var raw struct{ Message json.RawMessage }
		_ = json.Unmarshal(data, &raw)
		r.m, r.started = e.Message.begin(r.t, raw.Message), true
		if len(*e.Message.Content) > 0 || e.Message.Stop != nil {
			r.t.Errorf("the message begins with something in it: %s", data)
		}
	case "content_block_start":
		r.start(*e.Index, e.Block)
	case "content_block_delta":
		r.delta(*e.Index, e.Delta, data)
	case "content_block_stop":
		r.stop(*e.Index)
	case "message_delta":
		if r.open >= 0 || r.stopped || e.Delta.StopReason == nil || e.Usage == nil {
			r.t.Fatalf("%s comes too early, or twice, or lacks something", data)
		}
		r.stopped, r.m.Stop = true, *e.Delta.StopReason
		if e.Delta.StopSequence != nil {
			r.m.Sequence = *e.Delta.StopSequence
		}
		r.m.Usage = *e.Usage
	case "message_stop":
		return r.stopped
	default:
		r.t.Errorf("unknown event %s", name)
	}
	return false
}

func (r *messageReader) start(index int, b *wireBlock) {
	r.t.Helper()
	if index != len(r.m.Blocks) || r.open >= 0 || r.stopped {
		r.t.Fatalf("block %d begins after %d blocks, while %d is open", index, len(r.m.Blocks), r.open)
	}
	if b.Type == "tool_use" && string(b.Input) != "{}" {
		r.t.Errorf("a call begins with %s", b.Input)
	}
	if b.Type == "text" && b.Text == nil || b.Type == "thinking" && (b.Thinking == nil || b.Signature == nil) {
		r.t.Errorf("a block begins without its text: %+v", b)
	}
	r.open = index
	r.m.Blocks = append(r.m.Blocks, b.read(r.t))
	r.input = append(r.input, strings.Builder{})
}

func (r *messageReader) delta(index int, d *wireBlock, data []byte) {
	r.t.Helper()
	if index != r.open {
		r.t.Fatalf("a piece of block %d while %d is open: %s", index, r.open, data)
	}
	b := &r.m.Blocks[index]
	switch {
	case d.Type == "text_delta" && b.Type == "text":
		b.Text += *d.Text
	case d.Type == "thinking_delta" && b.Type == "thinking":
		b.Thinking += *d.Thinking
	case d.Type == "signature_delta" && b.Type == "thinking":
		b.Signature = *d.Signature
	case d.Type == "input_json_delta" && b.Type == "tool_use":
		r.input[index].WriteString(d.Partial)
	case d.Type == "citations_delta" && b.Type == "text":
		b.Links = append(b.Links, d.Citation.link(r.t))
	default:
		r.t.Errorf("the piece %s of a block of the type %s", data, b.Type)
	}
}

func (r *messageReader) stop(index int) {
	r.t.Helper()
	if index != r.open {
		r.t.Fatalf("block %d ends while %d is open", index, r.open)
	}
	r.open = -1
	if input := r.input[index].String(); input != "" {
		r.m.Blocks[index].Input = Compact(r.t, input)
	}
}
