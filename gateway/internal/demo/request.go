package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// request is what the demo model reads of a chat request; the rest it ignores, as
// it must ignore what it does not know.
type request struct {
	Model    string
	Messages []message
	Stream   bool
	Options  struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens     int64 `json:"max_tokens"`
	MaxCompletion int64 `json:"max_completion_tokens"`
	Choices       int   `json:"n"`
	Tools         []tool
	ToolChoice    json.RawMessage `json:"tool_choice"`
	Format        struct {
		Type   string
		Schema struct{ Schema json.RawMessage } `json:"json_schema"`
	} `json:"response_format"`
	Metadata map[string]json.RawMessage

	card card
	// fault is what the model's name or the metadata asks for.
	fault string
	// size of the prompt in tokens.
	prompt int64
}

type message struct {
	Role    string
	Content json.RawMessage
}

type tool struct {
	Function struct {
		Name       string
		Parameters json.RawMessage
	}
}

const maxChoices = 8

// parse reads and checks a request. Its error is a fault.
func parse(body []byte) (*request, error) {
	q := &request{}
	if err := json.Unmarshal(body, q); err != nil {
		return nil, unreadable(err)
	}
	var ok bool
	if q.card, q.fault, ok = lookup(q.Model); !ok {
		return nil, noModel(q.Model)
	}
	if len(q.Messages) == 0 {
		return nil, fault{status: http.StatusBadRequest, code: "invalid_request", param: "messages", message: "messages must hold at least one message."}
	}
	if q.Choices = max(q.Choices, 1); q.Choices > maxChoices {
		return nil, fault{status: http.StatusBadRequest, code: "invalid_request", param: "n", message: "n must be at most 8."}
	}
	if err := q.readFault(); err != nil {
		return nil, err
	}
	q.prompt = q.count()
	if q.prompt > q.card.context {
		return nil, fault{status: http.StatusBadRequest, code: "context_length_exceeded", param: "messages", message: fmt.Sprintf(
			"This model's maximum context length is %d tokens. However, your messages resulted in %d tokens.", q.card.context, q.prompt)}
	}
	return q, nil
}

func unreadable(err error) fault {
	f := fault{status: http.StatusBadRequest, code: "invalid_json", message: "The request is not valid JSON."}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		f.code, f.param = "invalid_request", wrong.Field
		f.message = fmt.Sprintf("%s has the wrong type: %s.", wrong.Field, wrong.Value)
	}
	return f
}

// readFault takes a fault out of the metadata; it goes before the model's own.
func (q *request) readFault() error {
	raw, ok := q.Metadata["demo_fault"]
	if !ok {
		return nil
	}
	var name string
	if json.Unmarshal(raw, &name) != nil || !known(name) {
		return fault{status: http.StatusBadRequest, code: "invalid_request", param: "metadata.demo_fault",
			message: `demo_fault must be "stall", "cut", "slow" or a status from "400" to "599".`}
	}
	q.fault = name
	return nil
}

// limit is the largest reply in tokens.
func (q *request) limit() int64 {
	n := q.card.maxOutput
	for _, asked := range [...]int64{q.MaxTokens, q.MaxCompletion} {
		if asked > 0 {
			n = min(n, asked)
		}
	}
	return n
}

// count is the prompt's size: four bytes of text are a token, and every message
// costs three more, as chat templates do.
func (q *request) count() int64 {
	n := int64(3)
	for _, m := range q.Messages {
		n += 3 + tokens(m.text())
	}
	for _, t := range q.Tools {
		n += tokens(t.Function.Name) + tokens(string(t.Function.Parameters))
	}
	return n
}

// tokens counts text the way the demo provider bills it.
func tokens(s string) int64 { return int64(len(s)+3) / 4 }

// text is what a message says, its parts joined.
func (m message) text() string {
	var s string
	if json.Unmarshal(m.Content, &s) == nil {
		return s
	}
	var parts []struct{ Text string }
	if json.Unmarshal(m.Content, &parts) != nil {
		return ""
	}
	var all strings.Builder
	for _, p := range parts {
		all.WriteString(p.Text)
	}
	return all.String()
}

// last is the last message, lastUser what the user said last.
func (q *request) last() message { return q.Messages[len(q.Messages)-1] }

func (q *request) lastUser() string {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if q.Messages[i].Role == "user" {
			return q.Messages[i].text()
		}
	}
	return ""
}

// wanted is the tool that the caller insists on. Once a tool has answered there is
// none any more: a caller that always insists would never hear the end.
func (q *request) wanted() (tool, bool) {
	if len(q.Tools) == 0 || q.last().Role == "tool" {
		return tool{}, false
	}
	var mode string
	if json.Unmarshal(q.ToolChoice, &mode) == nil {
		return q.Tools[0], mode == "required"
	}
	var named struct{ Function struct{ Name string } }
	if json.Unmarshal(q.ToolChoice, &named) != nil {
		return tool{}, false
	}
	for _, t := range q.Tools {
		if t.Function.Name == named.Function.Name {
			return t, true
		}
	}
	return tool{}, false
}
