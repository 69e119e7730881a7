package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// isGemini reports the recordings of generateContent and streamGenerateContent.
func isGemini(r *llmtest.Recorded) bool {
	return strings.HasSuffix(r.Endpoint, "enerateContent")
}

// geminiReply is a reply of Google's, or an event of a streamed one.
type geminiReply struct {
	Candidates []struct {
		Content struct {
			Parts []struct {
				Text    string
				Thought bool
				Call    *struct {
					ID, Name string
					Args     any
				} `json:"functionCall"`
			}
		}
		Finish any `json:"finishReason"`
	}
	Feedback struct {
		Reason string `json:"blockReason"`
	} `json:"promptFeedback"`
	Usage struct {
		Prompt   int64 `json:"promptTokenCount"`
		Tools    int64 `json:"toolUsePromptTokenCount"`
		Answer   int64 `json:"candidatesTokenCount"`
		Thoughts int64 `json:"thoughtsTokenCount"`
		Cached   int64 `json:"cachedContentTokenCount"`
	} `json:"usageMetadata"`
}

var geminiFinish = map[any]string{"STOP": "stop", float64(1): "stop", "MAX_TOKENS": "length", "MODEL_ARMOR": "content_filter"}

// geminiEvents are the replies that a recording holds: one, or those of a stream, which
// clients get as events or as a list.
func geminiEvents(t *testing.T, rec *llmtest.Recorded) []geminiReply {
	t.Helper()
	texts := []string{string(rec.Body)}
	if rec.Stream && !strings.HasPrefix(texts[0], "[") {
		texts = dataLines(texts[0])
	}
	list := texts[0]
	if !strings.HasPrefix(list, "[") {
		list = "[" + strings.Join(texts, ",") + "]"
	}
	var events []geminiReply
	if err := json.Unmarshal([]byte(list), &events); err != nil {
		t.Fatal(err)
	}
	return events
}

// geminiContent is the content of a recording of Google's. The ids that Google leaves out are
// made of the request's.
func geminiContent(t *testing.T, rec *llmtest.Recorded, request string) (c content) {
	t.Helper()
	for _, e := range geminiEvents(t, rec) {
		for _, one := range e.Candidates {
			for _, p := range one.Content.Parts {
				switch {
				case p.Call != nil:
					if p.Call.ID == "" {
						p.Call.ID = fmt.Sprintf("call_%s_%d", request, len(c.Calls)+1)
					}
					c.Calls = append(c.Calls, contentCall{p.Call.ID, p.Call.Name, p.Call.Args})
				case !p.Thought:
					c.Text += p.Text
				}
			}
			if one.Finish != nil {
				c.Finish = geminiFinish[one.Finish]
			}
		}
		if e.Feedback.Reason != "" {
			c.Finish = "content_filter"
		}
		if u := e.Usage; u.Answer > 0 || u.Thoughts > 0 {
			c.In, c.Out, c.Cached = u.Prompt+u.Tools, u.Answer+u.Thoughts, u.Cached
		}
	}
	if len(c.Calls) > 0 && c.Finish == "stop" {
		c.Finish = "tool_calls"
	}
	return c
}

// TestGeminiRecordings asks in OpenAI's format and has the upstream answer with every recorded
// reply of Gemini's: text, tool calls, finish and usage must be those of the recording. It
// also checks where and with what key the upstream is asked.
func TestGeminiRecordings(t *testing.T) {
	up := &replayer{}
	var asked atomic.Pointer[http.Request]
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r)
		up.ServeHTTP(w, r)
	}), `
keys: off
providers: {up: {dialect: gemini, base_url: $UPSTREAM/v1beta, allow_private: true, api_key: env:TEST_KEY, catalog: gemini}}
models: {m: {targets: [up/gemini-2.5-flash], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, right := 0, 0
	for rec := range llmtest.Recordings(t, isGemini) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			h.health.Forget("up")
			resp, got := h.post(t, fmt.Sprintf(`{"model":"m",%s,"stream":%t,"stream_options":{"include_usage":true}}`, hello, rec.Stream))
			method := map[bool]string{false: ":generateContent", true: ":streamGenerateContent?alt=sse"}[rec.Stream]
			if r := asked.Load(); r.URL.String() != "/v1beta/models/gemini-2.5-flash"+method || r.Header.Get("X-Goog-Api-Key") != "sk-canary-4711" || r.Header.Get("Authorization") != "" {
				t.Errorf("asked at %s with %v", r.URL, r.Header)
			}
			if rec.Status != http.StatusOK {
				checkGeminiError(t, rec, resp, got)
			} else if diff := cmp.Diff(geminiContent(t, rec, resp.Header.Get("X-Request-Id")), gatewayContent(t, rec.Stream, got)); diff != "" {
				t.Errorf("answer (-Gemini's +ours):\n%s\nwhole: %s", diff, got)
			}
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d Gemini recordings are answered right", right, all)
}

// checkGeminiError wants Google's message in OpenAI's shape. A refused provider key, which is
// status 400 at Google's, is the operator's matter, so the caller sees 502.
func checkGeminiError(t *testing.T, rec *llmtest.Recorded, resp *http.Response, got []byte) {
	t.Helper()
	var theirs, ours struct {
		Error struct {
			Message, Type string
			Code          any
		}
	}
	if err := json.Unmarshal(rec.Body, &theirs); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &ours); err != nil {
		t.Fatalf("reply %s: %v", got, err)
	}
	want := rec.Status
	if want == http.StatusForbidden || strings.Contains(string(rec.Body), "API_KEY_INVALID") {
		want = http.StatusBadGateway
	}
	if resp.StatusCode != want || !strings.Contains(ours.Error.Message, theirs.Error.Message) || ours.Error.Code == nil {
		t.Errorf("status %d, %+v; want %d with %q", resp.StatusCode, ours.Error, want, theirs.Error.Message)
	}
}

func TestGeminiStreamsCut(t *testing.T) {
	skipRaced(t)
	n := 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return isGemini(r) && r.Stream && slices.Contains(r.Tags, "reasoning") && len(r.Body) < 8<<10
	}) {
		if n++; n < 4 {
			checkCuts(t, "gemini", rec)
		}
	}
	if n == 0 {
		t.Error("no stream has been cut")
	}
}

// TestGeminiFails has the provider fail inside replies that begin well.
func TestGeminiFails(t *testing.T) {
	text := `data: {"candidates":[{"content":{"parts":[{"text":"He"}]}}],"usageMetadata":{"promptTokenCount":5}}` + "\r\n\r\n"
	for name, tt := range map[string]struct {
		step llmtest.Step
		want string
	}{
		"a reply without an answer": {llmtest.JSON(200, `{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"Malformed function call: print("}]}`), "Malformed function call: print("},
		"an event with an error":    {llmtest.Steps(llmtest.EventStream(), llmtest.Write(text, `data: {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}`+"\n\n")), "The model is overloaded."},
		"a stream's end":            {llmtest.Steps(llmtest.EventStream(), llmtest.Write(text)), "ended before the answer was complete"},
		"a list with an error":      {llmtest.JSON(429, `[{"error":{"code":429,"message":"Quota exceeded.","status":"RESOURCE_EXHAUSTED"}}]`), "Quota exceeded."},
	} {
		h := openTestServer(t, llmtest.Handler(tt.step), `
keys: off
providers: {up: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/gemini-x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
		_, got := h.post(t, fmt.Sprintf(`{"model":"m",%s,"stream":%t}`, hello, name != "a reply without an answer"))
		if !strings.Contains(string(got), tt.want) || !strings.Contains(string(got), `"error":{`) || strings.Contains(string(got), "[DONE]") {
			t.Errorf("%s: %s, want an error with %q", name, got, tt.want)
		}
	}
}
