package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// request is the part of a chat request that the demo model reads. It ignores the rest.
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

	spec spec
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

// parse parses and validates a request. Its error is a fault.
func parse(body []byte) (*request, error) {
	q := &request{}
	if err := json.Unmarshal(body, q); err != nil {
		return nil, invalidJSON(err)
	}
	var ok bool
	if q.spec, q.fault, ok = lookup(q.Model); !ok {
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
	if q.prompt > q.spec.context {
		return nil, fault{status: http.StatusBadRequest, code: "context_length_exceeded", param: "messages", message: fmt.Sprintf(
			"This model's maximum context length is %d tokens. However, your messages resulted in %d tokens.", q.spec.context, q.prompt)}
	}
	return q, nil
}

func invalidJSON(err error) fault {
	f := fault{status: http.StatusBadRequest, code: "invalid_json", message: "The request is not valid JSON."}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		f.code, f.param = "invalid_request", wrong.Field
		f.message = fmt.Sprintf("%s has the wrong type: %s.", wrong.Field, wrong.Value)
	}
	return f
}

// readFault reads the fault in the metadata, which overrides the model's own.
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
	n := q.spec.maxOutput
	for _, asked := range [...]int64{q.MaxTokens, q.MaxCompletion} {
		if asked > 0 {
			n = min(n, asked)
		}
	}
	return n
}

// count returns the prompt's size: one token for four bytes of text, and three for every
// message, as for chat templates.
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

// tokens returns how many tokens the demo provider bills for a text.
func tokens(s string) int64 { return int64(len(s)+3) / 4 }

// text returns the text of a message, its parts joined.
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

// last returns the last message, lastUser the text of the user's last one.
func (q *request) last() message { return q.Messages[len(q.Messages)-1] }

func (q *request) lastUser() string {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if q.Messages[i].Role == "user" {
			return q.Messages[i].text()
		}
	}
	return ""
}

// requiredTool returns the tool that the request requires a call of. After a tool's answer
// there is none, so that a conversation with tool_choice required ends.
func (q *request) requiredTool() (tool, bool) {
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
