package llmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// question is a request to Model, in any format.
type question struct {
	kind   kind
	model  string
	stream bool
	body   any
	reply  Chat
}

// kind is the endpoint that is asked.
type kind int

const (
	chatCompletions kind = iota
	messages
	responses
	generateContent
	counting
	completions
	embedding
)

func readQuestion(r *http.Request) (*question, error) {
	q := &question{}
	if err := json.NewDecoder(r.Body).Decode(&q.body); err != nil {
		return nil, fmt.Errorf("%s: %w", r.URL.Path, err)
	}
	q.model, _ = q.at("model").(string)
	q.stream = q.at("stream") == true
	name, verb, _ := strings.Cut(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], ":")
	switch name {
	case "completions":
		if !strings.HasSuffix(r.URL.Path, "/chat/completions") {
			q.kind = completions
		}
	case "messages":
		q.kind = messages
	case "responses":
		q.kind = responses
	case "count_tokens", "input_tokens":
		q.kind = counting
	case "embeddings", "embed":
		q.kind = embedding
	default:
		q.kind, q.model, q.stream = generateContent, name, verb == "streamGenerateContent"
		switch verb {
		case "countTokens":
			q.kind = counting
		case "embedContent", "batchEmbedContents":
			q.kind = embedding
		}
	}
	return q, nil
}

// at returns the member of the body at a path, or nil.
func (q *question) at(path ...string) any { return at(q.body, path...) }

func at(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return v
}

// chat is the model's reply.
func (q *question) chat() Chat {
	c := Chat{Model: q.model}
	if tier, ok := strings.CutPrefix(q.model, "tier-"); ok {
		c.Usage.Tier = llm.ParseTier(tier)
	}
	tools := q.tools()
	switch {
	case q.answered():
		c.Text = ModelResult
	case len(tools) > 0:
		for i := range q.calls() {
			c.Tools = append(c.Tools, ToolCall{ID: "call_" + strconv.Itoa(i), Name: tools[0], Arguments: ModelArguments})
		}
	case q.wantsJSON():
		c.Text = ModelArguments
	default:
		c.Text = ModelText
	}
	if q.wantsThinking() {
		c.Thinking, c.Signature = ModelThinking, ModelSignature
	}
	return c
}

// tools returns the names of the functions that may be called.
func (q *question) tools() []string {
	if choice := q.at("tool_choice"); choice == "none" || at(choice, "type") == "none" ||
		q.at("toolConfig", "functionCallingConfig", "mode") == "NONE" {
		return nil
	}
	var names []string
	declared, _ := q.at("tools").([]any)
	for _, tool := range declared {
		functions, ok := at(tool, "functionDeclarations").([]any)
		if !ok {
			functions = []any{tool, at(tool, "function"), at(tool, "custom")}
		}
		for _, f := range functions {
			if name, ok := at(f, "name").(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// calls is how many calls the model makes at once.
func (q *question) calls() int {
	if b, err := json.Marshal(q.last()); err == nil && strings.Contains(string(b), "both") {
		return 2
	}
	return 1
}

// conversation returns the messages.
func (q *question) conversation() []any {
	for _, name := range []string{"messages", "input", "contents"} {
		if list, ok := q.at(name).([]any); ok {
			return list
		}
	}
	return []any{q.at("input")}
}

// last returns the last message.
func (q *question) last() any {
	all := q.conversation()
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// answered reports whether the last message holds a result of a call.
func (q *question) answered() bool { return resultsIn(q.last()) > 0 }

// results is how many results of calls the conversation holds.
func (q *question) results() int {
	n := 0
	for _, m := range q.conversation() {
		n += resultsIn(m)
	}
	return n
}

// resultsIn is how many results of calls a message holds.
func resultsIn(message any) int {
	if at(message, "role") == "tool" {
		return 1
	}
	content, _ := at(message, "content").([]any)
	parts, _ := at(message, "parts").([]any)
	n := 0
	for _, part := range slices.Concat([]any{message}, content, parts) {
		switch kind := at(part, "type"); {
		case kind == "tool_result", kind == "function_call_output", kind == "custom_tool_call_output", at(part, "functionResponse") != nil:
			n++
		}
	}
	return n
}

func (q *question) wantsJSON() bool {
	for _, kind := range []any{q.at("response_format", "type"), q.at("text", "format", "type"), q.at("output_config", "format", "type")} {
		if kind == "json_schema" || kind == "json_object" {
			return true
		}
	}
	return q.at("generationConfig", "responseMimeType") == "application/json"
}

func (q *question) wantsThinking() bool {
	kind := q.at("thinking", "type")
	return kind != nil && kind != "disabled" || q.at("reasoning_effort") != nil || q.at("reasoning", "effort") != nil ||
		q.at("generationConfig", "thinkingConfig") != nil
}
