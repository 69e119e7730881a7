package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// replayer answers with whatever recording is set, and remembers what it was asked.
type replayer struct {
	current atomic.Pointer[llmtest.Recorded]
	asked   atomic.Pointer[[]byte]
}

func (r *replayer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body bytes.Buffer
	_, _ = body.ReadFrom(req.Body)
	asked := body.Bytes()
	r.asked.Store(&asked)
	llmtest.Handler(llmtest.Replay(r.current.Load(), 7)).ServeHTTP(w, req)
}

// TestOpenAIRecordings sends every recorded OpenAI chat request through the gateway
// to an upstream that answers as OpenAI did, and wants the reply back byte for byte.
func TestOpenAIRecordings(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {"*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, same := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Provider == "openai" && r.Endpoint == "chat.completions"
	}) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			up.asked.Store(nil)
			h.health.Forget("up")
			resp, got := h.post(t, rec.RequestBody)
			if resp.StatusCode != rec.Status {
				t.Errorf("status = %d, want %d\n%s", resp.StatusCode, rec.Status, got)
			}
			if diff := cmp.Diff(string(rec.Body), string(got)); diff != "" {
				t.Errorf("reply (-recorded +got):\n%s", diff)
			}
			checkAsked(t, rec, up.asked.Load())
			if !t.Failed() {
				same++
			}
		})
	}
	t.Logf("%d of %d OpenAI chat recordings come back byte for byte", same, all)
}

// TestAnthropicToAnthropic sends every recorded request of Anthropic's Messages API
// through the gateway to an upstream that answers as Anthropic did, and wants request and
// reply to pass byte for byte, errors included.
func TestAnthropicToAnthropic(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {"*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, same := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Provider == "anthropic" && r.Endpoint == "messages"
	}) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			up.asked.Store(nil)
			h.health.Forget("up")
			resp, got := h.postTo(t, "/messages?beta=true", rec.RequestBody, "Anthropic-Version", "2023-06-01")
			if rec.Status == http.StatusUnauthorized {
				checkAnthropicAuth(t, resp, got)
				same++
				return
			}
			if resp.StatusCode != rec.Status {
				t.Errorf("status = %d, want %d\n%s", resp.StatusCode, rec.Status, got)
			}
			if diff := cmp.Diff(string(rec.Body), string(got)); diff != "" {
				t.Errorf("reply (-recorded +got):\n%s", diff)
			}
			if asked := up.asked.Load(); asked == nil {
				t.Error("the upstream was not asked")
			} else if diff := cmp.Diff(rec.RequestBody, string(*asked)); diff != "" {
				t.Errorf("request (-client's +upstream's):\n%s", diff)
			}
			if !t.Failed() {
				same++
			}
		})
	}
	t.Logf("%d of %d Anthropic messages recordings pass byte for byte", same, all)
}

// TestResponsesToResponses sends every recorded request of the Responses API through the
// gateway to an upstream that answers as the provider did, and wants request and reply to
// pass byte for byte, errors with their status.
func TestResponsesToResponses(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai, also: [openai-responses], base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {"*": {targets: ["up/*"], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, same := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "responses" && r.RequestBody != "" && r.Status != http.StatusUnauthorized && !strings.Contains(string(r.Body), `"response.input_tokens"`)
	}) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			up.asked.Store(nil)
			h.health.Forget("up")
			resp, got := h.postTo(t, "/responses", rec.RequestBody)
			refused := resp.StatusCode == http.StatusBadGateway && strings.Contains(string(got), "provider_auth") // xAI refuses keys with 400
			if resp.StatusCode != rec.Status && rec.Status < 500 && !refused {
				t.Errorf("status = %d, want %d\n%s", resp.StatusCode, rec.Status, got)
			}
			want, _ := strings.CutSuffix(string(rec.Body), "data: [DONE]\n\n")
			if diff := cmp.Diff(want, string(got)); diff != "" && rec.Status == http.StatusOK {
				t.Errorf("reply (-recorded +got):\n%s", diff)
			}
			if asked := up.asked.Load(); asked == nil {
				t.Error("the upstream was not asked")
			} else if diff := cmp.Diff(rec.RequestBody, string(*asked)); diff != "" {
				t.Errorf("request (-client's +upstream's):\n%s", diff)
			}
			if !t.Failed() {
				same++
			}
		})
	}
	t.Logf("%d of %d recordings of the Responses API pass byte for byte", same, all)
}

// checkAnthropicAuth wants a provider's refusal of the gateway's own key to be no 401,
// and to have Anthropic's form all the same.
func checkAnthropicAuth(t *testing.T, resp *http.Response, got []byte) {
	t.Helper()
	var e struct {
		Type  string
		Error struct{ Type, Message string }
	}
	if err := json.Unmarshal(got, &e); err != nil || resp.StatusCode != http.StatusBadGateway || e.Type != "error" || e.Error.Type != "api_error" {
		t.Errorf("got %d %s, want 502 with Anthropic's api_error", resp.StatusCode, got)
	}
}

// TestAnthropicErrors wants errors of the gateway's own in Anthropic's form at /v1/messages.
func TestAnthropicErrors(t *testing.T) {
	h := openTestServer(t, &replayer{}, `
keys: required
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/m]}}
ledger: sqlite://penstock.db
`)
	_, token, err := h.keys.Create(t.Context(), keys.Spec{Name: "claude"})
	if err != nil {
		t.Fatal(err)
	}
	const request = `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`
	for _, tt := range []struct {
		name, body, key string
		status          int
		kind, message   string
	}{
		{"no key", request, "", 401, "authentication_error", "key"},
		{"not JSON", `{`, token.Reveal(), 400, "invalid_request_error", "JSON"},
		{"no such model", strings.Replace(request, `"m"`, `"x"`, 1), token.Reveal(), 404, "not_found_error", "x"},
		{"no canonical form", strings.Replace(request, `"hi"`, `[{"type":"tool_result"}]`, 1), token.Reveal(), 400, "invalid_request_error", "messages[0].content[0].tool_use_id: "},
	} {
		resp, got := h.postTo(t, "/messages", tt.body, "X-Api-Key", tt.key)
		var e struct {
			Type      string
			Error     struct{ Type, Message string }
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal(got, &e); err != nil || resp.StatusCode != tt.status || e.Type != "error" || e.Error.Type != tt.kind || !strings.Contains(e.Error.Message, tt.message) {
			t.Errorf("%s: got %d %s, want %d, %s and %q", tt.name, resp.StatusCode, got, tt.status, tt.kind, tt.message)
		}
		if id := resp.Header.Get("Request-Id"); id == "" || id != e.RequestID || id != resp.Header.Get("X-Request-Id") {
			t.Errorf("%s: request id %q in the header, %q in the body", tt.name, id, e.RequestID)
		}
	}
}

// checkAsked wants the upstream to have got the client's body: unchanged, but for
// the usage that is asked for in streams.
func checkAsked(t *testing.T, rec *llmtest.Recorded, asked *[]byte) {
	t.Helper()
	if asked == nil {
		t.Error("the upstream was not asked")
		return
	}
	want := rec.RequestBody
	if rec.Stream && !strings.Contains(want, "include_usage") {
		end := strings.LastIndex(want, "}")
		want = want[:end] + `,"stream_options":{"include_usage":true}` + want[end:]
	}
	if diff := cmp.Diff(want, string(*asked)); diff != "" {
		t.Errorf("request (-client's +upstream's):\n%s", diff)
	}
}

// TestAnthropicRecordings asks in OpenAI's format and has the upstream answer with
// every recorded Anthropic reply: text, tool calls, finish and usage must be those
// of the recording.
func TestAnthropicRecordings(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/claude-sonnet-4-5], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, right := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Provider == "anthropic" && r.Endpoint == "messages"
	}) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			h.health.Forget("up")
			body := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":%t,"stream_options":{"include_usage":true}}`, rec.Stream)
			resp, got := h.post(t, body)
			if rec.Status != http.StatusOK {
				checkAnthropicError(t, rec, resp, got)
			} else {
				want, have := anthropicContent(t, rec), gatewayContent(t, rec.Stream, got)
				if diff := cmp.Diff(want, have); diff != "" {
					t.Errorf("answer (-Anthropic's +ours):\n%s\nwhole: %s", diff, got)
				}
			}
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d Anthropic messages recordings are answered right", right, all)
}

// checkAnthropicError wants the provider's message in OpenAI's shape. A refused
// provider key is the operator's matter, so the caller sees 502.
func checkAnthropicError(t *testing.T, rec *llmtest.Recorded, resp *http.Response, got []byte) {
	t.Helper()
	var theirs, ours struct {
		Error struct{ Message, Type, Code string }
	}
	if err := json.Unmarshal(rec.Body, &theirs); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &ours); err != nil {
		t.Fatalf("reply %s: %v", got, err)
	}
	want := rec.Status
	if want == http.StatusUnauthorized {
		want = http.StatusBadGateway
	}
	if resp.StatusCode != want || !strings.Contains(ours.Error.Message, theirs.Error.Message) || ours.Error.Code == "" {
		t.Errorf("status %d, %+v; want %d with %q", resp.StatusCode, ours.Error, want, theirs.Error.Message)
	}
}

// content is what a reply contains, whatever its format.
type content struct {
	Text, Finish string
	Calls        []contentCall
	In, Out      int64
	Cached       int64
}

type contentCall struct {
	ID, Name string
	Args     any
}

func parsed(t *testing.T, args string) any {
	t.Helper()
	if args == "" {
		args = "{}"
	}
	var v any
	if err := json.Unmarshal([]byte(args), &v); err != nil {
		t.Errorf("arguments %q: %v", args, err)
	}
	return v
}

// anthropicUsage is usage as Anthropic counts it: input without what the cache had.
type anthropicUsage struct {
	Input  *int64 `json:"input_tokens"`
	Read   int64  `json:"cache_read_input_tokens"`
	Write  int64  `json:"cache_creation_input_tokens"`
	Output int64  `json:"output_tokens"`
	Parts  []struct {
		Type   string
		Input  int64 `json:"input_tokens"`
		Read   int64 `json:"cache_read_input_tokens"`
		Write  int64 `json:"cache_creation_input_tokens"`
		Output int64 `json:"output_tokens"`
	} `json:"iterations"`
}

// finishes maps stop reasons, as the table of wire formats has them.
var finishes = map[string]string{"end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length",
	"model_context_window_exceeded": "length", "tool_use": "tool_calls", "refusal": "content_filter"}

type anthropicBlock struct {
	Type, Text, ID, Name string
	Input                json.RawMessage
}

// add adds the blocks of a message. A text behind a tool that Anthropic has run is a paragraph
// of its own.
func (s *content) add(t *testing.T, blocks ...anthropicBlock) {
	ran := false
	for _, b := range blocks {
		switch b.Type {
		case "text":
			if ran && s.Text != "" && !strings.HasSuffix(s.Text, "\n") && !strings.HasPrefix(b.Text, "\n") {
				s.Text += "\n\n"
			}
			ran = false
			s.Text += b.Text
		case "server_tool_use", "mcp_tool_use":
			ran = true
		case "tool_use":
			s.Calls = append(s.Calls, contentCall{b.ID, b.Name, parsed(t, string(b.Input))})
		}
	}
}

func (s *content) count(u anthropicUsage) {
	if u.Input != nil {
		s.In, s.Cached = *u.Input+u.Read+u.Write, u.Read
	}
	s.Out = u.Output
	if len(u.Parts) > 0 { // what is billed is the sum of the parts that are the model's own
		s.In, s.Cached, s.Out = 0, 0, 0
		for _, p := range u.Parts {
			if p.Type == "advisor_message" {
				continue
			}
			s.In, s.Cached, s.Out = s.In+p.Input+p.Read+p.Write, s.Cached+p.Read, s.Out+p.Output
		}
	}
}

func anthropicContent(t *testing.T, rec *llmtest.Recorded) content {
	t.Helper()
	if rec.Stream {
		return anthropicStreamContent(t, string(rec.Body))
	}
	var m struct {
		Content    []anthropicBlock
		StopReason string `json:"stop_reason"`
		Usage      anthropicUsage
	}
	if err := json.Unmarshal(rec.Body, &m); err != nil {
		t.Fatal(err)
	}
	s := content{Finish: finishes[m.StopReason]}
	s.add(t, m.Content...)
	s.count(m.Usage)
	return s
}

func anthropicStreamContent(t *testing.T, body string) content {
	var s content
	blocks := map[int]*anthropicBlock{}
	var order []int
	for _, data := range dataLines(body) {
		var e struct {
			Type         string
			Index        int
			ContentBlock anthropicBlock `json:"content_block"`
			Message      struct{ Usage anthropicUsage }
			Usage        anthropicUsage
			Delta        struct {
				Type, Text  string
				PartialJSON string `json:"partial_json"`
				StopReason  string `json:"stop_reason"`
			}
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case "message_start":
			s.count(e.Message.Usage)
		case "content_block_start":
			b := e.ContentBlock
			b.Input = nil
			blocks[e.Index], order = &b, append(order, e.Index)
		case "content_block_delta":
			b := blocks[e.Index]
			b.Text += e.Delta.Text
			b.Input = append(b.Input, e.Delta.PartialJSON...)
		case "message_delta":
			s.Finish = finishes[e.Delta.StopReason]
			s.count(e.Usage)
		}
	}
	var all []anthropicBlock
	for _, i := range order {
		all = append(all, *blocks[i])
	}
	s.add(t, all...)
	return s
}

func dataLines(body string) []string {
	var all []string
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:"); ok {
			all = append(all, strings.TrimSpace(data))
		}
	}
	return all
}

// openAIPart is a message or a delta of one.
type openAIPart struct {
	Content   string
	ToolCalls []struct {
		Index    int
		ID       string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
}

type openAIReply struct {
	Choices []struct {
		Message, Delta openAIPart
		FinishReason   string `json:"finish_reason"`
	}
	Usage *struct {
		In     int64 `json:"prompt_tokens"`
		Out    int64 `json:"completion_tokens"`
		Detail struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	}
}

func gatewayContent(t *testing.T, stream bool, body []byte) content {
	t.Helper()
	texts := []string{string(body)}
	if stream {
		texts = dataLines(string(body))
		if n := len(texts); n == 0 || texts[n-1] != "[DONE]" {
			t.Fatalf("the stream does not end in [DONE]: %s", body)
		}
		texts = texts[:len(texts)-1]
	}
	var s content
	args := map[int]string{}
	for _, text := range texts {
		var r openAIReply
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, c := range r.Choices {
			s.Text += c.Message.Content + c.Delta.Content
			s.Finish += c.FinishReason // more than one would show
			for i, call := range append(c.Message.ToolCalls, c.Delta.ToolCalls...) {
				if !stream {
					call.Index = i
				}
				if call.ID != "" {
					s.Calls = append(s.Calls, contentCall{ID: call.ID, Name: call.Function.Name})
				}
				args[call.Index] += call.Function.Arguments
			}
		}
		if r.Usage != nil {
			s.In, s.Out, s.Cached = r.Usage.In, r.Usage.Out, r.Usage.Detail.Cached
		}
	}
	for i := range s.Calls {
		s.Calls[i].Args = parsed(t, args[i])
	}
	return s
}

// TestDearerPassThrough refuses, under a budget, what would make a request cost more than
// is known, in every dialect that passes through.
func TestDearerPassThrough(t *testing.T) {
	h := openTestServer(t, &replayer{}, `
keys: required
providers:
  claude: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: anthropic}
  gpt: {dialect: openai, also: [openai-responses], base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: openai}
models: {claude: {targets: [claude/claude-sonnet-4-5]}, gpt: {targets: [{target: gpt/gpt-5, price: {input: 1, output: 2}}]}}
ledger: sqlite://penstock.db
`)
	_, token, err := h.keys.Create(t.Context(), keys.Spec{Name: "poor", Budget: llm.Budget{Max: llm.USD, Window: "day"}})
	if err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]string{
		"/messages":         `{"model":"claude","max_tokens":5,"speed":"fast","messages":[{"role":"user","content":"hi"}]}`,
		"/responses":        `{"model":"gpt","service_tier":"priority","input":"hi"}`,
		"/chat/completions": `{"model":"gpt","service_tier":"priority","messages":[{"role":"user","content":"hi"}]}`,
	} {
		resp, got := h.postTo(t, path, body, "Authorization", "Bearer "+token.Reveal())
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(got), "may make it cost more") {
			t.Errorf("%s: %d %s, want a refusal", path, resp.StatusCode, got)
		}
	}
}

// TestNativeRepliesAreCached wants a stored reply of a passed-through dialect to be the same
// again, plain and streamed, and another one for other headers that the provider sees.
func TestNativeRepliesAreCached(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/claude-sonnet-4-5], cache: {ttl: 1m}}}
ledger: sqlite://penstock.db
`)
	seen := map[bool]bool{}
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Provider == "anthropic" && r.Endpoint == "messages" && r.Status == http.StatusOK
	}) {
		if seen[rec.Stream] {
			continue
		}
		seen[rec.Stream] = true
		up.current.Store(rec)
		body := fmt.Sprintf(`{"model":"m","max_tokens":50,"stream":%t,"messages":[{"role":"user","content":"hi"}]}`, rec.Stream)
		for _, want := range []struct{ beta, cache string }{{"a", "miss"}, {"a", "hit"}, {"b", "miss"}} {
			resp, got := h.postTo(t, "/messages", body, "Anthropic-Beta", want.beta, "X-Portkey-Cache-Namespace", fmt.Sprint(rec.Stream))
			if state := resp.Header.Get("X-Penstock-Cache"); state != want.cache {
				t.Errorf("stream %t with beta %s: cache %q, want %q", rec.Stream, want.beta, state, want.cache)
			}
			if diff := cmp.Diff(string(rec.Body), string(got)); diff != "" {
				t.Errorf("stream %t, %s (-recorded +got):\n%s", rec.Stream, want.cache, diff)
			}
		}
	}
}
