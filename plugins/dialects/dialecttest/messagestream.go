package dialecttest

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

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
