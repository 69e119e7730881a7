package anthropic_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestRepliesComeBack puts every recorded reply of Anthropic's into the canonical form and
// back, as a route with transforms does: the client must get what Anthropic said, but for
// tools that Anthropic runs itself.
func TestRepliesComeBack(t *testing.T) {
	all, same := 0, 0
	for _, r := range dialecttest.Recordings(t, "anthropic", "messages") {
		if r.Status != 200 {
			continue
		}
		all++
		t.Run(filepath.Base(r.Path), func(t *testing.T) {
			var want, got message
			if r.Stream {
				want = saidInStream(t, r.Response)
				got, _ = dialecttest.ReadMessageStream(t, host.RenderStream(t, host.Play(t, nil, dialecttest.ParseSSE(r.Response))))
			} else {
				want = saidInMessage(t, []byte(r.Response))
				got = dialecttest.ReadMessage(t, host.Render(t, 200, string(host.Response(t, 200, nil, r.Response))))
			}
			want.ID, got.ID = "", ""
			if diff := cmp.Diff(inOrder(want), inOrder(got)); diff != "" {
				t.Errorf("message (-Anthropic's +ours):\n%s", diff)
			}
			if !t.Failed() {
				same++
			}
		})
	}
	t.Logf("%d of %d replies come back as they were", same, all)
}

// saidInMessage reads a message of Anthropic's, without what the canonical form has no place for.
func saidInMessage(t *testing.T, body []byte) message {
	t.Helper()
	var w struct {
		Model    string
		Stop     string  `json:"stop_reason"`
		Sequence *string `json:"stop_sequence"`
		Content  []struct {
			Type, Text, Thinking, Signature, Data, ID, Name string
			Input                                           json.RawMessage
			Citations                                       []struct{ Type, URL, Title string }
		}
		Usage json.RawMessage
	}
	if err := json.Unmarshal(body, &w); err != nil {
		t.Fatal(err)
	}
	m := message{Model: w.Model, Stop: w.Stop}
	if w.Sequence != nil {
		m.Sequence = *w.Sequence
	}
	ran, before := false, ""
	for _, c := range w.Content {
		b := block{Type: c.Type, Text: setOff(ran, before, c.Text), Thinking: c.Thinking, Signature: c.Signature, Data: c.Data}
		switch c.Type {
		case "text", "thinking", "redacted_thinking":
			for _, cited := range c.Citations {
				if cited.Type == "web_search_result_location" {
					b.Links = append(b.Links, cited.URL+" "+cited.Title)
				}
			}
		case "tool_use":
			b.ID, b.Name, b.Input = c.ID, c.Name, dialecttest.Compact(t, string(c.Input))
		default:
			ran = true
			continue // Anthropic's own tools
		}
		if c.Text != "" {
			ran, before = false, c.Text
		}
		m.Blocks = append(m.Blocks, b)
	}
	var u anthropicUsage
	if err := json.Unmarshal(w.Usage, &u); err != nil {
		t.Fatal(err)
	}
	m.Usage = countedBy(u)
	return m
}

// countedBy is usage as an Anthropic client gets it by way of the canonical form: passes are
// added up.
func countedBy(u anthropicUsage) (m dialecttest.MessageUsage) {
	prompt, completion := u.totals()
	passes := u.Iterations
	if len(passes) == 0 {
		passes = []anthropicUsage{u}
	}
	for _, p := range passes {
		if p.Type == "advisor_message" {
			continue
		}
		if p.CacheRead != nil {
			m.Read += *p.CacheRead
		}
		if p.CacheWrite != nil {
			m.Write += *p.CacheWrite
		}
	}
	m.Input, m.Output, m.Details.Thinking = prompt-m.Read-m.Write, completion, u.Details.Thinking
	return m
}

// saidInStream puts a stream of Anthropic's together.
func saidInStream(t *testing.T, body string) message {
	t.Helper()
	whole := object{}
	var content []object
	input := map[int]*strings.Builder{}
	usage := object{}
	for _, e := range dialecttest.ParseSSE(body) {
		var o object
		if err := json.Unmarshal([]byte(e.Data), &o); err != nil {
			t.Fatal(err)
		}
		index := 0
		if i, ok := o["index"].(float64); ok {
			index = int(i)
		}
		for _, named := range []any{o["usage"], member(o["message"], "usage")} {
			counts, _ := named.(object)
			for name, n := range counts {
				usage[name] = n
			}
		}
		switch o["type"] {
		case "message_start":
			whole["model"] = member(o["message"], "model")
		case "content_block_start":
			content = append(content, o["content_block"].(object))
			input[index] = new(strings.Builder)
		case "content_block_delta":
			d, b := o["delta"].(object), content[index]
			switch d["type"] {
			case "text_delta":
				b["text"] = b["text"].(string) + d["text"].(string)
			case "thinking_delta":
				b["thinking"] = b["thinking"].(string) + d["thinking"].(string)
			case "signature_delta":
				b["signature"] = d["signature"]
			case "input_json_delta":
				input[index].WriteString(d["partial_json"].(string))
			case "citations_delta":
				had, _ := b["citations"].([]any)
				b["citations"] = append(had, d["citation"])
			}
		case "content_block_stop":
			if s := input[index].String(); s != "" {
				content[index]["input"] = json.RawMessage(s)
			}
		case "message_delta":
			whole["stop_reason"], whole["stop_sequence"] = member(o["delta"], "stop_reason"), member(o["delta"], "stop_sequence")
		}
	}
	whole["content"], whole["usage"] = content, usage
	return saidInMessage(t, dialecttest.Encode(t, whole))
}

func member(v any, name string) any {
	o, _ := v.(object)
	return o[name]
}

// inOrder is a message as the canonical form orders and joins what it says: thoughts, text,
// calls. Empty blocks are left out, and how the cache was written to.
func inOrder(m message) message {
	var thoughts, calls []block
	text := block{Type: "text"}
	for _, b := range m.Blocks {
		switch b.Type {
		case "text":
			text.Text += b.Text
			text.Links = append(text.Links, b.Links...)
		case "tool_use":
			calls = append(calls, b)
		default:
			thoughts = append(thoughts, b)
		}
	}
	if m.Blocks = thoughts; text.Text != "" {
		m.Blocks = append(m.Blocks, text)
	}
	m.Blocks = append(m.Blocks, calls...)
	m.Usage.Creation.Short, m.Usage.Creation.Long = 0, 0
	return m
}
