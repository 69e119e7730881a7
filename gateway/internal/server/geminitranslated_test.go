package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// TestEveryFormatIsTranslated wants a module for the clients of every format but the canonical
// one.
func TestEveryFormatIsTranslated(t *testing.T) {
	h := openTestServer(t, &replayer{}, "keys: off\nmodels: {}\nproviders: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}\nledger: sqlite://penstock.db\n")
	for _, f := range wire.Formats {
		if f.Dialect != llm.OpenAI && h.clientDialect(f.Dialect) == nil {
			t.Errorf("nothing translates for clients of %s", f.Dialect)
		}
	}
}

// geminiAnswer is a reply of Google's as these tests look at it.
type geminiAnswer struct {
	Candidates []struct {
		Content struct {
			Parts []struct{ Text string }
		}
		FinishReason string
	}
	UsageMetadata struct{ TotalTokenCount int }
	Error         struct{ Status string }
}

// TestGeminiClientOfOthers asks targets of other dialects, plain, for events and for a list. A
// list that is cut ends with an error.
func TestGeminiClientOfOthers(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), `
keys: off
providers:
  openai: {dialect: openai, base_url: $UPSTREAM/v1, allow_private: true, api_key: env:TEST_KEY}
  anthropic: {dialect: anthropic, base_url: $UPSTREAM/v1, allow_private: true, api_key: env:TEST_KEY}
  responses: {dialect: openai-responses, base_url: $UPSTREAM/v1, allow_private: true, api_key: env:TEST_KEY}
models:
  openai: {targets: [openai/small]}
  anthropic: {targets: [anthropic/small]}
  responses: {targets: [responses/small]}
  openai-cut: {targets: [openai/cut], retries: {attempts: 1}}
  anthropic-cut: {targets: [anthropic/cut], retries: {attempts: 1}}
  responses-cut: {targets: [responses/cut], retries: {attempts: 1}}
  strict: {targets: [openai/small], on_unsupported: reject}
ledger: sqlite://penstock.db
`)
	for _, model := range []string{"openai", "anthropic", "responses"} {
		_, plain := h.postTo(t, "/models/"+model+":generateContent", geminiHello)
		checkGeminiReplies(t, model, [][]byte{plain}, true)
		resp, events := h.postTo(t, "/models/"+model+":streamGenerateContent?alt=sse", geminiHello)
		if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			t.Errorf("events come as %s", kind)
		}
		var data [][]byte
		for event := range strings.SplitSeq(strings.TrimSpace(string(events)), "\n\n") {
			data = append(data, []byte(strings.TrimPrefix(event, "data: ")))
		}
		checkGeminiReplies(t, model, data, true)
		for _, query := range []string{"", "?$alt=json;enum-encoding=int"} {
			resp, list := h.postTo(t, "/models/"+model+":streamGenerateContent"+query, geminiHello)
			checkGeminiReplies(t, model, elementsOf(t, list), true)
			if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
				t.Errorf("a list comes as %s", kind)
			}
		}
		_, list := h.postTo(t, "/models/"+model+"-cut:streamGenerateContent", geminiHello)
		checkGeminiReplies(t, model, elementsOf(t, list), false)
	}
	more := `{"labels":{"a":"b"},"generationConfig":{"topK":3},` + geminiHello[1:]
	resp, _ := h.postTo(t, "/models/openai:generateContent", more)
	if got := resp.Header.Get("X-Penstock-Dropped"); got != "top_k, google.labels" {
		t.Errorf("dropped %q", got)
	}
	resp, got := h.postTo(t, "/models/strict:generateContent", more)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(got), "top_k, google.labels") || !strings.Contains(string(got), "INVALID_ARGUMENT") {
		t.Errorf("a strict route gave %d %s", resp.StatusCode, got)
	}
}

func elementsOf(t *testing.T, list []byte) (elements [][]byte) {
	t.Helper()
	var all []json.RawMessage
	if err := json.Unmarshal(list, &all); err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	for _, one := range all {
		elements = append(elements, one)
	}
	return elements
}

// checkGeminiReplies checks the replies that a stream consists of, or the one: only whole ones
// end with a reason, others with an error.
func checkGeminiReplies(t *testing.T, model string, replies [][]byte, whole bool) {
	t.Helper()
	text, last := "", geminiAnswer{}
	for i, data := range replies {
		last = geminiAnswer{}
		if err := json.Unmarshal(data, &last); err != nil {
			t.Fatalf("%s: %s: %v", model, data, err)
		}
		for _, c := range last.Candidates {
			for _, p := range c.Content.Parts {
				text += p.Text
			}
			if c.FinishReason != "" && (i < len(replies)-1 || !whole) {
				t.Errorf("%s: reply %d of %d ends: %s", model, i+1, len(replies), data)
			}
		}
	}
	if !whole {
		if last.Error.Status != "INTERNAL" || !strings.HasPrefix(llmtest.ModelText, text) {
			t.Errorf("%s: a cut stream says %q and ends with %+v", model, text, last)
		}
		return
	}
	if text != llmtest.ModelText || len(last.Candidates) != 1 || last.Candidates[0].FinishReason != "STOP" || last.UsageMetadata.TotalTokenCount == 0 {
		t.Errorf("%s says %q and ends with %+v", model, text, last)
	}
}
