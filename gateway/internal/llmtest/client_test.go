package llmtest_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestEndings checks that callers of every format tell whole replies from broken ones.
func TestEndings(t *testing.T) {
	says := llmtest.Chat{Text: "one two three"}
	type format struct {
		frames [][]byte
		plain  string
		fault  string
		inBand string
	}
	formats := map[string]format{
		"chat":            {says.OpenAIChunks(false), says.OpenAI(), llmtest.OpenAIError("server_error", "x", "no"), "data: " + llmtest.OpenAIError("server_error", "x", "no") + "\n\n"},
		"responses":       {says.ResponsesEvents(), says.Responses(), llmtest.OpenAIError("server_error", "x", "no"), "event: error\ndata: {\"type\":\"error\",\"message\":\"no\"}\n\n"},
		"messages":        {says.AnthropicEvents(), says.Anthropic(), llmtest.AnthropicError("api_error", "no"), "event: error\ndata: " + llmtest.AnthropicError("api_error", "no") + "\n\n"},
		"generateContent": {says.GeminiEvents(), says.Gemini(), llmtest.GeminiError(503, "no"), "data: " + llmtest.GeminiError(503, "no") + "\n\n"},
	}
	for _, c := range llmtest.Clients() {
		f := formats[c.Name]
		stream := string(bytes.Join(f.frames, nil))
		cut := string(bytes.Join(f.frames[:len(f.frames)-2], nil))
		if c.Name == "generateContent" {
			cut = string(f.frames[0])
		}
		for _, tt := range []struct {
			name, body, kind string
			status           int
			want             string
		}{
			{"whole", stream, "text/event-stream", 200, llmtest.EndWhole},
			{"whole, plain", f.plain, "application/json", 200, llmtest.EndWhole},
			{"refused", f.fault, "application/json", 503, llmtest.EndRefused},
			{"an error in the stream", cut + f.inBand, "text/event-stream", 200, llmtest.EndInBand},
			{"an error before any text", ": ping\n\n" + f.inBand, "text/event-stream", 200, llmtest.EndRefused},
			{"just ends", cut, "text/event-stream", 200, "broken"},
			{"ends in the middle of an event", cut + "data: {", "text/event-stream", 200, "broken"},
			{"two errors", cut + f.inBand + f.inBand, "text/event-stream", 200, "broken"},
			{"an event that is not JSON", cut + "event: x\ndata: {\"a\n\n" + f.inBand, "text/event-stream", 200, "broken"},
			{"an error that is not the format's", `{"message":"no"}`, "application/json", 503, "broken"},
			{"an error with status 200", f.fault, "application/json", 200, "broken"},
			{"an HTML page", "<html>", "text/html", 502, "broken"},
		} {
			s := httptest.NewServer(llmtest.Handler(func(x *llmtest.Exchange) {
				x.W.Header().Set("Content-Type", tt.kind)
				x.W.WriteHeader(tt.status)
				_, _ = x.W.Write([]byte(tt.body))
			}))
			seen, err := c.Ask(t.Context(), s.URL, "m", "hi", strings.Contains(tt.kind, "stream"))
			s.Close()
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := strings.Cut(seen.Ending(), ":"); got != tt.want {
				t.Errorf("%s, %s: %s, want %s\n%s", c.Name, tt.name, seen.Ending(), tt.want, tt.body)
			}
		}
	}
}

// TestFaultServer checks that a model's name chooses the fault, in every format.
func TestFaultServer(t *testing.T) {
	s := llmtest.NewFaultServer(t, llmtest.FaultTimes{})
	base := strings.TrimSuffix(s.BaseURL(llmtest.Fault{}, "openai"), "/v1")
	for _, c := range llmtest.Clients() {
		for model, want := range map[string]string{"good": llmtest.EndWhole, "f04-503": llmtest.EndRefused, "f13-policy.x": llmtest.EndRefused, "f17-late": llmtest.EndInBand} {
			seen, err := c.Ask(t.Context(), base, model, "hi", true)
			if err != nil || seen.Ending() != want {
				t.Errorf("%s, %s: %v, %v, want %s", c.Name, model, seen, err, want)
			}
		}
		if seen, err := c.Ask(t.Context(), base, "f08-end", "hi", true); err != nil || seen.Complete || len(strings.Fields(seen.Text)) != 40 {
			t.Errorf("%s: after %d tokens, complete %t, %v; want a cut after 40", c.Name, len(strings.Fields(seen.Text)), seen.Complete, err)
		}
	}
	if n := len(s.Attempts("good")); n != len(llmtest.Clients()) {
		t.Errorf("%d attempts were counted, want one of each format", n)
	}
	resp, err := http.Get(base + "/elsewhere/v1")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(s.Misuse()) != 1 {
		t.Error("a redirect that was followed is not noticed")
	}
}
