package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// anthropicChecks put Anthropic's official client for Go through what the scripts in
// testdata/clients put those for Node and Python through.
var anthropicChecks = map[string]func(*testing.T, anthropic.Client, string){
	"message":       checkMessage,
	"stream":        checkMessageStream,
	"thinking":      checkThinking,
	"tool loop":     checkMessageTools,
	"output format": checkOutputFormat,
	"count tokens":  checkCountTokens,
	"errors":        checkMessageErrors,
	"cut stream":    checkMessageCut,
	"abort":         checkMessageAbort,
}

// TestGoAnthropic runs those checks at every provider.
func TestGoAnthropic(t *testing.T) {
	s := startForSDK(t)
	c := anthropic.NewClient(option.WithoutEnvironmentDefaults(), option.WithBaseURL(s.URL), option.WithAPIKey(s.Key), option.WithMaxRetries(0))
	for _, p := range sdkProviders {
		for name, check := range anthropicChecks {
			t.Run(p.name+"/"+name, func(t *testing.T) { check(t, c, p.name) })
		}
	}
}

// askClaude is a question to a model.
func askClaude(model, text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: anthropic.Model(model), MaxTokens: 2048,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))}}
}

// streamMessage has the client's accumulator put a stream together.
func streamMessage(ctx context.Context, c anthropic.Client, p anthropic.MessageNewParams) (*anthropic.Message, error) {
	stream := c.Messages.NewStreaming(ctx, p)
	defer stream.Close()
	m := &anthropic.Message{}
	for stream.Next() {
		if err := m.Accumulate(stream.Current()); err != nil {
			return m, err
		}
	}
	return m, stream.Err()
}

func wantMessage(t *testing.T, m *anthropic.Message, err error, text string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Content) != 1 || m.Content[0].Text != text || m.StopReason != anthropic.StopReasonEndTurn {
		t.Errorf("message = %+v, want %q", m.Content, text)
	}
	if m.Usage.InputTokens <= 0 || m.Usage.OutputTokens <= 0 {
		t.Errorf("usage = %s, want positive counts", m.Usage.RawJSON())
	}
}

func checkMessage(t *testing.T, c anthropic.Client, model string) {
	m, err := c.Messages.New(t.Context(), askClaude(model, "hello"))
	wantMessage(t, m, err, llmtest.ModelText)
}

func checkMessageStream(t *testing.T, c anthropic.Client, model string) {
	m, err := streamMessage(t.Context(), c, askClaude(model, "hello"))
	wantMessage(t, m, err, llmtest.ModelText)
}

func checkThinking(t *testing.T, c anthropic.Client, model string) {
	p := askClaude(model, "hello")
	p.Thinking = anthropic.ThinkingConfigParamOfEnabled(1024)
	m, err := streamMessage(t.Context(), c, p)
	if err != nil || len(m.Content) != 2 || m.Content[0].Thinking != llmtest.ModelThinking {
		t.Fatalf("message = %+v, %v, want thinking and text", m.Content, err)
	}
	p.Messages = append(p.Messages, m.ToParam(), anthropic.NewUserMessage(anthropic.NewTextBlock("again")))
	if m, err = c.Messages.New(t.Context(), p); err != nil || m.Content[len(m.Content)-1].Text != llmtest.ModelText {
		t.Errorf("with the thinking returned: %v", err)
	}
}

func checkMessageTools(t *testing.T, c anthropic.Client, model string) {
	p := askClaude(model, "The weather in both cities?")
	p.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: "get_weather", InputSchema: anthropic.ToolInputSchemaParam{
		Properties: map[string]any{"city": map[string]any{"type": "string"}}}}}}
	plain, err := c.Messages.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := streamMessage(t.Context(), c, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*anthropic.Message{plain, streamed} {
		var results []anthropic.ContentBlockParamUnion
		for _, block := range m.Content {
			if block.Type == "tool_use" && block.Name == "get_weather" && strings.Contains(string(block.Input), "Oslo") && json.Valid(block.Input) {
				results = append(results, anthropic.NewToolResultBlock(block.ID, "21 degrees", false))
			}
		}
		if len(results) != 2 || m.StopReason != anthropic.StopReasonToolUse {
			t.Fatalf("message = %s, want two calls", m.RawJSON())
		}
		next := p
		next.Messages = append(p.Messages[:1:1], m.ToParam(), anthropic.NewUserMessage(results...))
		last, err := c.Messages.New(t.Context(), next)
		wantMessage(t, last, err, llmtest.ModelResult)
	}
}

func checkOutputFormat(t *testing.T, c anthropic.Client, model string) {
	p := askClaude(model, "hello")
	p.OutputConfig.Format.Schema = map[string]any{"type": "object", "additionalProperties": false}
	m, err := c.Messages.New(t.Context(), p)
	wantMessage(t, m, err, llmtest.ModelArguments)
}

func checkCountTokens(t *testing.T, c anthropic.Client, model string) {
	p := anthropic.MessageCountTokensParams{Model: anthropic.Model(model), Messages: askClaude(model, "hello").Messages}
	if n, err := c.Messages.CountTokens(t.Context(), p); err != nil || n.InputTokens <= 0 {
		t.Errorf("count = %+v, %v, want a positive count", n, err)
	}
}

func checkMessageErrors(t *testing.T, c anthropic.Client, model string) {
	for name, status := range map[string]int{model + "s": http.StatusNotFound, model + "-fail-429": http.StatusTooManyRequests,
		model + "-fail-503": http.StatusServiceUnavailable} {
		_, err := c.Messages.New(t.Context(), askClaude(name, "hello"))
		var e *anthropic.Error
		if !errors.As(err, &e) || e.StatusCode != status || !strings.Contains(e.RawJSON(), `"type":"error"`) {
			t.Errorf("%s: %v, want status %d in Anthropic's form", name, err, status)
		}
	}
}

func checkMessageCut(t *testing.T, c anthropic.Client, model string) {
	if m, err := streamMessage(t.Context(), c, askClaude(model+"-cut", "hello")); err == nil || m.StopReason != "" {
		t.Errorf("cut stream = %q, %v, want an error and no stop reason", m.StopReason, err)
	}
}

func checkMessageAbort(t *testing.T, c anthropic.Client, model string) {
	ctx, abort := context.WithCancel(t.Context())
	defer abort()
	stream := c.Messages.NewStreaming(ctx, askClaude(model+"-stall", "hello"))
	defer stream.Close()
	if !stream.Next() {
		t.Fatalf("no first event: %v", stream.Err())
	}
	abort()
	for stream.Next() {
	}
	if !errors.Is(stream.Err(), context.Canceled) {
		t.Errorf("aborted stream: %v, want %v", stream.Err(), context.Canceled)
	}
}
