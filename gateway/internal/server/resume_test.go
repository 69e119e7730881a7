package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// streamedReply is what a client makes of a stream, read by the rules of its format and
// without the gateway's own readers.
type streamedReply struct {
	text string
	// ends counts the events that end a reply, errors those that break it off.
	ends, errors int
	// final is the text that the last event repeats, where the format does that.
	final string
	calls []string
}

// readStreamed reads a stream, and fails the test where a client would stumble.
func readStreamed(t *testing.T, client string, body []byte) (r streamedReply) {
	t.Helper()
	sse := framing.NewReader(strings.NewReader(string(body)), 1<<20)
	defer sse.Release()
	read := map[string]func(*streamedReply, map[string]any) string{
		"chat": readChatEvent(), "messages": readMessageEvent(), "responses": readResponseEvent(), "gemini": readGeminiEvent(),
	}[client]
	for {
		e, err := sse.Next()
		if err == io.EOF {
			return r
		}
		if err != nil {
			t.Fatalf("not an event stream: %v\n%s", err, body)
		}
		switch {
		case len(e.Data) == 0:
			continue
		case string(e.Data) == "[DONE]":
			r.ends++
			continue
		}
		var event map[string]any
		if err := json.Unmarshal(e.Data, &event); err != nil {
			t.Fatalf("an event is not JSON: %v\n%s", err, e.Data)
		}
		if event["error"] != nil || event["type"] == "response.failed" {
			r.errors++
			continue
		}
		if fault := read(&r, event); fault != "" {
			t.Fatalf("%s in %s of\n%s", fault, e.Data, body)
		}
	}
}

func member(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			o, _ := v.(map[string]any)
			v = o[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func str(v any, path ...any) string {
	s, _ := member(v, path...).(string)
	return s
}

func readChatEvent() func(*streamedReply, map[string]any) string {
	var id, roles, created any
	return func(r *streamedReply, e map[string]any) string {
		if id == nil {
			id, created = e["id"], e["created"]
		}
		if e["id"] != id || e["created"] != created {
			return "another id"
		}
		if role := member(e, "choices", 0, "delta", "role"); role != nil {
			if roles != nil {
				return "a second role"
			}
			roles = role
		}
		r.text += str(e, "choices", 0, "delta", "content")
		if name := str(e, "choices", 0, "delta", "tool_calls", 0, "function", "name"); name != "" {
			r.calls = append(r.calls, name)
		}
		return ""
	}
}

func readMessageEvent() func(*streamedReply, map[string]any) string {
	open, next, started := -1, 0, false
	return func(r *streamedReply, e map[string]any) string {
		index, _ := e["index"].(float64)
		switch str(e, "type") {
		case "message_start":
			if started {
				return "a second start"
			}
			started = true
		case "content_block_start":
			if open >= 0 || int(index) != next {
				return fmt.Sprintf("block %v, not %d", index, next)
			}
			open, next = int(index), next+1
			if str(e, "content_block", "type") == "tool_use" {
				r.calls = append(r.calls, str(e, "content_block", "name"))
			}
		case "content_block_delta":
			if int(index) != open {
				return "a delta outside its block"
			}
			r.text += str(e, "delta", "text")
		case "content_block_stop":
			if int(index) != open {
				return "the end of no block"
			}
			open = -1
		case "message_stop":
			r.ends++
			if open >= 0 {
				return "an open block"
			}
		}
		return ""
	}
}

func readResponseEvent() func(*streamedReply, map[string]any) string {
	sequence, id, items := -1, "", map[float64]string{}
	return func(r *streamedReply, e map[string]any) string {
		if n, _ := e["sequence_number"].(float64); int(n) != sequence+1 {
			return fmt.Sprintf("sequence number %v after %d", n, sequence)
		}
		sequence++
		if got := str(e, "response", "id"); got != "" {
			if id != "" && got != id {
				return "another response"
			}
			id = got
		}
		place, placed := e["output_index"].(float64)
		switch kind := str(e, "type"); {
		case kind == "response.output_item.added":
			if int(place) != len(items) {
				return "an item out of place"
			}
			items[place] = str(e, "item", "id")
			if str(e, "item", "type") == "function_call" {
				r.calls = append(r.calls, str(e, "item", "name"))
			}
		case kind == "response.completed":
			r.ends++
			output, _ := member(e, "response", "output").([]any)
			for i, item := range output {
				if str(item, "id") != items[float64(i)] {
					return "an item that was not streamed"
				}
				r.final += str(item, "content", 0, "text")
			}
			if len(output) != len(items) {
				return "items are missing"
			}
		case placed && e["item_id"] != nil && str(e, "item_id") != items[place], placed && e["item"] != nil && str(e, "item", "id") != items[place]:
			return "an event of another item"
		case kind == "response.output_text.delta":
			r.text += str(e, "delta")
		}
		return ""
	}
}

func readGeminiEvent() func(*streamedReply, map[string]any) string {
	id := ""
	return func(r *streamedReply, e map[string]any) string {
		if got := str(e, "responseId"); id == "" {
			id = got
		} else if got != "" && got != id {
			return "another response"
		}
		parts, _ := member(e, "candidates", 0, "content", "parts").([]any)
		for _, p := range parts {
			if member(p, "thought") == nil {
				r.text += str(p, "text")
			}
			if name := str(p, "functionCall", "name"); name != "" {
				r.calls = append(r.calls, name)
			}
		}
		if str(e, "candidates", 0, "finishReason") != "" {
			r.ends++
		}
		return ""
	}
}

// resumeText is the answer that breaks off.
const resumeText = "Gateways \"keep\" good company,\nnaïve or not: 🙂 a word or two more."

// breaking serves streams of which the first is cut after so many bytes.
type breaking struct {
	cut atomic.Int64
	// first and second answer /first and /second.
	first, second llmtest.Chat
	// continues makes the second one give another answer, and go on with a prefill.
	continues bool
}

func (b *breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	chat, cut := b.first, int(b.cut.Load())
	place, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if place == "second" {
		chat, cut = b.second, 1<<30
		if b.continues {
			chat = llmtest.Chat{ID: "two", Model: "y", Text: cmp.Or(afterPrefill(body), "Another answer is not wanted here.")}
		}
	}
	all := streamAt("/"+path, chat)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Content-Length", fmt.Sprint(len(all)))
	_, _ = io.WriteString(w, all[:min(cut, len(all))])
	if cut < len(all) {
		_ = http.NewResponseController(w).Flush() // what is buffered is lost otherwise
		panic(http.ErrAbortHandler)
	}
}

// afterPrefill is what follows in the answer on the beginning that a request ends with.
func afterPrefill(body []byte) string {
	var asked map[string]any
	_ = json.Unmarshal(body, &asked)
	messages, _ := asked["messages"].([]any)
	last := messages[len(messages)-1]
	begun := str(last, "content", 0, "text") + str(last, "content")
	if str(last, "role") != "assistant" || strings.TrimSpace(begun) != begun {
		return ""
	}
	rest, _ := strings.CutPrefix(resumeText, begun)
	return rest
}

func streamAt(path string, chat llmtest.Chat) string {
	switch {
	case strings.HasSuffix(path, "/messages"):
		return string(joinFrames(chat.AnthropicEvents()))
	case strings.HasSuffix(path, "/responses"):
		return string(joinFrames(chat.ResponsesEvents()))
	case strings.Contains(path, ":streamGenerateContent"):
		return string(joinFrames(chat.GeminiEvents()))
	}
	return string(joinFrames(chat.OpenAIChunks(true)))
}

// resumeModels are routes with every pair of targets.
func resumeModels(options string) string {
	var b strings.Builder
	b.WriteString("keys: off\nproviders:\n")
	for _, place := range []string{"first", "second"} {
		for name, dialect := range map[string]string{"chat": "openai", "messages": "anthropic", "responses": "openai-responses", "gemini": "gemini"} {
			fmt.Fprintf(&b, "  %s-%s: {dialect: %s, base_url: $UPSTREAM/%[1]s, allow_private: true, api_key: env:TEST_KEY}\n", place, name, dialect)
		}
	}
	b.WriteString("models:\n")
	for _, first := range []string{"chat", "messages", "responses", "gemini"} {
		for _, second := range []string{"chat", "messages", "responses", "gemini"} {
			fmt.Fprintf(&b, "  %s+%s: {targets: [first-%[1]s/x], fallback: [second-%s/y], retries: {attempts: 1}%[3]s}\n", first, second, options)
		}
	}
	return b.String()
}

// askStreamed asks a route for a stream as a client of one format.
func (h *testServer) askStreamed(t *testing.T, client, model string) (*http.Response, streamedReply, []byte) {
	t.Helper()
	for _, provider := range []string{"first-chat", "first-messages", "first-responses", "first-gemini"} {
		h.health.Forget(provider)
	}
	for range 20 { // a test fails more than its share of requests
		h.retries.Deposit()
	}
	path, body := clientDialects[client].path, fmt.Sprintf(clientDialects[client].stream, model)
	if client == "gemini" {
		path, body = "/models/"+model+":streamGenerateContent?alt=sse", geminiBody
	}
	resp, got := h.postTo(t, path, body)
	if resp.StatusCode != 200 {
		return resp, streamedReply{}, got
	}
	return resp, readStreamed(t, client, got), got
}

var resumeDialects = []string{"chat", "messages", "responses", "gemini"}

// resumePaths are where a provider's streams are asked for.
var resumePaths = map[string]string{"chat": "/chat/completions", "messages": "/messages", "responses": "/responses", "gemini": ":streamGenerateContent"}

// streamSize is the length of a stream in a provider's format.
func streamSize(dialect string, chat llmtest.Chat) int {
	return len(streamAt(resumePaths[dialect], chat))
}

// eachResumed calls do for every client and pair of targets.
func eachResumed(t *testing.T, do func(t *testing.T, client, first, second string)) {
	for _, client := range resumeDialects {
		for _, first := range resumeDialects {
			for _, second := range resumeDialects {
				t.Run(client+" from "+first+" and "+second, func(t *testing.T) { do(t, client, first, second) })
			}
		}
	}
}

// TestResume cuts the streams of a first target at many of their bytes. A second target that
// gives the same answer completes it for every client, whatever it speaks.
func TestResume(t *testing.T) {
	up := &breaking{
		first:  llmtest.Chat{ID: "one", Model: "x", Text: resumeText},
		second: llmtest.Chat{ID: "two", Model: "y", Text: resumeText, Thinking: "Let me see."},
	}
	h := openTestServer(t, up, resumeModels(""))
	eachResumed(t, func(t *testing.T, client, first, second string) {
		size := streamSize(first, up.first)
		for n := 0; n <= size; n += max(1, size/31) {
			up.cut.Store(int64(n))
			resp, r, body := h.askStreamed(t, client, first+"+"+second)
			if resp.StatusCode != 200 || r.text != resumeText || r.ends != 1 || r.errors > 0 || r.final != "" && r.final != resumeText {
				t.Fatalf("cut at %d of %d: %d %+v\n%s", n, size, resp.StatusCode, r, body)
			}
		}
	})
}

// TestResumeGoesOnWithCalls is for an answer that calls a tool after the text at which it
// broke off.
func TestResumeGoesOnWithCalls(t *testing.T) {
	up := &breaking{
		first:  llmtest.Chat{ID: "one", Model: "x", Text: resumeText, Thinking: "Let me see.", Signature: "c2ln"},
		second: llmtest.Chat{ID: "two", Model: "y", Text: resumeText, Tools: []llmtest.ToolCall{{ID: "call_1", Name: "look", Arguments: `{"at":"it"}`}}},
	}
	h := openTestServer(t, up, resumeModels(""))
	eachResumed(t, func(t *testing.T, client, first, second string) {
		up.cut.Store(int64(strings.Index(streamAt(resumePaths[first], up.first), "company")))
		resp, r, body := h.askStreamed(t, client, first+"+"+second)
		if resp.StatusCode != 200 || r.text != resumeText || len(r.calls) != 1 || r.ends != 1 || r.errors > 0 {
			t.Fatalf("%d %+v\n%s", resp.StatusCode, r, body)
		}
	})
}

// TestResumeOfAnotherAnswer cuts a stream that no other target gives again. The client gets
// what was sent of it and an error, and nothing of the other answer.
func TestResumeOfAnotherAnswer(t *testing.T) {
	up := &breaking{
		first:  llmtest.Chat{ID: "one", Model: "x", Text: resumeText},
		second: llmtest.Chat{ID: "two", Model: "gpt-5", Text: "Gateways \"keep\" bad company."},
	}
	h := openTestServer(t, up, resumeModels(""))
	for _, client := range resumeDialects {
		t.Run(client, func(t *testing.T) {
			up.cut.Store(int64(strings.Index(streamAt(resumePaths[client], up.first), "company")))
			_, r, body := h.askStreamed(t, client, client+"+chat")
			if r.text != "Gateways \"keep\" good " || r.ends != 0 || r.errors == 0 {
				t.Fatalf("%+v\n%s", r, body)
			}
		})
	}
}

// TestResumeByPrefill cuts a stream whose answer another target does not give again, but can
// continue.
func TestResumeByPrefill(t *testing.T) {
	up := &breaking{first: llmtest.Chat{ID: "one", Model: "x", Text: resumeText}, continues: true}
	h := openTestServer(t, up, resumeModels(""))
	for _, client := range resumeDialects {
		all := streamAt(resumePaths[client], up.first)
		first := strings.Index(all, "more.")
		for n := range 40 {
			cut := first * n / 40
			up.cut.Store(int64(cut))
			_, r, body := h.askStreamed(t, client, client+"+messages")
			if r.text != resumeText && !strings.HasPrefix(r.text, "Another answer") || r.ends != 1 || r.errors != 0 {
				t.Fatalf("%s cut at %d of %d: %+v\n%s", client, cut, first, r, body)
			}
		}
	}
}

// TestHoldAndResume holds back the first words of a stream that breaks off behind them: what
// was held is known to whoever goes on.
func TestHoldAndResume(t *testing.T) {
	up := &breaking{
		first:  llmtest.Chat{ID: "one", Model: "x", Text: resumeText},
		second: llmtest.Chat{ID: "two", Model: "y", Text: resumeText},
	}
	h := openTestServer(t, up, resumeModels(", stream: {hold: 5}"))
	for _, client := range resumeDialects {
		size := streamSize(client, up.first)
		for n := size / 20; n <= size; n += size / 20 {
			up.cut.Store(int64(n))
			if _, r, body := h.askStreamed(t, client, client+"+chat"); r.text != resumeText || r.ends != 1 || r.errors != 0 {
				t.Fatalf("%s cut at %d of %d: %+v\n%s", client, n, size, r, body)
			}
		}
	}
}

// TestHold holds back a whole stream, so that a break is never seen.
func TestHold(t *testing.T) {
	up := &breaking{
		first:  llmtest.Chat{ID: "one", Model: "x", Text: resumeText},
		second: llmtest.Chat{ID: "two", Model: "y", Text: "Something else."},
	}
	h := openTestServer(t, up, resumeModels(", stream: {resume: off, hold: all}"))
	for _, client := range resumeDialects {
		size := streamSize(client, up.first)
		for n := 0; n <= size; n += size / 20 {
			up.cut.Store(int64(n))
			_, r, body := h.askStreamed(t, client, client+"+chat")
			if r.text != resumeText && r.text != up.second.Text || r.ends != 1 || r.errors != 0 {
				t.Fatalf("%s cut at %d: %+v\n%s", client, n, r, body)
			}
		}
	}
}
