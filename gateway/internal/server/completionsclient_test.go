package server

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// askCompletion is a request of a client of the completions API.
func askCompletion(stream bool) string {
	return fmt.Sprintf(`{"model":"m","stream":%t,"prompt":"hi"}`, stream)
}

// TestCompletionsClientEverywhere has providers of chat formats answer a client of the
// completions API with each recorded reply: the text must be that of the chat reply.
func TestCompletionsClientEverywhere(t *testing.T) {
	skipRaced(t)
	for _, of := range []struct {
		dialect, endpoint string
		providers         []string
	}{
		{"openai", "chat.completions", []string{"openai", "deepseek", "groq", "mistral", "openrouter", "perplexity", "vllm"}},
		{"anthropic", "messages", []string{"anthropic"}},
		{"openai-responses", "responses", []string{"openai"}},
	} {
		up := &replayer{}
		h := openTestServer(t, up, strings.Replace(toOpenAI, "dialect: openai", "dialect: "+of.dialect, 1))
		all, right := map[string]int{}, map[string]int{}
		for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
			return r.Endpoint == of.endpoint && slices.Contains(of.providers, r.Provider)
		}) {
			all[rec.Provider]++
			t.Run(rec.Path, func(t *testing.T) {
				up.current.Store(rec)
				h.health.Forget("up")
				want, chat := h.post(t, askOpenAI(rec.Stream))
				h.health.Forget("up")
				resp, got := h.postTo(t, "/completions", askCompletion(rec.Stream))
				switch {
				case want.StatusCode != http.StatusOK || rec.Stream && !strings.Contains(string(chat), "data: [DONE]"):
					if resp.StatusCode == http.StatusOK && !strings.Contains(string(got), `"error":{`) || strings.Contains(string(got), "data: [DONE]") {
						t.Errorf("a chat client gets an error, this one %s", got)
					}
				case resp.StatusCode != http.StatusOK:
					t.Errorf("status %d: %s", resp.StatusCode, got)
				case completedText(chat, rec.Stream) != completedText(got, rec.Stream):
					t.Errorf("the text %q, want %q", completedText(got, rec.Stream), completedText(chat, rec.Stream))
				case !rec.Stream:
					dialecttest.OpenAPI(t, "CreateCompletionResponse").Check(t, got)
				case !strings.HasSuffix(string(got), "\n\ndata: [DONE]\n\n"):
					t.Errorf("the stream %s has no end", got)
				}
				if !t.Failed() {
					right[rec.Provider]++
				}
			})
		}
		for _, provider := range slices.Sorted(maps.Keys(all)) {
			t.Logf("%s: %d of %d replies are right for a client of the completions API", provider, right[provider], all[provider])
		}
	}
}

// completedText is the text of a reply of either API, and why it ended in the words of both.
func completedText(reply []byte, stream bool) string {
	pieces := []string{string(reply)}
	if stream {
		pieces = nil
		for _, e := range dialecttest.ParseSSE(string(reply)) {
			pieces = append(pieces, e.Data)
		}
	}
	var text strings.Builder
	finish := ""
	for _, piece := range pieces {
		choice := gjson.Get(piece, `choices.#(index==0)`)
		said := choice.Get("delta")
		if !stream {
			said = choice.Get("message")
		}
		text.WriteString(choice.Get("text").String() + said.Get("content").String() + said.Get("refusal").String())
		if f := choice.Get("finish_reason").String(); f != "" {
			finish = map[string]string{"length": "length", "content_filter": "content_filter"}[f]
		}
	}
	return text.String() + " " + finish
}

// completers are a server of open models, OpenAI with an instruct model, and Anthropic.
const completers = `
keys: off
providers:
  vllm: {base_url: $UPSTREAM/vllm, allow_private: true}
  openai: {base_url: $UPSTREAM/openai, allow_private: true, api_key: env:TEST_KEY}
  an: {dialect: anthropic, base_url: $UPSTREAM/an, allow_private: true, api_key: env:TEST_KEY}
models:
  base: {targets: [vllm/base], retries: {attempts: 1}}
  instruct: {targets: [openai/gpt-3.5-turbo-instruct], retries: {attempts: 1}}
  gpt: {targets: [openai/gpt-4o-mini], retries: {attempts: 1}}
  claude: {targets: [an/claude-sonnet-4-5], retries: {attempts: 1}}
  strict: {targets: [an/claude-sonnet-4-5], retries: {attempts: 1}, on_unsupported: reject}
  either: {targets: [an/claude-sonnet-4-5], fallback: [vllm/base], retries: {attempts: 1}}
  cached: {targets: [an/claude-sonnet-4-5], cache: {ttl: 1h}}
ledger: "sqlite://:memory:"
`

// completing answers in the format of the path, and keeps path and body of the last request.
func completing(path, body *string) http.Handler {
	const text = `{"id":"cmpl-x","object":"text_completion","created":1,"model":"base-1","choices":[{"index":0,"text":" four","logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`
	c := llmtest.Chat{Text: "four"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		*path, *body = r.URL.Path, string(sent)
		stream := gjson.GetBytes(sent, "stream").Bool()
		switch {
		case strings.HasSuffix(r.URL.Path, "/chat/completions") && stream:
			llmtest.Handler(llmtest.Frames(c.OpenAIChunks(true)...)).ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "/chat/completions"):
			llmtest.Handler(llmtest.JSON(200, c.OpenAI())).ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "/completions") && stream:
			llmtest.Handler(llmtest.Frames([]byte("data: "+text+"\n\n"), []byte("data: [DONE]\n\n"))).ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "/completions"):
			llmtest.Handler(llmtest.JSON(200, text)).ServeHTTP(w, r)
		case stream:
			llmtest.Handler(llmtest.Frames(c.AnthropicEvents()...)).ServeHTTP(w, r)
		default:
			llmtest.Handler(llmtest.JSON(200, c.Anthropic())).ServeHTTP(w, r)
		}
	})
}

// TestCompletionsClientPaths wants each target asked at the endpoint that it has.
func TestCompletionsClientPaths(t *testing.T) {
	var path, body string
	h := openTestServer(t, completing(&path, &body), completers)
	for model, want := range map[string]struct{ path, body, text string }{
		"base":     {"/vllm/completions", `{"model":"base", "prompt":"2+2=","n":1}`, " four"},
		"instruct": {"/openai/completions", `{"model":"gpt-3.5-turbo-instruct", "prompt":"2+2=","n":1}`, " four"},
		"gpt":      {"/openai/chat/completions", `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"2+2="}],"max_tokens":16,"n":1}`, "four"},
		"claude":   {"/an/messages", "", "four"},
	} {
		resp, got := h.postTo(t, "/completions", `{"model":"`+model+`", "prompt":"2+2=","n":1}`)
		if resp.StatusCode != 200 || path != want.path || want.body != "" && body != want.body || gjson.GetBytes(got, "choices.0.text").String() != want.text {
			t.Errorf("%s was asked at %s for %s\nand gave %d %s", model, path, body, resp.StatusCode, got)
		}
		r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Request-Id"))
		if err != nil || r.Endpoint != llm.TextCompletions || r.Dialect != llm.Completions || r.Usage.Output == 0 {
			t.Errorf("%s: the record says %+v, %v", model, r, err)
		}
		resp, got = h.postTo(t, "/completions", `{"model":"`+model+`","prompt":"2+2=","stream":true}`)
		if resp.StatusCode != 200 || strings.TrimSpace(completedText(got, true)) != "four" || !strings.HasSuffix(string(got), "data: [DONE]\n\n") || strings.Contains(string(got), `"choices":[]`) {
			t.Errorf("%s streamed %s", model, got)
		}
		if r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Request-Id")); err != nil || r.Usage.Output == 0 {
			t.Errorf("%s: the stream's record says %+v, %v", model, r, err)
		}
	}
	if _, got := h.postTo(t, "/completions", `{"model":"claude","prompt":"2+2=","stream":true,"stream_options":{"include_usage":true}}`); !strings.Contains(string(got), `"choices":[],"usage":{`) {
		t.Errorf("the usage that was asked for is not in %s", got)
	}
}

// TestCompletionsClientRefused names what only a target of the API can do, and leaves such
// requests to a fallback that can.
func TestCompletionsClientRefused(t *testing.T) {
	var path, body string
	h := openTestServer(t, completing(&path, &body), completers)
	for member, want := range map[string]string{
		`"prompt":["a","b"]`:                         "send one request for each",
		`"prompt":[1,2]`:                             "send text",
		`"prompt":"a","max_tokens":0`:                "at least one token",
		`"prompt":"a","echo":true,"logprobs":1`:      "leave out echo or logprobs",
		`"prompt":"a","tools":[{"type":"function"}]`: "/v1/chat/completions",
		`"messages":[]`:                              `"prompt" is missing`,
	} {
		resp, got := h.postTo(t, "/completions", `{"model":"claude",`+member+`}`)
		var e struct {
			Error struct{ Message, Type string }
		}
		if err := json.Unmarshal(got, &e); err != nil || resp.StatusCode != http.StatusBadRequest || e.Error.Type != "invalid_request_error" || !strings.Contains(e.Error.Message, want) {
			t.Errorf("%s gave %d %s", member, resp.StatusCode, got)
		}
		if strings.HasPrefix(member, `"prompt":[`) {
			if resp, got := h.postTo(t, "/completions", `{"model":"either",`+member+`}`); resp.StatusCode != 200 || path != "/vllm/completions" {
				t.Errorf("%s with a fallback gave %d %s", member, resp.StatusCode, got)
			}
		}
	}
	resp, got := h.postTo(t, "/completions", `{"model":"claude","prompt":"a","suffix":"b","best_of":3,"logprobs":2,"n":2}`)
	if diff := cmp.Diff("n, best_of, suffix, logprobs, top_logprobs", resp.Header.Get("X-Penstock-Dropped")); diff != "" || resp.StatusCode != 200 {
		t.Errorf("%d %s, dropped (-want +got):\n%s", resp.StatusCode, got, diff)
	}
	resp, got = h.postTo(t, "/completions", `{"model":"gpt","prompt":"a","suffix":"b","best_of":3}`)
	if diff := cmp.Diff("best_of, suffix", resp.Header.Get("X-Penstock-Dropped")); diff != "" || resp.StatusCode != 200 {
		t.Errorf("%d %s, dropped by OpenAI (-want +got):\n%s", resp.StatusCode, got, diff)
	}
	if resp, got = h.postTo(t, "/completions", `{"model":"strict","prompt":"a","suffix":"b"}`); resp.StatusCode != 400 || !strings.Contains(string(got), "suffix") {
		t.Errorf("strict gave %d %s", resp.StatusCode, got)
	}
}

// TestCompletionsClientCache keeps a translated reply, and gives it again plain and streamed.
func TestCompletionsClientCache(t *testing.T) {
	var path, body string
	h := openTestServer(t, completing(&path, &body), completers)
	for _, stream := range []bool{false, true} {
		ask := fmt.Sprintf(`{"model":"cached","prompt":"2+2=","echo":true,"stream":%t}`, stream)
		_, first := h.postTo(t, "/completions", ask)
		path = ""
		resp, second := h.postTo(t, "/completions", ask)
		if path != "" || resp.StatusCode != 200 || completedText(first, stream) != completedText(second, stream) || !strings.HasPrefix(completedText(second, stream), "2+2=four") {
			t.Errorf("stream %t: %s, then %d from %q %s", stream, first, resp.StatusCode, path, second)
		}
	}
}

// TestCompletionsClientPolicy has a policy that knows the endpoint set a bound and a limit: the
// bound reaches the target that has the API, and one token more than a limit is too much.
func TestCompletionsClientPolicy(t *testing.T) {
	var path, body string
	dir := t.TempDir()
	h := openTestServerIn(t, dir, completing(&path, &body), completers+"policies: .\n", func() {
		rules := `package penstock
deny contains {"code": "no_drafts", "message": "no drafts", "status": 403} if { input.request.endpoint == "completions"; input.request.tags.kind == "draft" }
limits contains {"name": "texts", "scope": "all", "unit": "output_tokens", "window": "day", "max": 40} if input.request.endpoint == "completions"
`
		if err := os.WriteFile(filepath.Join(dir, "rules.rego"), []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if resp, got := h.postTo(t, "/completions", `{"model":"base","prompt":"a","metadata":{"kind":"draft"}}`); resp.StatusCode != http.StatusForbidden || !strings.Contains(string(got), "no drafts") {
		t.Errorf("the policy let it pass: %d %s", resp.StatusCode, got)
	}
	resp, got := h.postTo(t, "/completions", `{"model":"base","prompt":"a"}`)
	if resp.StatusCode != 200 || body != `{"model":"base","prompt":"a","max_tokens":16}` {
		t.Errorf("under a limit the target was sent %s, and gave %d %s", body, resp.StatusCode, got)
	}
	resp, got = h.postTo(t, "/completions", `{"model":"base","prompt":["a","b","c","d"]}`)
	if resp.StatusCode != http.StatusForbidden { // four times 16 tokens are more than the limit
		t.Errorf("four texts at once gave %d %s", resp.StatusCode, got)
	}
}
