package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/server"
)

// sdkProviders are the providers at which official clients are checked. The gateway's name
// of each and of its model is that of its format; at Gemini the model must be known to think,
// and a second one makes the embeddings.
var sdkProviders = []struct{ name, dialect, also, path, model string }{
	{"openai", "openai", "openai-completions", "/v1", "small"},
	{"anthropic", "anthropic", "", "/v1", "small"},
	{"responses", "openai-responses", "", "/v1", "small"},
	{"gemini", "gemini", "", "/v1beta", "gemini-2.5-flash, gemini/gemini-embedding-001"},
}

// sdkFaults are the models with a fault, as llmtest.Model names them.
var sdkFaults = []string{"fail-429", "fail-503", "cut", "stall"}

// sdkConfig serves the model of each provider under the provider's name, and those with a
// fault under the name with the fault behind it. The upstream decides on the format by the
// path, so all providers have one address.
func sdkConfig(upstream string) string {
	var providers, models strings.Builder
	for _, p := range sdkProviders {
		fmt.Fprintf(&providers, "  %s: {dialect: %s, also: [%s], base_url: %s%s, allow_private: true, api_key: env:TEST_KEY}\n", p.name, p.dialect, p.also, upstream, p.path)
		fmt.Fprintf(&models, "  %s: {targets: [%[1]s/%s]}\n", p.name, p.model)
		for _, fault := range sdkFaults {
			fmt.Fprintf(&models, "  %s-%s: {targets: [%[1]s/%[2]s], retries: {attempts: 1}}\n", p.name, fault)
		}
	}
	return "keys: required\nproviders:\n" + providers.String() + "models:\n" + models.String() + "ledger: sqlite://penstock.db\n"
}

// sdkServer is a gateway in this process for one client, with providers that all answer
// like llmtest.Model.
type sdkServer struct {
	// URL has no path. Key may ask for every model.
	URL, Key string
}

func startForSDK(t *testing.T) sdkServer {
	t.Helper()
	dir := t.TempDir()
	up := llmtest.NewServer(t, llmtest.Model())
	path := filepath.Join(dir, "penstock.yaml")
	if err := os.WriteFile(path, []byte(sdkConfig(up.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	key := createTestKey(t, dir, "sdk")
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
	return sdkServer{api.URL, key}
}

// sdkScripts are the scripts that check one client each.
var sdkScripts = [][]string{
	{"node", "anthropic.mjs"},
	{"node", "chat.mjs"},
	{"node", "zod.mjs"},
	{"node", "responses.mjs"},
	{"node", "vercel.mjs", "chat"},
	{"node", "vercel.mjs", "messages"},
	{"node", "vercel.mjs", "responses"},
	{"node", "vercel.mjs", "gemini"},
	{"node", "genai.mjs"},
	{"node", "embed.mjs"},
	{"python3", "check_anthropic.py"},
	{"python3", "check_openai.py", "chat"},
	{"python3", "check_openai.py", "responses"},
	{"python3", "check_openai.py", "completions"},
	{"python3", "check_genai.py"},
	{"python3", "check_embed.py"},
}

// sdkModels are the models that the scripts ask for.
func sdkModels() []string {
	var all []string
	for _, p := range sdkProviders {
		all = append(all, p.name)
	}
	return all
}

// TestSDKs runs official clients of several APIs at providers of every format, which none of
// them knows but its own.
func TestSDKs(t *testing.T) {
	for _, script := range sdkScripts {
		t.Run(strings.Join(script, " "), func(t *testing.T) {
			models := sdkModels()
			dir := filepath.Join("testdata", "clients")
			installFor(t, dir, script[0])
			s := startForSDK(t)
			cmd := exec.CommandContext(t.Context(), script[0], script[1:]...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PYTHONPATH=python", "BASE_URL="+s.URL, "API_KEY="+s.Key, "MODELS="+strings.Join(models, ","))
			asked := runChecks(t, cmd)
			for _, model := range models {
				if !slices.ContainsFunc(asked, func(check string) bool { return strings.HasPrefix(check, model+"/") }) {
					t.Errorf("no check of the model %s ran", model)
				}
			}
		})
	}
}

// installFor gets the packages that a program needs. For Python, deps.sh does it: without
// it the test is skipped, except in CI.
func installFor(t *testing.T, dir, program string) {
	t.Helper()
	if program == "node" {
		installNodeClients(t, dir)
		return
	}
	want, err := os.ReadFile(filepath.Join(dir, "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "python", ".installed")); err != nil || !bytes.Equal(got, want) {
		giveUp := t.Skipf
		if os.Getenv("CI") == "true" {
			giveUp = t.Fatalf
		}
		giveUp("the Python clients are not tested: make deps installs them in gateway/%s/python", dir)
	}
}

// runChecks runs a script that prints its checks as lines of JSON, makes a subtest of each,
// and returns their names.
func runChecks(t *testing.T, cmd *exec.Cmd) []string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v\n%s", cmd, err, &stderr)
	}
	var ran []string
	for line := range bytes.Lines(out) {
		var v struct {
			Check  string
			OK     bool
			Detail string
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s printed %q: %v", cmd, line, err)
		}
		ran = append(ran, v.Check)
		t.Run(v.Check, func(t *testing.T) {
			if !v.OK {
				t.Error(v.Detail)
			}
		})
	}
	return ran
}
