package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/server"
)

// TestIndependentMock has somebody else's mock of the providers' APIs answer OpenAI's client,
// so that what providers send is not this project's idea alone.
func TestIndependentMock(t *testing.T) {
	url := mockServer(t, startAIMock(t))
	for _, provider := range []string{"openai", "anthropic", "responses", "gemini", "cohere", "ollama"} {
		t.Run(provider, func(t *testing.T) {
			wantPaths(t, goAccumulated(t, url, `{"model":"`+provider+`","messages":[{"role":"user","content":"hello"}]}`),
				map[string]string{"choices.0.message.content": "Hi there, friend!", "choices.0.finish_reason": "stop"})
			wantPaths(t, goAccumulated(t, url, `{"model":"`+provider+`","messages":[{"role":"user","content":"weather"}],
				"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]}`),
				map[string]string{"choices.0.message.tool_calls.0.function.name": "get_weather", "choices.0.finish_reason": "tool_calls",
					"choices.0.message.tool_calls.0.function.arguments": `{"city":"Oslo"}`, "choices.0.message.tool_calls.#": "1"})
		})
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

// mockServer serves a model of each provider, whose API is that of the mock.
func mockServer(t *testing.T, mock string) string {
	t.Helper()
	var providers, models strings.Builder
	for _, p := range []struct{ name, dialect, path, model string }{
		{"openai", "openai", "/v1", "gpt-4o"}, {"anthropic", "anthropic", "/v1", "claude-sonnet-4-5"}, {"responses", "openai-responses", "/v1", "gpt-4o"},
		{"gemini", "gemini", "/v1beta", "gemini-2.5-flash"}, {"cohere", "cohere", "/v2", "command-r"}, {"ollama", "ollama", "/api", "llama3"},
	} {
		fmt.Fprintf(&providers, "  %s: {dialect: %s, base_url: %s%s, allow_private: true, api_key: env:TEST_KEY}\n", p.name, p.dialect, mock, p.path)
		fmt.Fprintf(&models, "  %s: {targets: [%[1]s/%s], retries: {attempts: 1}}\n", p.name, p.model)
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
	return api.URL + "/v1"
}
