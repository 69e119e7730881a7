package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

// goChecks put the official Go client through what testdata/clients/openai.mjs puts
// the Node client through, under the same names.
var goChecks = map[string]func(*testing.T, served){
	"models":                checkModels,
	"chat":                  checkChat,
	"stream":                checkStream,
	"stream usage":          checkStreamUsage,
	"text completion":       checkTextCompletion,
	"stream helper":         checkStreamHelper,
	"tools":                 checkTools,
	"tools stream":          checkToolsStream,
	"response format":       checkResponseFormat,
	"error 400":             checkError400,
	"error 401":             checkError401,
	"error 404":             checkError404,
	"error 429 upstream":    checkError429Upstream,
	"error 403 budget":      checkError403Budget,
	"error 5xx":             checkError5xx,
	"error before a stream": checkErrorBeforeStream,
	"abort":                 checkAbort,
	"cut stream":            checkCutStream,
	"cut reply":             checkCutReply,
	"stalled stream":        checkStalledStream,
}

// clientTimeout bounds one check.
const clientTimeout = 30 * time.Second

// goClient is the official client with the retries it has by default. It counts the
// HTTP requests it sends: a check sees whether an error made it try again.
type goClient struct {
	openai.Client
	ctx  context.Context
	sent *atomic.Int64
}

func newGoClient(t *testing.T, g served, key string) goClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	t.Cleanup(cancel)
	sent := new(atomic.Int64)
	count := func(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		sent.Add(1)
		return next(r)
	}
	return goClient{openai.NewClient(option.WithBaseURL(g.BaseURL), option.WithAPIKey(key), option.WithMiddleware(count)), ctx, sent}
}

// ask is a plain question to a model.
func ask(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{
		openai.UserMessage("Say something nice about gateways."),
	}}
}

// askWeather wants the model to call a tool.
func askWeather() openai.ChatCompletionNewParams {
	params := ask("demo")
	params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "get_weather", Description: openai.String("The weather in a city"),
		Parameters: shared.FunctionParameters{"type": "object", "required": []string{"city"}, "additionalProperties": false,
			"properties": map[string]any{"city": map[string]any{"type": "string"}}},
	})}
	params.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "get_weather"})
	return params
}

// checkTextCompletion asks at the older completions API.
func checkTextCompletion(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	params := openai.CompletionNewParams{Model: "demo", MaxTokens: openai.Int(500),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Say something nice about gateways.")}}
	reply, err := c.Completions.New(c.ctx, params)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Object != "text_completion" || reply.Choices[0].Text == "" || reply.Choices[0].FinishReason != "stop" {
		t.Errorf("completion = %+v, want some text and stop", reply)
	}
	wantUsage(t, reply.Usage)
	stream := c.Completions.NewStreaming(c.ctx, params)
	defer stream.Close()
	text, finish := "", openai.CompletionChoiceFinishReason("")
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			text += choice.Text
			finish += choice.FinishReason
		}
	}
	if stream.Err() != nil || text != reply.Choices[0].Text || finish != "stop" {
		t.Errorf("the stream gave %q, %q, %v, want %q", text, finish, stream.Err(), reply.Choices[0].Text)
	}
}

// collect reads a stream to its end.
func (c goClient) collect(params openai.ChatCompletionNewParams, opts ...option.RequestOption) ([]openai.ChatCompletionChunk, error) {
	stream := c.Chat.Completions.NewStreaming(c.ctx, params, opts...)
	defer stream.Close()
	var chunks []openai.ChatCompletionChunk
	for stream.Next() {
		chunks = append(chunks, stream.Current())
	}
	return chunks, stream.Err()
}

// textAndFinish puts a stream's first choice together.
func textAndFinish(chunks []openai.ChatCompletionChunk) (text, finish string) {
	for _, c := range chunks {
		if len(c.Choices) > 0 {
			text += c.Choices[0].Delta.Content
			finish += c.Choices[0].FinishReason
		}
	}
	return text, finish
}

func wantUsage(t *testing.T, u openai.CompletionUsage) {
	t.Helper()
	if u.PromptTokens <= 0 || u.CompletionTokens <= 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("usage = %d + %d = %d, want a sum of positive counts", u.PromptTokens, u.CompletionTokens, u.TotalTokens)
	}
}

func checkModels(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	found := false
	pages := c.Models.ListAutoPaging(c.ctx)
	for pages.Next() {
		found = found || pages.Current().ID == "demo"
	}
	if pages.Err() != nil || !found {
		t.Errorf("models.list: demo found %v, %v, want true", found, pages.Err())
	}
	if m, err := c.Models.Get(c.ctx, "demo"); err != nil || m.ID != "demo" {
		t.Errorf("models.get = %+v, %v, want demo", m, err)
	}
}

func checkChat(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	var raw *http.Response
	reply, err := c.Chat.Completions.New(c.ctx, ask("demo"), option.WithResponseInto(&raw))
	if err != nil {
		t.Fatal(err)
	}
	if choice := reply.Choices[0]; choice.Message.Content == "" || choice.FinishReason != "stop" {
		t.Errorf("choice = %q, %q, want some text and stop", choice.Message.Content, choice.FinishReason)
	}
	if raw.Header.Get("X-Penstock-Request-Id") == "" {
		t.Error("no x-penstock-request-id")
	}
	wantUsage(t, reply.Usage)
}

func checkStream(t *testing.T, g served) {
	chunks, err := newGoClient(t, g, g.Key).collect(ask("demo"))
	if err != nil {
		t.Fatal(err)
	}
	if text, finish := textAndFinish(chunks); text == "" || finish != "stop" || len(chunks) < 3 {
		t.Errorf("stream = %q, %q in %d chunks, want some text and stop in several", text, finish, len(chunks))
	}
	for _, chunk := range chunks {
		if len(chunk.Choices) != 1 || chunk.Usage.TotalTokens != 0 {
			t.Errorf("a chunk that nobody asked for: %s", chunk.RawJSON())
		}
	}
}

func checkStreamUsage(t *testing.T, g served) {
	params := ask("demo")
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	chunks, err := newGoClient(t, g, g.Key).collect(params)
	if err != nil || len(chunks) == 0 {
		t.Fatalf("%d chunks, %v, want some", len(chunks), err)
	}
	last := len(chunks) - 1
	for i, chunk := range chunks {
		if (len(chunk.Choices) == 0) != (i == last) {
			t.Errorf("chunk %d of %d: %s, want only the last one to have no choices", i, len(chunks), chunk.RawJSON())
		}
	}
	wantUsage(t, chunks[last].Usage)
}

func checkStreamHelper(t *testing.T, g served) {
	params := ask("demo")
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	whole := accumulate(t, newGoClient(t, g, g.Key), params)
	if choice := whole.Choices[0]; choice.Message.Content == "" || choice.FinishReason != "stop" {
		t.Errorf("accumulated = %q, %q, want some text and stop", choice.Message.Content, choice.FinishReason)
	}
	wantUsage(t, whole.Usage)
}

// accumulate puts a stream together with the client's own helper.
func accumulate(t *testing.T, c goClient, params openai.ChatCompletionNewParams) openai.ChatCompletion {
	t.Helper()
	chunks, err := c.collect(params)
	if err != nil {
		t.Fatal(err)
	}
	var whole openai.ChatCompletionAccumulator
	for _, chunk := range chunks {
		if !whole.AddChunk(chunk) {
			t.Fatalf("the accumulator refuses %s", chunk.RawJSON())
		}
	}
	if len(whole.Choices) != 1 {
		t.Fatalf("%d choices, want 1", len(whole.Choices))
	}
	return whole.ChatCompletion
}

// wantWeatherCall wants a message that calls the tool once, with an object.
func wantWeatherCall(t *testing.T, m openai.ChatCompletionMessage) string {
	t.Helper()
	if len(m.ToolCalls) != 1 {
		t.Fatalf("%d tool calls, want 1", len(m.ToolCalls))
	}
	call := m.ToolCalls[0]
	var args map[string]any
	if err := json.Unmarshal([]byte(call.Function.Arguments), &args); err != nil || call.ID == "" || call.Function.Name != "get_weather" {
		t.Errorf("tool call = %q %s(%s), %v, want get_weather with an object", call.ID, call.Function.Name, call.Function.Arguments, err)
	}
	return call.ID
}

func checkTools(t *testing.T, g served) {
	c, params := newGoClient(t, g, g.Key), askWeather()
	reply, err := c.Chat.Completions.New(c.ctx, params)
	if err != nil {
		t.Fatal(err)
	}
	id := wantWeatherCall(t, reply.Choices[0].Message)
	params.Messages = append(params.Messages, reply.Choices[0].Message.ToParam(), openai.ToolMessage(`{"degrees": 21}`, id))
	params.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("none")}
	reply, err = c.Chat.Completions.New(c.ctx, params)
	if err != nil {
		t.Fatal(err)
	}
	if choice := reply.Choices[0]; choice.Message.Content == "" || choice.FinishReason != "stop" {
		t.Errorf("after the tool's result: %q, %q, want some text and stop", choice.Message.Content, choice.FinishReason)
	}
}

func checkToolsStream(t *testing.T, g served) {
	whole := accumulate(t, newGoClient(t, g, g.Key), askWeather())
	wantWeatherCall(t, whole.Choices[0].Message)
}

func checkResponseFormat(t *testing.T, g served) {
	c, params := newGoClient(t, g, g.Key), ask("demo")
	params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
		Name: "weather", Strict: openai.Bool(true), Schema: map[string]any{
			"type": "object", "required": []string{"city", "degrees"}, "additionalProperties": false,
			"properties": map[string]any{"city": map[string]any{"type": "string"}, "degrees": map[string]any{"type": "number"}},
		}}}
	reply, err := c.Chat.Completions.New(c.ctx, params)
	if err != nil {
		t.Fatal(err)
	}
	var weather struct {
		City    *string
		Degrees *float64
	}
	content := reply.Choices[0].Message.Content
	if err := json.Unmarshal([]byte(content), &weather); err != nil || weather.City == nil || weather.Degrees == nil {
		t.Errorf("content = %q, %v, want JSON with a city and degrees", content, err)
	}
}
