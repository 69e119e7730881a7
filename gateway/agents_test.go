//go:build agents

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/server"
)

// agentTime bounds the work of an agent.
const agentTime = 2 * time.Minute

// The file that agents mend: what it holds before and after.
const (
	agentFile = "greet.py"
	faulty    = "def greet(name):\n    retrun \"Hello, \" + name\n"
	mended    = "def greet(name):\n    return \"Hello, \" + name\n"
	agentTask = "greet.py has a typo. Fix it."
	agentDone = "I fixed the typo in greet.py."
)

// agent is a coding agent and how it is run.
type agent struct {
	// dialect is that of the provider behind the gateway.
	dialect string
	// calls are what the model at the provider has the agent do in a folder.
	calls func(dir string) []llmtest.ToolCall
	// command is how the agent is run at a gateway, with a home folder of its own.
	command func(t *testing.T, s sdkServer, home string) (args, env []string)
}

var agents = map[string]agent{
	"Claude Code at OpenAI chat": {"openai", claudeCalls, claudeCode},
	"Claude Code at Anthropic":   {"anthropic", claudeCalls, claudeCode},
	"Claude Code at Gemini":      {"gemini", claudeCalls, claudeCode},
	"Claude Code at Responses":   {"openai-responses", claudeCalls, claudeCode},
	"Codex at Responses":         {"openai-responses", codexCalls, codex},
	"Codex at OpenAI chat":       {"openai", codexCalls, codex},
	"Codex at Anthropic":         {"anthropic", codexCalls, codex},
	"Codex at Gemini":            {"gemini", codexCalls, codex},
}

func claudeCalls(dir string) []llmtest.ToolCall {
	file := filepath.Join(dir, agentFile)
	return []llmtest.ToolCall{
		{ID: "call_1", Name: "Read", Arguments: fmt.Sprintf(`{"file_path":%q}`, file)},
		{ID: "call_2", Name: "Edit", Arguments: fmt.Sprintf(`{"file_path":%q,"old_string":"retrun","new_string":"return"}`, file)},
	}
}

// claudeCode has the settings that examples/claude-code names.
func claudeCode(_ *testing.T, s sdkServer, _ string) (args, env []string) {
	return []string{"node", "node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs", "-p", agentTask,
			"--allowedTools", "Read,Edit", "--output-format", "stream-json", "--verbose"}, []string{
			"ANTHROPIC_BASE_URL=" + s.URL, "ANTHROPIC_AUTH_TOKEN=" + s.Key,
			"ANTHROPIC_MODEL=coder", "ANTHROPIC_DEFAULT_HAIKU_MODEL=coder", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1"}
}

// codexCalls edit the file with the shell command that Codex gives its models.
func codexCalls(string) []llmtest.ToolCall {
	return []llmtest.ToolCall{
		{ID: "call_1", Name: "exec_command", Arguments: `{"cmd":"cat greet.py"}`},
		{ID: "call_2", Name: "exec_command", Arguments: `{"cmd":"sed -i s/retrun/return/ greet.py"}`},
	}
}

// codexConfig is that of examples/codex.
const codexConfig = `model = "coder"
model_provider = "penstock"
check_for_update_on_startup = false

[analytics]
enabled = false

[otel]
metrics_exporter = "none"

[features]
plugins = false
remote_plugin = false
apps = false

[model_providers.penstock]
name = "Penstock"
base_url = "%s/v1"
env_key = "PENSTOCK_KEY"
wire_api = "responses"
`

// codex has the settings that examples/codex names. It has its sandbox off, which needs
// rights that a test may not have.
func codex(t *testing.T, s sdkServer, home string) (args, env []string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(home, "config.toml"), fmt.Appendf(nil, codexConfig, s.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"node", "node_modules/@openai/codex/bin/codex.js", "exec", "--skip-git-repo-check",
		"--dangerously-bypass-approvals-and-sandbox", agentTask}, []string{"CODEX_HOME=" + home, "PENSTOCK_KEY=" + s.Key}
}

// TestAgents has agents, as they come from the registry, mend a file with a scripted model at
// providers of each format. A proxy refuses all that they ask of it, and the test fails if
// they do; a connection that goes past the proxy is not seen.
func TestAgents(t *testing.T) {
	for name, a := range agents {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, agentFile)
			if err := os.WriteFile(file, []byte(faulty), 0o600); err != nil {
				t.Fatal(err)
			}
			s, up := startForAgent(t, a.dialect, a.calls(dir))
			transcript := runAgent(t, s, a, dir)
			got, err := os.ReadFile(file)
			if err != nil || string(got) != mended {
				t.Errorf("%s holds %q, %v, want %q", agentFile, got, err, mended)
			}
			if !strings.Contains(transcript, agentDone) {
				t.Errorf("the agent did not say %q", agentDone)
			}
			for _, r := range up.Requests() {
				t.Logf("provider: %s %s, %d bytes", r.Method, r.Path, len(r.Body))
			}
		})
	}
}

// startForAgent starts a gateway with the model "coder", which makes the calls.
func startForAgent(t *testing.T, dialect string, calls []llmtest.ToolCall) (sdkServer, *llmtest.Server) {
	t.Helper()
	dir := t.TempDir()
	up := llmtest.NewServer(t, llmtest.Agent(agentDone, calls...))
	path := filepath.Join(dir, "penstock.yaml")
	config := "keys: required\nproviders: {up: {dialect: " + dialect + ", base_url: " + up.URL + "/v1, allow_private: true, api_key: env:TEST_KEY}}\n" +
		"models: {coder: {targets: [up/coder]}}\nledger: sqlite://penstock.db\n"
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	key := createTestKey(t, dir, "agent")
	s, err := server.Open(t.Context(), server.Options{Config: path, Getenv: testEnv(t), Stderr: testLog{t}})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(logged(t, s.Handler()))
	t.Cleanup(func() {
		api.Close()
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return sdkServer{api.URL, key}, up
}

// logged writes what an agent asks the gateway to the test's log.
func logged(t *testing.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		next.ServeHTTP(w, r)
		t.Logf("agent: %s %s (%s %s), %s", r.Method, r.URL, r.Header.Get("Upgrade"), r.Header.Get("Anthropic-Beta"), time.Since(start).Round(time.Millisecond))
	})
}

// runAgent runs an agent and returns what it printed.
func runAgent(t *testing.T, s sdkServer, a agent, dir string) string {
	t.Helper()
	home := t.TempDir()
	args, env := a.command(t, s, home)
	modules, err := filepath.Abs(filepath.Join("testdata", "agents", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	for i, arg := range args {
		args[i] = strings.Replace(arg, "node_modules", modules, 1)
	}
	ctx, cancel := context.WithTimeout(t.Context(), agentTime)
	defer cancel()
	var refused refusals
	proxy := httptest.NewServer(&refused)
	defer proxy.Close()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "NO_PROXY=127.0.0.1",
		"HTTP_PROXY=" + proxy.URL, "HTTPS_PROXY=" + proxy.URL, "ALL_PROXY=" + proxy.URL}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out // its input is empty
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v", args, err)
	}
	t.Logf("$ %s\n%s", strings.Join(args, " "), &out)
	for _, host := range refused.hosts {
		t.Errorf("the agent wanted to reach %s", host)
	}
	return out.String()
}

// refusals is a proxy that refuses everything, and keeps what it was asked for.
type refusals struct {
	mu    sync.Mutex
	hosts []string
}

func (p *refusals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.hosts = append(p.hosts, r.Host)
	p.mu.Unlock()
	http.Error(w, "no network", http.StatusForbidden)
}
