package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go/v2"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/server"
)

// mockProviders are the gateway's names of the providers that the mock plays. Of embeddings it does
// not know Google's batchEmbedContents, and has not the form of Ollama's /api/embed.
var mockProviders = []struct{ name, dialect, path, model, embedder string }{
	{"openai", "openai", "/v1", "gpt-4o", "text-embedding-3-small"}, {"anthropic", "anthropic", "/v1", "claude-sonnet-4-5", ""},
	{"responses", "openai-responses", "/v1", "gpt-4o", "text-embedding-3-small"}, {"gemini", "gemini", "/v1beta", "gemini-2.5-flash", ""},
	{"cohere", "cohere", "/v2", "command-r", "embed-v4.0"}, {"ollama", "ollama", "/api", "llama3", ""},
}

// mockFaults are words at which the mock fails, and the status with which it does.
var mockFaults = map[string]int{"refuse": http.StatusBadRequest, "throttle": http.StatusTooManyRequests, "fail": http.StatusServiceUnavailable}

// TestIndependentMock has somebody else's mock of the providers' APIs answer official clients,
// so that what providers send is not this project's idea alone.
func TestIndependentMock(t *testing.T) {
	url := mockServer(t, startAIMock(t))
	c := openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	a := anthropic.NewClient(anthropicoption.WithoutEnvironmentDefaults(), anthropicoption.WithBaseURL(url), anthropicoption.WithAPIKey("none"), anthropicoption.WithMaxRetries(0))
	for _, p := range mockProviders {
		t.Run(p.name, func(t *testing.T) {
			t.Run("text", func(t *testing.T) { checkMockText(t, c, a, p.name) })
			t.Run("tools", func(t *testing.T) { checkMockTools(t, c, p.name) })
			t.Run("faults", func(t *testing.T) { checkMockFaults(t, c, p.name) })
			if p.embedder != "" {
				t.Run("embeddings", func(t *testing.T) { checkMockEmbedding(t, c, p.name) })
			}
		})
	}
}

// mockAsk is a question to the mock, which answers by a word in it.
func mockAsk(model, word string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(word)}}
}

// mockReplies asks for a plain reply and for a streamed one.
func mockReplies(t *testing.T, c openai.Client, p openai.ChatCompletionNewParams) []*openai.ChatCompletion {
	t.Helper()
	plain, err := c.Chat.Completions.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := accumulated(t.Context(), c, p)
	if err != nil {
		t.Fatal(err)
	}
	return []*openai.ChatCompletion{plain, streamed}
}

// checkMockText asks in all dialects that a client may speak. Of Ollama's tokens the mock
// says that there are none.
func checkMockText(t *testing.T, c openai.Client, a anthropic.Client, model string) {
	want, tokens := "Hi there, friend!", int64(13)
	if model == "ollama" {
		tokens = 0
	}
	said := func(text string, counted int64, err error) {
		t.Helper()
		if err != nil || text != want || counted != tokens {
			t.Errorf("%q in %d tokens, %v; want %q in %d", text, counted, err, want, tokens)
		}
	}
	for _, reply := range mockReplies(t, c, mockAsk(model, "hello")) {
		said(reply.Choices[0].Message.Content, reply.Usage.TotalTokens, nil)
	}
	plain, err := a.Messages.New(t.Context(), askClaude(model, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := streamMessage(t.Context(), a, askClaude(model, "hello"))
	for _, m := range []*anthropic.Message{plain, streamed} {
		said(mockText(m), m.Usage.InputTokens+m.Usage.OutputTokens, err)
	}
	r, err := c.Responses.New(t.Context(), askResponse(model, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	said(r.OutputText(), r.Usage.TotalTokens, nil)
	r, err = streamedResponse(t.Context(), c, askResponse(model, "hello"))
	said(r.OutputText(), r.Usage.TotalTokens, err)
}

// mockText is the text of a message.
func mockText(m *anthropic.Message) (text string) {
	for _, block := range m.Content {
		text += block.Text
	}
	return text
}

// checkMockTools plays a loop with one call, and wants two at once to stay apart.
func checkMockTools(t *testing.T, c openai.Client, model string) {
	for word, cities := range map[string][]string{"weather": {"Oslo"}, "both": {"Oslo", "Bergen"}} {
		p := askWeather()
		p.Model, p.ToolChoice, p.Messages = model, openai.ChatCompletionToolChoiceOptionUnionParam{}, mockAsk(model, word).Messages
		for _, reply := range mockReplies(t, c, p) {
			message := reply.Choices[0].Message
			next := p
			next.Messages = append(p.Messages[:1:1], message.ToParam())
			var got []string
			for _, call := range message.ToolCalls {
				got = append(got, gjson.Get(call.Function.Arguments, "city").Str)
				next.Messages = append(next.Messages, openai.ToolMessage("21 degrees", call.ID))
			}
			if !slices.Equal(got, cities) || reply.Choices[0].FinishReason != "tool_calls" {
				t.Fatalf("%s: calls for %v, finish %q, want %v", word, got, reply.Choices[0].FinishReason, cities)
			}
			for _, last := range mockReplies(t, c, next) {
				if choice := last.Choices[0]; choice.Message.Content != "It is 21 degrees in Oslo." || choice.FinishReason != "stop" {
					t.Errorf("%s: after the results %q, %q", word, choice.Message.Content, choice.FinishReason)
				}
			}
		}
	}
}

// checkMockFaults wants the mock's errors before a reply to keep their status and message,
// and a stream that breaks off to be no answer.
func checkMockFaults(t *testing.T, c openai.Client, model string) {
	for word, status := range mockFaults {
		p := mockAsk(model+"-"+word, word)
		_, plain := c.Chat.Completions.New(t.Context(), p)
		wantStatus(t, plain, status)
		if plain != nil && !strings.Contains(plain.(*openai.Error).Message, "mock") {
			t.Errorf("%s: %v, want the mock's message", word, plain)
		}
		p.Model += "-streamed"
		_, streamed := accumulated(t.Context(), c, p)
		wantStatus(t, streamed, status)
	}
	if reply, err := accumulated(t.Context(), c, mockAsk(model+"-cut", "cut")); err == nil || len(reply.Choices) > 0 && reply.Choices[0].FinishReason != "" {
		t.Errorf("a stream that breaks off: %+v, %v, want an error and no finish reason", reply.Choices, err)
	}
}

func checkMockEmbedding(t *testing.T, c openai.Client, model string) {
	reply, err := c.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: model + "-embed", Input: openai.EmbeddingNewParamsInputUnion{OfString: openai.String("hello")}})
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.Data) != 1 || !slices.Equal(reply.Data[0].Embedding, []float64{0.25, -0.5, 1}) {
		t.Errorf("embeddings = %+v", reply.Data)
	}
}

// startAIMock starts the mock and returns its address.
func startAIMock(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("testdata", "clients")
	installNodeClients(t, dir)
	cmd := exec.Command("node", "aimock.mjs")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the mock gave no address: %v", err)
	}
	return strings.TrimSpace(line)
}

// mockServer serves a model of each provider, whose API is that of the mock. For what fails
// each has providers of its own, because one that fails cools down.
func mockServer(t *testing.T, mock string) string {
	t.Helper()
	var providers, models strings.Builder
	for _, p := range mockProviders {
		add := func(suffix, model string) {
			fmt.Fprintf(&providers, "  %s%s: {dialect: %s, base_url: %s%s, allow_private: true, api_key: env:TEST_KEY}\n", p.name, suffix, p.dialect, mock, p.path)
			fmt.Fprintf(&models, "  %s%s: {targets: [%[1]s%[2]s/%s], retries: {attempts: 1}}\n", p.name, suffix, model)
		}
		add("", p.model)
		add("-cut", p.model)
		for word := range mockFaults {
			add("-"+word, p.model)
			add("-"+word+"-streamed", p.model)
		}
		if p.embedder != "" {
			add("-embed", p.embedder)
		}
	}
	path := filepath.Join(t.TempDir(), "penstock.yaml")
	if err := os.WriteFile(path, []byte("keys: off\nproviders:\n"+providers.String()+"models:\n"+models.String()+"ledger: sqlite://penstock.db\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := server.Open(t.Context(), server.Options{Config: path, Getenv: testEnv(t), Stderr: testLog{t}})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		api.Close()
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return api.URL
}
