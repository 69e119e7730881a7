package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/server"
)

// replayClient is an official client that asks for recorded replies.
type replayClient struct {
	name string
	// script is the program and its arguments; without one, ask is the client.
	script []string
	ask    func(ctx context.Context, url, model string, stream bool) (spoken, error)
	// dialect is the client's own, for its words of finish reasons and its counts.
	dialect string
}

// replayClients are all clients that are tried.
var replayClients = []replayClient{
	{name: "node openai chat", script: []string{"node", "replay.mjs", "openai chat"}, dialect: "openai"},
	{name: "node openai responses", script: []string{"node", "replay.mjs", "openai responses"}, dialect: "openai-responses"},
	{name: "node anthropic", script: []string{"node", "replay.mjs", "anthropic"}, dialect: "anthropic"},
	{name: "node genai", script: []string{"node", "replay.mjs", "genai"}, dialect: "gemini"},
	{name: "vercel openai chat", script: []string{"node", "replay.mjs", "vercel openai chat"}, dialect: "vercel"},
	{name: "vercel openai responses", script: []string{"node", "replay.mjs", "vercel openai responses"}, dialect: "vercel"},
	{name: "vercel anthropic", script: []string{"node", "replay.mjs", "vercel anthropic"}, dialect: "vercel"},
	{name: "vercel google", script: []string{"node", "replay.mjs", "vercel google"}, dialect: "vercel"},
	{name: "python openai chat", script: []string{"python3", "replay.py", "openai chat"}, dialect: "openai"},
	{name: "python openai responses", script: []string{"python3", "replay.py", "openai responses"}, dialect: "openai-responses"},
	{name: "python anthropic", script: []string{"python3", "replay.py", "anthropic"}, dialect: "anthropic"},
	{name: "python genai", script: []string{"python3", "replay.py", "genai"}, dialect: "gemini"},
	{name: "go openai chat", ask: goAskChat, dialect: "openai"},
	{name: "go openai responses", ask: goAskResponses, dialect: "openai-responses"},
	{name: "go anthropic", ask: goAskMessages, dialect: "anthropic"},
}

// replayed is a recorded reply under the name of a model.
type replayed struct {
	*llmtest.Recorded
	model, dialect string
}

// replayPaths are where providers of a dialect have their version.
var replayPaths = map[string]string{"openai": "/v1", "openai-responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "cohere": "/v2", "ollama": "/api"}

// replayable returns the recordings that answer a request to a model in a dialect the
// gateway has.
func replayable(t *testing.T) []replayed {
	var all []replayed
	for rec := range llmtest.Recordings(t, nil) {
		if dialect := replayDialect(rec); dialect != "" {
			all = append(all, replayed{rec, fmt.Sprintf("rec-%d", len(all)), dialect})
		}
	}
	return all
}

func replayDialect(r *llmtest.Recorded) string {
	if r.Method != http.MethodPost || bytes.Contains(r.Body, []byte(`"status": "queued"`)) || bytes.Contains(r.Body, []byte(`"status":"queued"`)) {
		return "" // no answer yet
	}
	path, _, _ := strings.Cut(r.URLPath, "?")
	switch {
	case r.Endpoint == "chat.completions":
		return "openai"
	case r.Endpoint == "responses" && strings.HasSuffix(path, "/responses"):
		return "openai-responses"
	case r.Endpoint == "messages" && strings.HasSuffix(path, "/v1/messages"):
		return "anthropic"
	case strings.HasSuffix(r.Endpoint, "enerateContent") && !(r.Stream && r.ContentType() == "application/json"): // a list, which nobody asks for today
		return "gemini"
	case r.Endpoint == "cohere.chat" && path == "/v2/chat":
		return "cohere"
	case r.Endpoint == "ollama.chat":
		return "ollama"
	}
	return ""
}

// replayConfig has a model for each recording. Recorded refusals have a provider each, so
// that one which cools down does not stop others.
func replayConfig(upstream string, all []replayed) string {
	providers := map[string]string{}
	var models strings.Builder
	for _, r := range all {
		name := r.Provider + "-" + r.dialect
		if r.Status != http.StatusOK {
			name = "refuses-" + r.model
		}
		providers[name] = fmt.Sprintf("  %s: {dialect: %s, base_url: %s%s, allow_private: true, api_key: env:TEST_KEY}\n", name, r.dialect, upstream, replayPaths[r.dialect])
		fmt.Fprintf(&models, "  %s: {targets: [%s/%[1]s], retries: {attempts: 1}}\n", r.model, name)
	}
	var text strings.Builder
	text.WriteString("keys: off\nproviders:\n")
	for _, name := range slices.Sorted(maps.Keys(providers)) {
		text.WriteString(providers[name])
	}
	return text.String() + "models:\n" + models.String() + "ledger: sqlite://penstock.db\n"
}

// startProvider serves the recordings.
func startProvider(t *testing.T, all []replayed) (url string) {
	t.Helper()
	byName := map[string]*llmtest.Recorded{}
	for _, r := range all {
		byName[r.model] = r.Recorded
	}
	up := httptest.NewServer(llmtest.Handler(llmtest.Replaying(byName)))
	t.Cleanup(up.Close)
	return up.URL
}

// startReplaying serves a gateway to one client: targets that failed for one cool down, and
// would answer another differently.
func startReplaying(t *testing.T, upstream string, all []replayed) (url string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "penstock.yaml")
	if err := os.WriteFile(path, []byte(replayConfig(upstream, all)), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := server.Open(t.Context(), server.Options{Config: path, Getenv: testEnv(t), Stderr: io.Discard})
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

// TestClientsReadRecordings has every official client ask, in its own dialect, for every
// recorded reply of every provider. Each must get the text, the calls, the finish reason
// and the usage that the recording holds, or an error of the status that was recorded.
func TestClientsReadRecordings(t *testing.T) {
	all := replayable(t)
	upstream := startProvider(t, all)
	want := replayTruth(t, upstream, all)
	var mu sync.Mutex
	counts := map[string]map[string]*[2]int{} // of client and provider: right, all
	t.Run("clients", func(t *testing.T) {
		for _, c := range replayClients {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				mine, met := map[string]*[2]int{}, 0
				asked := all
				got := c.askAll(t, startReplaying(t, upstream, asked), asked)
				for _, r := range asked {
					n := mine[r.Provider]
					if n == nil {
						n = new([2]int)
						mine[r.Provider] = n
					}
					n[1]++
					if excepted(c.name, r.Path) != "" {
						met++
					}
					if c.check(t, r, want[r.model], got[r.model]) {
						n[0]++
					}
				}
				if want := c.exceptions(); met != want {
					t.Errorf("%d exceptions met, but the table has %d: some name no recording", met, want)
				}
				mu.Lock()
				defer mu.Unlock()
				counts[c.name] = mine
			})
		}
	})
	logReplays(t, counts)
}

// check compares what the client got, and reports whether it was right.
func (c replayClient) check(t *testing.T, r replayed, want answer, got spoken) bool {
	is := c.answer(got, want)
	if r.dialect == "anthropic" && c.dialect != "anthropic" {
		want.Text, is.Text = withoutBlanks(want.Text), withoutBlanks(is.Text)
	}
	diff := cmp.Diff(want, is)
	cause := excepted(c.name, r.Path)
	switch {
	case diff == "" && cause != "":
		t.Errorf("%s is right, and need no longer be an exception: %s", r.Path, cause)
	case diff != "" && cause == "":
		t.Errorf("%s (-recorded +got):\n%s", r.Path, diff)
	}
	return diff == ""
}

// withoutBlanks is a text without its line breaks: behind a tool that Anthropic runs itself,
// clients of other formats get the text as a paragraph of its own.
func withoutBlanks(text string) string { return strings.ReplaceAll(text, "\n", "") }

// logReplays prints, for every client and provider, how many replies were right.
func logReplays(t *testing.T, counts map[string]map[string]*[2]int) {
	for _, c := range slices.Sorted(maps.Keys(counts)) {
		var line strings.Builder
		var right, all int
		for _, provider := range slices.Sorted(maps.Keys(counts[c])) {
			n := counts[c][provider]
			right, all = right+n[0], all+n[1]
			fmt.Fprintf(&line, ", %s %d of %d", provider, n[0], n[1])
		}
		t.Logf("%s: %d of %d%s", c, right, all, &line)
	}
}
