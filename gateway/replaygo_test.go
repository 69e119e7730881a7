package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/anthropics/anthropic-sdk-go/v2"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

const replayQuestion = "Say something nice about gateways."

func goReplayClient(url string) openai.Client {
	return openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("sk-any"), option.WithMaxRetries(0))
}

// goAskChat asks with OpenAI's client for Go.
func goAskChat(ctx context.Context, url, model string, stream bool) (spoken, error) {
	c := goReplayClient(url)
	params := openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(replayQuestion)}}
	var whole openai.ChatCompletion
	if stream {
		params.StreamOptions.IncludeUsage = openai.Bool(true)
		events := c.Chat.Completions.NewStreaming(ctx, params)
		defer events.Close()
		var sum openai.ChatCompletionAccumulator
		for events.Next() {
			if !sum.AddChunk(events.Current()) {
				return spoken{}, fmt.Errorf("the accumulator refuses %s", events.Current().RawJSON())
			}
		}
		if err := events.Err(); err != nil {
			return spoken{}, err
		}
		whole = sum.ChatCompletion
	} else {
		reply, err := c.Chat.Completions.New(ctx, params)
		if err != nil {
			return spoken{}, err
		}
		whole = *reply
	}
	if len(whole.Choices) == 0 {
		return spoken{}, errors.New("a reply without choices")
	}
	message := whole.Choices[0].Message
	s := spoken{Text: message.Content, Refusal: message.Refusal, Finish: whole.Choices[0].FinishReason}
	//lint:ignore SA1019 the form is deprecated, but recorded
	if call := message.FunctionCall; call.Name != "" {
		s.Calls = append(s.Calls, spokenCall{call.Name, call.Arguments})
	}
	for _, call := range message.ToolCalls {
		s.Calls = append(s.Calls, spokenCall{call.Function.Name, call.Function.Arguments})
	}
	return s, s.count(whole.Usage)
}

// goAskResponses asks with OpenAI's client for Go at the Responses API.
func goAskResponses(ctx context.Context, url, model string, stream bool) (spoken, error) {
	c := goReplayClient(url)
	params := responses.ResponseNewParams{Model: model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(replayQuestion)}}
	var whole responses.Response
	if stream {
		events := c.Responses.NewStreaming(ctx, params)
		defer events.Close()
		for events.Next() {
			switch e := events.Current(); e.Type {
			case "response.completed", "response.incomplete", "response.failed":
				whole = e.Response
			}
		}
		if err := events.Err(); err != nil {
			return spoken{}, err
		}
	} else {
		reply, err := c.Responses.New(ctx, params)
		if err != nil {
			return spoken{}, err
		}
		whole = *reply
	}
	s := spoken{Finish: string(whole.Status)}
	if whole.IncompleteDetails.Reason != "" {
		s.Finish = whole.IncompleteDetails.Reason
	}
	var texts []string
	for _, item := range whole.Output {
		switch item.Type {
		case "message":
			text := ""
			for _, part := range item.Content {
				text += part.Text
				s.Refusal += part.Refusal
			}
			texts = append(texts, text)
		case "function_call":
			s.Calls = append(s.Calls, spokenCall{item.Name, item.AsFunctionCall().Arguments})
		}
	}
	s.Text = strings.Join(texts, "\n\n")
	return s, s.count(whole.Usage)
}

// goAskMessages asks with Anthropic's client for Go.
func goAskMessages(ctx context.Context, url, model string, stream bool) (s spoken, err error) {
	c := anthropic.NewClient(anthropicoption.WithoutEnvironmentDefaults(), anthropicoption.WithBaseURL(url), anthropicoption.WithAPIKey("sk-any"), anthropicoption.WithMaxRetries(0))
	var whole *anthropic.Message
	if stream {
		whole, err = streamMessage(ctx, c, askClaude(model, replayQuestion))
	} else {
		whole, err = c.Messages.New(ctx, askClaude(model, replayQuestion))
	}
	if err != nil {
		return spoken{}, err
	}
	s.Finish = string(whole.StopReason)
	for _, block := range whole.Content {
		switch block.Type {
		case "text":
			s.Text += block.Text
		case "tool_use":
			s.Calls = append(s.Calls, spokenCall{block.Name, string(block.Input)})
		}
	}
	return s, s.count(whole.Usage)
}

// count takes over the client's usage object.
func (s *spoken) count(usage any) error {
	b, err := json.Marshal(usage)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &s.Usage)
}

// goFault is an error of the clients for Go.
func goFault(err error) *fault {
	f := &fault{Class: fmt.Sprintf("%T", err), Message: err.Error()}
	var o *openai.Error
	var a *anthropic.Error
	switch {
	case errors.As(err, &o):
		f.Status, f.Message = o.StatusCode, o.Message
	case errors.As(err, &a):
		f.Status = a.StatusCode
		var body any
		if json.Unmarshal([]byte(a.RawJSON()), &body) == nil {
			f.Message = errorText(body)
		}
	}
	return f
}
