package main

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/server"
)

// claudeStreams are answers of a provider in Anthropic's format that it rarely gives, and
// what clients must make of them.
var claudeStreams = map[string]struct {
	events  []string
	request string
	want    map[string]string // by path
}{
	"the first event holds a call and its end": {
		events: []string{
			`{"type":"message_start","message":{"model":"c","content":[{"type":"text","text":"Wait."},{"type":"tool_use","id":"t1","name":"weather_now","input":{"city":"Oslo"}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":9}}}`,
			`{"type":"message_stop"}`},
		request: `"tools":[{"type":"function","function":{"name":"weather.now","parameters":{"type":"object","properties":{}}}}]`,
		want: map[string]string{"choices.0.finish_reason": "tool_calls", "choices.0.message.content": "Wait.",
			"choices.0.message.tool_calls.0.function.name": "weather.now", "choices.0.message.tool_calls.0.function.arguments": `{"city":"Oslo"}`, "choices.0.message.tool_calls.#": "1"},
	},
	"a call that ends the turn": {
		events: []string{
			`{"type":"message_start","message":{"model":"c","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"f","input":{}}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`,
			`{"type":"message_stop"}`},
		request: `"tools":[{"type":"function","function":{"name":"f"}}]`,
		want: map[string]string{"choices.0.finish_reason": "tool_calls", "choices.0.message.tool_calls.0.function.name": "f",
			"choices.0.message.tool_calls.0.id": "call_1", "choices.0.message.tool_calls.0.function.arguments": `{}`},
	},
	"functions in the deprecated form": {
		events: []string{
			`{"type":"message_start","message":{"model":"c","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"1}"}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}`,
			`{"type":"message_stop"}`},
		request: `"functions":[{"name":"f","parameters":{"type":"object","properties":{}}}]`,
		want: map[string]string{"choices.0.finish_reason": "function_call", "choices.0.message.function_call.name": "f",
			"choices.0.message.function_call.arguments": `{"a":1}`},
	},
}

// claudeServer serves the model "drop" from a provider that answers with events in
// Anthropic's format, and returns the address of its API.
func claudeServer(t *testing.T, events []string) string {
	t.Helper()
	var frames [][]byte
	for _, data := range events {
		frames = append(frames, []byte("event: "+gjson.Get(data, "type").Str+"\ndata: "+data+"\n\n"))
	}
	up := httptest.NewServer(readFirst(llmtest.Handler(llmtest.Frames(frames...))))
	t.Cleanup(up.Close)
	path := filepath.Join(t.TempDir(), "penstock.yaml")
	text := "keys: off\nproviders: {an: {dialect: anthropic, base_url: " + up.URL + ", allow_private: true, api_key: env:TEST_KEY}}\n" +
		"models: {drop: {targets: [an/claude-sonnet-4-5]}}\nledger: sqlite://penstock.db\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
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
	return api.URL + "/v1"
}

// TestClientsReadClaude has the official clients' own helpers put those streams together.
func TestClientsReadClaude(t *testing.T) {
	for name, tt := range claudeStreams {
		t.Run(name, func(t *testing.T) {
			url := claudeServer(t, tt.events)
			request := `{"model":"drop","messages":[{"role":"user","content":"hi"}],` + tt.request + `}`
			t.Run("go", func(t *testing.T) {
				// The accumulator of the Go client does not know the deprecated form.
				if gjson.Get(request, "functions").Exists() {
					t.Skip("the Go client's accumulator leaves function_call out")
				}
				wantPaths(t, goAccumulated(t, url, request), tt.want)
			})
			t.Run("node", func(t *testing.T) { wantPaths(t, nodeAccumulated(t, url, request), tt.want) })
		})
	}
}

func wantPaths(t *testing.T, got []byte, want map[string]string) {
	t.Helper()
	for path, value := range want {
		if v := gjson.GetBytes(got, path).String(); v != value {
			t.Errorf("%s = %q, want %q in %s", path, v, value, got)
		}
	}
}

func goAccumulated(t *testing.T, url, request string) []byte {
	t.Helper()
	c := openai.NewClient(option.WithBaseURL(url), option.WithAPIKey("none"), option.WithMaxRetries(0))
	stream := c.Chat.Completions.NewStreaming(t.Context(), param.Override[openai.ChatCompletionNewParams](json.RawMessage(request)))
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		if !whole.AddChunk(stream.Current()) {
			t.Fatalf("the accumulator refuses %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(whole.ChatCompletion)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func nodeAccumulated(t *testing.T, url, request string) []byte {
	t.Helper()
	dir := filepath.Join("testdata", "clients")
	installNodeClients(t, dir)
	cmd := exec.CommandContext(t.Context(), "node", "claude.mjs")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "BASE_URL="+url, "REQUEST="+request)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node claude.mjs: %v", err)
	}
	return out
}
