package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// wantError wants an error of the API with this status and code, after one request.
// An empty code stands for any.
func wantError(t *testing.T, c goClient, err error, status int, code string) *openai.Error {
	t.Helper()
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Fatalf("error = %v (%T), want an *openai.Error", err, err)
	}
	if e.StatusCode != status || code != "" && e.Code != code || e.Message == "" {
		t.Errorf("error = status %d, code %q, message %q, want %d, %q and some message", e.StatusCode, e.Code, e.Message, status, code)
	}
	if n := c.sent.Load(); n != 1 {
		t.Errorf("the client sent %d requests, want 1", n)
	}
	return e
}

func checkError400(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	_, err := c.Chat.Completions.New(c.ctx, ask("demo"), option.WithJSONSet("messages", "hello"))
	if e := wantError(t, c, err, http.StatusBadRequest, "invalid_request"); e.Param != "messages" || e.Type != "invalid_request_error" {
		t.Errorf("error = param %q, type %q, want messages and invalid_request_error", e.Param, e.Type)
	}
}

func checkError401(t *testing.T, g served) {
	c := newGoClient(t, g, "sk-nobody-has-this-key")
	_, err := c.Chat.Completions.New(c.ctx, ask("demo"))
	wantError(t, c, err, http.StatusUnauthorized, "invalid_api_key")
}

func checkError404(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	_, err := c.Chat.Completions.New(c.ctx, ask("demon"))
	if e := wantError(t, c, err, http.StatusNotFound, "model_not_found"); !strings.Contains(e.Message, `"demo"`) {
		t.Errorf("message = %q, want the near name in it", e.Message)
	}
}

func checkError429Upstream(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	_, err := c.Chat.Completions.New(c.ctx, ask("demo-fail-429"))
	after := wantError(t, c, err, http.StatusTooManyRequests, "").Response.Header.Get("Retry-After")
	if s, err := strconv.ParseFloat(after, 64); err != nil || s <= 0 {
		t.Errorf("retry-after = %q, want a number of seconds", after)
	}
}

// checkError403Budget has a budget that no request fits, and one that is used up: the client
// retries neither.
func checkError403Budget(t *testing.T, g served) {
	c := newGoClient(t, g, g.Poor)
	_, err := c.Chat.Completions.New(c.ctx, ask("demo"))
	wantError(t, c, err, http.StatusForbidden, "budget_exceeded")
	for range 200 {
		c = newGoClient(t, g, g.Spent)
		if _, err = c.Chat.Completions.New(c.ctx, ask("demo")); err != nil {
			break
		}
	}
	if e := wantError(t, c, err, http.StatusTooManyRequests, "budget_exceeded"); e.Response.Header.Get("Retry-After") == "" || !strings.Contains(e.RawJSON(), `"reason":"used_up"`) {
		t.Errorf("error = %s with %v, want the limit and when it resets", e.RawJSON(), e.Response.Header)
	}
}

func checkError5xx(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	_, err := c.Chat.Completions.New(c.ctx, ask("demo-fail-503"))
	wantError(t, c, err, http.StatusServiceUnavailable, "")
}

func checkErrorBeforeStream(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	_, err := c.collect(ask("demo-fail-500"))
	wantError(t, c, err, http.StatusInternalServerError, "")
}

func checkAbort(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	ctx, abort := context.WithCancel(c.ctx)
	defer abort()
	stream := c.Chat.Completions.NewStreaming(ctx, ask("demo-slow"))
	defer stream.Close()
	if !stream.Next() {
		t.Fatalf("no first chunk: %v", stream.Err())
	}
	abort()
	for stream.Next() {
		if len(stream.Current().Choices) > 0 && stream.Current().Choices[0].FinishReason != "" {
			t.Error("the stream ended before it could be aborted")
		}
	}
	if !errors.Is(stream.Err(), context.Canceled) {
		t.Errorf("aborted stream: %v, want %v", stream.Err(), context.Canceled)
	}
	if reply, err := c.Chat.Completions.New(c.ctx, ask("demo")); err != nil || reply.Choices[0].FinishReason != "stop" {
		t.Errorf("after the abort: %v, want a reply", err)
	}
}

func checkCutStream(t *testing.T, g served) {
	chunks, err := newGoClient(t, g, g.Key).collect(ask("demo-cut"))
	if err == nil {
		t.Error("a cut stream raised no error")
	}
	if text, finish := textAndFinish(chunks); text == "" || finish != "" {
		t.Errorf("cut stream = %q, %q, want some text and no finish", text, finish)
	}
}

func checkCutReply(t *testing.T, g served) {
	c := newGoClient(t, g, g.Key)
	_, err := c.Chat.Completions.New(c.ctx, ask("demo-cut"))
	wantError(t, c, err, http.StatusBadGateway, "")
}

func checkStalledStream(t *testing.T, g served) {
	chunks, err := newGoClient(t, g, g.Key).collect(ask("demo-stall"))
	if err == nil {
		t.Error("a stalled stream raised no error")
	}
	if _, finish := textAndFinish(chunks); finish != "" {
		t.Errorf("stalled stream finished with %q, want no finish", finish)
	}
}
