package wire

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// shape is what tells bodies of different formats apart. Members that two formats have alike
// are not in it.
type shape struct {
	Model string
	// Contents is Gemini's, Messages that of chat completions and Anthropic's API.
	Contents, Messages, Prompt json.RawMessage
	// System, StopSequences and AnthropicVersion are Anthropic's only.
	System           json.RawMessage
	StopSequences    json.RawMessage `json:"stop_sequences"`
	AnthropicVersion json.RawMessage `json:"anthropic_version"`
	Tools            json.RawMessage
	// Input is a conversation of the Responses API, or texts to embed.
	Input          json.RawMessage
	EncodingFormat json.RawMessage `json:"encoding_format"`
	Dimensions     json.RawMessage
	InputType      json.RawMessage `json:"input_type"`
}

// GuessPath returns a path at which clients send bodies such as this one, for requests that
// come without their path. Chat completions are assumed where nothing says otherwise. The
// error is for a Gemini request that does not say its model, which usually is in its path.
func GuessPath(body []byte) (string, error) {
	var s shape
	if json.Unmarshal(body, &s) != nil {
		return chatCompletions.Paths[0], nil // which says what is wrong with the body
	}
	switch {
	case s.Contents != nil:
		model := strings.TrimPrefix(s.Model, "models/")
		if model == "" {
			return "", &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "endpoint",
				Message: "This is a Gemini request, whose path names the model: give the endpoint, such as /v1beta/models/NAME:generateContent."}
		}
		path, _ := PathOf(llm.ChatCompletions, llm.Gemini, model, false)
		return path, nil
	case s.Messages != nil && s.anthropic():
		return messages.Paths[0], nil
	case s.Messages != nil:
		return chatCompletions.Paths[0], nil
	case s.EncodingFormat != nil || s.Dimensions != nil || s.InputType != nil || embeds(s.Input):
		return embeddings.Paths[0], nil
	case s.Input != nil:
		return responses.Paths[0], nil
	case s.Prompt != nil:
		return completions.Paths[0], nil
	}
	return chatCompletions.Paths[0], nil
}

// anthropic reports whether the messages are those of Anthropic's API.
func (s *shape) anthropic() bool {
	if s.System != nil || s.StopSequences != nil || s.AnthropicVersion != nil {
		return true
	}
	var tools []map[string]json.RawMessage
	_ = json.Unmarshal(s.Tools, &tools) // without tools, or what are none, there is no mark
	for _, t := range tools {
		if t["input_schema"] != nil {
			return true
		}
	}
	var list []struct{ Content json.RawMessage }
	_ = json.Unmarshal(s.Messages, &list)
	for _, m := range list {
		var blocks []map[string]json.RawMessage
		_ = json.Unmarshal(m.Content, &blocks)
		for _, b := range blocks {
			switch string(b["type"]) {
			case `"tool_use"`, `"tool_result"`, `"thinking"`, `"redacted_thinking"`, `"image"`, `"document"`:
				return true
			}
			if b["cache_control"] != nil {
				return true
			}
		}
	}
	return false
}

// embeds reports whether an input is a list of texts or of tokens, which only embeddings have.
func embeds(input json.RawMessage) bool {
	var texts []string
	var tokens []int64
	var lists [][]int64
	if json.Unmarshal(input, &texts) == nil {
		return len(texts) > 0
	}
	return json.Unmarshal(input, &tokens) == nil && len(tokens) > 0 || json.Unmarshal(input, &lists) == nil && len(lists) > 0
}
