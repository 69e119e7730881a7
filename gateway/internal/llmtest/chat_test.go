package llmtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

var chat = llmtest.Chat{
	Text:  "One two three",
	Tools: []llmtest.ToolCall{{ID: "call_1", Name: "add", Arguments: `{"a":1,"b":2}`}},
	Usage: llm.Usage{Input: 20, CacheRead: 4, Output: 7},
}

// events joins the frames and parses them.
func events(t *testing.T, frames [][]byte) (names, datas []string) {
	t.Helper()
	r := framing.NewReader(bytes.NewReader(bytes.Join(frames, nil)), 0)
	defer r.Release()
	for {
		e, err := r.Next()
		if err == io.EOF {
			return names, datas
		}
		if err != nil || e.Partial {
			t.Fatalf("frame %q: %v", e.Raw, err)
		}
		names, datas = append(names, string(e.Name)), append(datas, string(e.Data))
	}
}

func TestOpenAIChunks(t *testing.T) {
	_, datas := events(t, chat.OpenAIChunks(true))
	if last := datas[len(datas)-1]; last != "[DONE]" {
		t.Fatalf("last event = %q, want [DONE]", last)
	}
	var text, args, finish string
	var total int
	for _, d := range datas[:len(datas)-1] {
		var c struct {
			Choices []struct {
				Delta struct {
					Content string
					Tools   []struct{ Function struct{ Arguments string } } `json:"tool_calls"`
				}
				Finish string `json:"finish_reason"`
			}
			Usage struct {
				Total int `json:"total_tokens"`
			}
		}
		if err := json.Unmarshal([]byte(d), &c); err != nil {
			t.Fatalf("chunk %q: %v", d, err)
		}
		total += c.Usage.Total
		for _, choice := range c.Choices {
			text += choice.Delta.Content
			finish += choice.Finish
			for _, tool := range choice.Delta.Tools {
				args += tool.Function.Arguments
			}
		}
	}
	if text != chat.Text || args != chat.Tools[0].Arguments || finish != "tool_calls" || total != 27 {
		t.Errorf("stream says %q, %q, %q, %d tokens", text, args, finish, total)
	}
	if n := strings.Count(string(bytes.Join(chat.OpenAIChunks(false), nil)), `"usage"`); n != 0 {
		t.Errorf("usage appears %d times without being requested", n)
	}
}

func TestAnthropicEvents(t *testing.T) {
	names, datas := events(t, chat.AnthropicEvents())
	if names[0] != "message_start" || names[len(names)-1] != "message_stop" {
		t.Errorf("events = %v", names)
	}
	var text, args string
	for i, d := range datas {
		var e struct {
			Type  string
			Delta struct {
				Text string
				JSON string `json:"partial_json"`
			}
		}
		if err := json.Unmarshal([]byte(d), &e); err != nil || e.Type != names[i] {
			t.Fatalf("event %q named %q: %v", d, names[i], err)
		}
		text += e.Delta.Text
		args += e.Delta.JSON
	}
	if text != chat.Text || args != chat.Tools[0].Arguments {
		t.Errorf("stream says %q, %q", text, args)
	}
}

func TestPlainReplies(t *testing.T) {
	for name, body := range map[string]string{
		"OpenAI": chat.OpenAI(), "Anthropic": chat.Anthropic(), "zero": llmtest.Chat{}.OpenAI(),
		"OpenAI error":    llmtest.OpenAIError("server_error", "boom", "It broke."),
		"Anthropic error": llmtest.AnthropicError("overloaded_error", "Overloaded"),
	} {
		if !json.Valid([]byte(body)) {
			t.Errorf("%s is not JSON: %s", name, body)
		}
	}
}
