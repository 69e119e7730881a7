package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// truthClients are the clients that the makers of a dialect publish. Each says what a
// recording in its dialect holds, when it asks the provider itself. Of Cohere and Ollama there
// is none here, and OpenAI's does not read all that others send in its format: those have
// readers below.
var truthClients = map[string]replayClient{
	"anthropic":        {name: "the truth", script: []string{"node", "replay.mjs", "anthropic"}, dialect: "anthropic"},
	"openai-responses": {name: "the truth", script: []string{"node", "replay.mjs", "openai responses events"}, dialect: "openai-responses"},
	"gemini":           {name: "the truth", script: []string{"node", "replay.mjs", "genai"}, dialect: "gemini"},
}

var truthReaders = map[string]func(*llmtest.Recorded) spoken{"openai": readChat, "cohere": readCohere, "ollama": readOllama}

// replayTruth returns what every recording holds, by model, without the gateway.
func replayTruth(t *testing.T, upstream string, all []replayed) map[string]answer {
	t.Helper()
	truth := map[string]answer{}
	for dialect := range replayPaths {
		of := slices.DeleteFunc(slices.Clone(all), func(r replayed) bool { return r.dialect != dialect || r.Status != http.StatusOK })
		c, ok := truthClients[dialect]
		said := map[string]spoken{}
		if ok {
			said = c.askAll(t, upstream, of)
		} else {
			c.dialect = dialect
			for _, r := range of {
				said[r.model] = truthReaders[dialect](r.Recorded)
			}
		}
		for _, r := range of {
			s := said[r.model]
			s.Refusal += blockedBecause(r)
			if s.Error != nil {
				if ok {
					t.Errorf("%s cannot be read without the gateway: %+v", r.Path, s.Error)
				}
				truth[r.model] = answer{Status: failedInside, Message: s.Error.Message}
				continue
			}
			truth[r.model] = c.answer(s, answer{Finish: "known", Usage: &tokens{}})
		}
	}
	for _, r := range all {
		if r.Status != http.StatusOK {
			truth[r.model] = refusal(r.Recorded)
		}
	}
	return truth
}

// blockedBecause is why Google withheld a candidate, which its client for Node leaves out.
func blockedBecause(r replayed) string {
	if r.dialect != "gemini" {
		return ""
	}
	for _, o := range recordedData(r.Recorded) {
		if text, ok := dig(o, "candidates", "0", "finishMessage").(string); ok {
			return text
		}
	}
	return ""
}

// refusal is the error that was recorded. A refusal of the gateway's own key is the
// operator's matter, which callers see as 502.
func refusal(r *llmtest.Recorded) answer {
	var body any
	_ = json.Unmarshal(r.Body, &body)
	if list, ok := body.([]any); ok && len(list) > 0 {
		body = list[0]
	}
	a := answer{Status: r.Status, Message: errorText(body)}
	auth := r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden || bytes.Contains(r.Body, []byte("API_KEY_INVALID")) ||
		strings.HasPrefix(a.Message, "Incorrect API key") // xAI's has status 400
	if auth {
		a.Status = http.StatusBadGateway
	}
	return a
}

// errorText is the message of an error in the body of any provider.
func errorText(body any) string {
	for _, path := range [][]string{{"error", "message"}, {"error"}, {"message"}, {"detail"}, {"errors", "0", "message"}} {
		if s, ok := dig(body, path...).(string); ok {
			return s
		}
	}
	return ""
}

// recordedData are the JSON documents of a reply: one, or those of a stream.
func recordedData(r *llmtest.Recorded) (all []map[string]any) {
	texts := []string{string(r.Body)}
	if r.Stream {
		texts = strings.Split(string(r.Body), "\n")
	}
	for _, text := range texts {
		text = strings.TrimSpace(strings.TrimPrefix(text, "data:"))
		var o map[string]any
		if json.Unmarshal([]byte(text), &o) == nil {
			all = append(all, o)
		}
	}
	return all
}

// readChat reads a reply in OpenAI's chat format, as all those who speak it write it: content
// may be a list, and pieces of calls may lack an index.
func readChat(r *llmtest.Recorded) (s spoken) {
	at := map[any]int{}
	for _, o := range recordedData(r) {
		if text := errorText(o); text != "" {
			return spoken{Error: &fault{Message: text}}
		}
		if usage, ok := o["usage"].(map[string]any); ok {
			s.Usage = usage
		} else if usage, ok := dig(o, "x_groq", "usage").(map[string]any); ok {
			s.Usage = usage
		}
		choice := dig(o, "choices", "0")
		first, second := "message", "delta" // some have both: the whole beside a piece
		if r.Stream {
			first, second = second, first
		}
		part := dig(choice, first)
		if part == nil {
			part = dig(choice, second)
		}
		s.Text += contentText(dig(part, "content"))
		refusal, _ := dig(part, "refusal").(string)
		s.Refusal += refusal
		if call := dig(part, "function_call"); dig(call, "name") != nil && dig(call, "name") != "" {
			readCall(&s, at, 0, map[string]any{"function": call})
		}
		if f, ok := dig(choice, "finish_reason").(string); ok && f != "" {
			s.Finish = f
		}
		calls, _ := dig(part, "tool_calls").([]any)
		for i, call := range calls {
			readCall(&s, at, i, call)
		}
	}
	return s
}

// readCall adds a call or a piece of one. Those without an index go by their ids, and
// without an id by their place.
func readCall(s *spoken, at map[any]int, i int, call any) {
	key := dig(call, "index")
	if key == nil {
		key = dig(call, "id")
	}
	if key == nil || key == "" {
		key = strconv.Itoa(i)
	}
	n, ok := at[key]
	if !ok {
		n = len(s.Calls)
		at[key] = n
		name, _ := dig(call, "function", "name").(string)
		s.Calls = append(s.Calls, spokenCall{Name: name})
	}
	switch arguments := dig(call, "function", "arguments").(type) {
	case string:
		s.Calls[n].Arguments += arguments
	case map[string]any:
		b, _ := json.Marshal(arguments)
		s.Calls[n].Arguments += string(b)
	}
}

// contentText is the text of content: a string, a part or a list of parts, of which those
// with thinking are none.
func contentText(content any) (text string) {
	switch c := content.(type) {
	case string:
		return c
	case map[string]any:
		text, _ = c["text"].(string)
	case []any:
		for _, part := range c {
			text += contentText(part)
		}
	}
	return text
}

// readCohere reads a reply of Cohere's. What it plans to do with tools is text.
func readCohere(r *llmtest.Recorded) (s spoken) {
	at := map[any]int{}
	for _, o := range recordedData(r) {
		part, end := o["message"], any(o)
		if r.Stream {
			part, end = dig(o, "delta", "message"), o["delta"]
		}
		plan, _ := dig(part, "tool_plan").(string)
		s.Text += plan + contentText(dig(part, "content"))
		if f, ok := dig(end, "finish_reason").(string); ok {
			s.Finish = f
			s.Usage, _ = dig(end, "usage").(map[string]any)
		}
		switch calls := dig(part, "tool_calls").(type) {
		case []any:
			for i, call := range calls {
				readCall(&s, at, i, call)
			}
		case map[string]any:
			calls["index"] = o["index"]
			readCall(&s, at, 0, calls)
		}
	}
	return s
}

// readOllama reads a reply of Ollama's own API.
func readOllama(r *llmtest.Recorded) (s spoken) {
	for _, o := range recordedData(r) {
		s.Text += contentText(dig(o, "message", "content"))
		calls, _ := dig(o, "message", "tool_calls").([]any)
		for _, call := range calls {
			readCall(&s, map[any]int{}, 0, call)
		}
		if f, ok := o["done_reason"].(string); ok {
			s.Finish, s.Usage = f, o
		}
	}
	return s
}
