package wire

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// AnswerText returns what a complete reply says, from its events: those of a stream, or the
// one event of a plain reply in any form that Read returns.
func (d *Dialects) AnswerText(events []llm.Event) (out llm.AnswerText) {
	if n := len(events); n == 1 && events[0].Final && len(events[0].Data) > 0 {
		return plainText(events[0].Data)
	}
	quoted := []byte{'"'}
	for i := range events {
		quoted = append(quoted, events[i].Text...)
		out.Refused = out.Refused || events[i].Other && marksRefusal(events[i].Data)
	}
	_ = json.Unmarshal(append(quoted, '"'), &out.Text) // the reader has checked the parts
	return out
}

// marksRefusal reports whether an event of a stream has a refusal's text.
func marksRefusal(data []byte) bool {
	var e struct {
		Type    string
		Choices []struct{ Delta struct{ Refusal string } }
	}
	if !bytes.Contains(data, []byte("refusal")) || json.Unmarshal(data, &e) != nil {
		return false
	}
	return strings.HasPrefix(e.Type, "response.refusal") || len(e.Choices) > 0 && e.Choices[0].Delta.Refusal != ""
}

// answerForms is what the forms of plain replies have of their text: chat completions and
// completions have choices, the Messages API content, the Responses API output, and
// generateContent candidates.
type answerForms struct {
	Choices []struct {
		Text    string
		Message struct {
			Content json.RawMessage
			Refusal string
		}
	}
	Content []answerPart
	Output  []struct {
		Type    string
		Content []answerPart
	}
	Candidates []struct{ Content struct{ Parts []answerPart } }
}

// answerPart is one part of an answer: its text, unless it is a thought.
type answerPart struct {
	Type, Text, Refusal string
	Thought             bool
}

// plainText reads the text of a plain reply. What is not text is left out.
func plainText(body []byte) (out llm.AnswerText) {
	var a answerForms
	_ = json.Unmarshal(body, &a) // members of other types count as missing
	parts := a.Content
	if len(a.Choices) > 0 {
		c := &a.Choices[0]
		out.Text, out.Refused = c.Text, c.Message.Refusal != ""
		if json.Unmarshal(c.Message.Content, &out.Text) != nil {
			_ = json.Unmarshal(c.Message.Content, &parts)
		}
	}
	for _, item := range a.Output {
		if item.Type == "message" {
			parts = append(parts, item.Content...)
		}
	}
	if len(a.Candidates) > 0 {
		parts = append(parts, a.Candidates[0].Content.Parts...)
	}
	for _, p := range parts {
		out.Refused = out.Refused || p.Refusal != ""
		if !p.Thought {
			out.Text += p.Text
		}
	}
	return out
}
