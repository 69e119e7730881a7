package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// openAIChecks put OpenAI's official client for Go through what chat.mjs and responses.mjs
// in testdata/clients put that for Node through.
var openAIChecks = map[string]func(*testing.T, openai.Client, string){
	"chat":                checkGoChat,
	"chat tool loop":      checkGoChatTools,
	"chat errors":         checkGoChatErrors,
	"chat cut":            checkGoChatCut,
	"chat abort":          checkGoChatAbort,
	"response":            checkGoResponse,
	"response tool loop":  checkGoResponseTools,
	"response and schema": checkGoResponseSchema,
	"response errors":     checkGoResponseErrors,
	"count tokens":        checkGoCount,
}

// TestGoOpenAI runs those checks at every provider.
func TestGoOpenAI(t *testing.T) {
	s := startForSDK(t)
	c := openai.NewClient(option.WithBaseURL(s.URL+"/v1"), option.WithAPIKey(s.Key), option.WithMaxRetries(0))
	for _, p := range sdkProviders {
		for name, check := range openAIChecks {
			t.Run(p.name+"/"+name, func(t *testing.T) { check(t, c, p.name) })
		}
	}
}

// accumulated has the client's accumulator put a stream together.
func accumulated(ctx context.Context, c openai.Client, params openai.ChatCompletionNewParams) (*openai.ChatCompletion, error) {
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := c.Chat.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		if !whole.AddChunk(stream.Current()) {
			return &whole.ChatCompletion, errors.New("the accumulator refuses " + stream.Current().RawJSON())
		}
	}
	return &whole.ChatCompletion, stream.Err()
}

func wantCompletion(t *testing.T, c *openai.ChatCompletion, err error, text string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Choices) != 1 || c.Choices[0].Message.Content != text || c.Choices[0].FinishReason != "stop" {
		t.Errorf("choices = %+v, want %q", c.Choices, text)
	}
	wantUsage(t, c.Usage)
}

func checkGoChat(t *testing.T, c openai.Client, model string) {
	reply, err := c.Chat.Completions.New(t.Context(), ask(model))
	wantCompletion(t, reply, err, llmtest.ModelText)
	reply, err = accumulated(t.Context(), c, ask(model))
	wantCompletion(t, reply, err, llmtest.ModelText)
}

func checkGoChatTools(t *testing.T, c openai.Client, model string) {
	p := askWeather()
	p.Model, p.ToolChoice = model, openai.ChatCompletionToolChoiceOptionUnionParam{}
	p.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage("The weather in both cities?")}
	plain, err := c.Chat.Completions.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := accumulated(t.Context(), c, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, reply := range []*openai.ChatCompletion{plain, streamed} {
		message := reply.Choices[0].Message
		next := p
		next.Messages = append(p.Messages[:1:1], message.ToParam())
		for _, call := range message.ToolCalls {
			if call.Function.Name != "get_weather" || call.Function.Arguments != llmtest.ModelArguments {
				t.Errorf("call = %+v", call.Function)
			}
			next.Messages = append(next.Messages, openai.ToolMessage("21 degrees", call.ID))
		}
		if len(message.ToolCalls) != 2 || reply.Choices[0].FinishReason != "tool_calls" {
			t.Fatalf("reply = %s, want two calls", reply.RawJSON())
		}
		last, err := c.Chat.Completions.New(t.Context(), next)
		wantCompletion(t, last, err, llmtest.ModelResult)
	}
}

// sdkStatuses are the errors of the models that fail, by what stands behind their names.
var sdkStatuses = map[string]int{"s": http.StatusNotFound, "-fail-429": http.StatusTooManyRequests, "-fail-503": http.StatusServiceUnavailable}

func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != status || e.Message == "" {
		t.Errorf("error = %v, want status %d", err, status)
	}
}

func checkGoChatErrors(t *testing.T, c openai.Client, model string) {
	for name, status := range sdkStatuses {
		_, err := c.Chat.Completions.New(t.Context(), ask(model+name))
		wantStatus(t, err, status)
	}
	_, err := c.Chat.Completions.New(t.Context(), ask(model), option.WithJSONSet("messages", "hello"))
	wantStatus(t, err, http.StatusBadRequest)
	_, err = c.Chat.Completions.New(t.Context(), ask(model), option.WithAPIKey("sk-nobody-has-this-key"))
	wantStatus(t, err, http.StatusUnauthorized)
}

func checkGoChatCut(t *testing.T, c openai.Client, model string) {
	reply, err := accumulated(t.Context(), c, ask(model+"-cut"))
	if err == nil || len(reply.Choices) > 0 && reply.Choices[0].FinishReason != "" {
		t.Errorf("cut stream = %+v, %v, want an error and no finish reason", reply.Choices, err)
	}
}

func checkGoChatAbort(t *testing.T, c openai.Client, model string) {
	ctx, abort := context.WithCancel(t.Context())
	defer abort()
	stream := c.Chat.Completions.NewStreaming(ctx, ask(model+"-stall"))
	defer stream.Close()
	if !stream.Next() {
		t.Fatalf("no first chunk: %v", stream.Err())
	}
	abort()
	for stream.Next() {
	}
	if !errors.Is(stream.Err(), context.Canceled) {
		t.Errorf("aborted stream: %v, want %v", stream.Err(), context.Canceled)
	}
}

// askResponse is a question to a model.
func askResponse(model, text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
}

// streamedResponse reads a stream to its end and returns the response that stands there.
func streamedResponse(ctx context.Context, c openai.Client, p responses.ResponseNewParams) (*responses.Response, error) {
	stream := c.Responses.NewStreaming(ctx, p)
	defer stream.Close()
	var last responses.Response
	for stream.Next() {
		if e := stream.Current(); e.Type == "response.completed" {
			last = e.Response
		}
	}
	return &last, stream.Err()
}

func wantResponse(t *testing.T, r *responses.Response, err error, text string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if r.OutputText() != text || r.Status != "completed" || r.Usage.InputTokens <= 0 || r.Usage.OutputTokens <= 0 {
		t.Errorf("response = %s, want %q", r.RawJSON(), text)
	}
}

func checkGoResponse(t *testing.T, c openai.Client, model string) {
	r, err := c.Responses.New(t.Context(), askResponse(model, "hello"))
	wantResponse(t, r, err, llmtest.ModelText)
	r, err = streamedResponse(t.Context(), c, askResponse(model, "hello"))
	wantResponse(t, r, err, llmtest.ModelText)
}

func checkGoResponseTools(t *testing.T, c openai.Client, model string) {
	p := askResponse(model, "The weather in both cities?")
	p.Tools = []responses.ToolUnionParam{responses.ToolParamOfFunction("get_weather", map[string]any{"type": "object", "required": []string{"city"},
		"additionalProperties": false, "properties": map[string]any{"city": map[string]any{"type": "string"}}}, true)}
	plain, err := c.Responses.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := streamedResponse(t.Context(), c, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*responses.Response{plain, streamed} {
		items := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage("The weather in both cities?", responses.EasyInputMessageRoleUser)}
		var results responses.ResponseInputParam
		for _, item := range r.Output {
			items = append(items, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(item.RawJSON())))
			if item.Type == "function_call" && item.Name == "get_weather" && item.AsFunctionCall().Arguments == llmtest.ModelArguments {
				result := responses.ResponseInputItemParamOfFunctionCallOutput("21 degrees")
				result.OfFunctionCallOutput.CallID = openai.String(item.CallID)
				results = append(results, result)
			}
		}
		if len(results) != 2 {
			t.Fatalf("response = %s, want two calls", r.RawJSON())
		}
		next := p
		next.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: append(items, results...)}
		last, err := c.Responses.New(t.Context(), next)
		wantResponse(t, last, err, llmtest.ModelResult)
	}
}

func checkGoResponseSchema(t *testing.T, c openai.Client, model string) {
	p := askResponse(model, "hello")
	p.Text.Format = responses.ResponseFormatTextConfigParamOfJSONSchema("weather", map[string]any{"type": "object", "additionalProperties": false,
		"required": []string{"city"}, "properties": map[string]any{"city": map[string]any{"type": "string"}}})
	r, err := c.Responses.New(t.Context(), p)
	wantResponse(t, r, err, llmtest.ModelArguments)
}

func checkGoResponseErrors(t *testing.T, c openai.Client, model string) {
	for name, status := range sdkStatuses {
		_, err := c.Responses.New(t.Context(), askResponse(model+name, "hello"))
		wantStatus(t, err, status)
	}
	if r, err := streamedResponse(t.Context(), c, askResponse(model+"-cut", "hello")); err == nil || r.Status != "" {
		t.Errorf("cut stream = %q, %v, want an error and no response", r.Status, err)
	}
}

func checkGoCount(t *testing.T, c openai.Client, model string) {
	n, err := c.Responses.InputTokens.Count(t.Context(), responses.InputTokenCountParams{Model: openai.String(model),
		Input: responses.InputTokenCountParamsInputUnion{OfString: openai.String("hello")}})
	if err != nil || n.InputTokens <= 0 {
		t.Errorf("count = %+v, %v, want a positive count", n, err)
	}
}
