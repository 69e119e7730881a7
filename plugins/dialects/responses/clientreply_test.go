package responses_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// apiReply is a response as an official client reads it.
type apiReply struct {
	ID, Object, Status, Model string
	Created                   int64                    `json:"created_at"`
	Incomplete                *struct{ Reason string } `json:"incomplete_details"`
	Error                     *struct{ Code, Message string }
	Output                    []map[string]any
	Usage                     json.RawMessage
}

// TestRenderedReplies renders testdata/render/*.in.json, a completion with a context.
func TestRenderedReplies(t *testing.T) {
	schema := dialecttest.OpenAPI(t, "Response")
	for _, path := range dialecttest.Inputs(t, "testdata/render/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			var in struct{ Context, Body json.RawMessage }
			readJSON(t, path, &in)
			got := host.RenderWithContext(t, 200, in.Context, string(in.Body))
			schema.Check(t, got)
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

// TestRenderedStreams renders testdata/renderstream/*.in.json, a list of chunks with a
// context. An official client has to get the response that stands at the end.
func TestRenderedStreams(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/renderstream/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			var in struct {
				Context json.RawMessage
				Chunks  []json.RawMessage
			}
			readJSON(t, path, &in)
			var chunks []string
			for _, c := range in.Chunks {
				chunks = append(chunks, string(c))
			}
			frames := host.RenderStreamWithContext(t, in.Context, append(chunks, "[DONE]"))
			follow(t, frames)
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.txt", []byte(frames))
		})
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// chatProviders are those of whose chat completions there are recordings.
var chatProviders = []string{"openai", "azure", "cerebras", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "vllm", "zai"}

// TestRecordedRepliesAreRendered renders recorded completions of OpenAI's format, plain and
// streamed.
func TestRecordedRepliesAreRendered(t *testing.T) {
	schema := dialecttest.OpenAPI(t, "Response")
	plain, streams := 0, 0
	for _, provider := range chatProviders {
		for _, rec := range dialecttest.Recordings(t, provider, "chat.completions") {
			if rec.Status != 200 || !strings.Contains(rec.Response, `"choices"`) {
				continue
			}
			if !rec.Stream {
				plain++
				got := host.Render(t, 200, rec.Response)
				schema.Check(t, got)
				checkReply(t, rec.Path, got)
				continue
			}
			streams++
			var chunks []string
			for _, e := range dialecttest.ParseSSE(rec.Response) {
				if e.Data == "[DONE]" || strings.Contains(e.Data, `"choices"`) {
					chunks = append(chunks, e.Data)
				}
			}
			if !slices.Contains(chunks, "[DONE]") {
				chunks = append(chunks, "[DONE]")
			}
			got := follow(t, host.RenderStream(t, chunks))
			if !strings.Contains(rec.Response, `"error":{`) {
				checkReply(t, rec.Path, got)
			}
			if t.Failed() {
				t.Fatal(rec.Path)
			}
		}
	}
	t.Logf("%d plain replies and %d streams", plain, streams)
}

// TestClaudeIsRendered renders every recorded reply of Anthropic's by way of the canonical
// form. What Claude thought comes back to it byte for byte.
func TestClaudeIsRendered(t *testing.T) {
	schema := dialecttest.OpenAPI(t, "Response")
	claude := dialecttest.Host{Dialect: "anthropic", Model: "claude"}
	plain, streams, thoughts := 0, 0, 0
	for _, rec := range dialecttest.Recordings(t, "anthropic", "messages") {
		if rec.Status != 200 {
			continue
		}
		var got []byte
		var completion dialecttest.Reply
		if rec.Stream {
			streams++
			lines := claude.Play(t, nil, dialecttest.ParseSSE(rec.Response))
			completion = dialecttest.ReadStream(t, lines)
			got = follow(t, host.RenderStream(t, lines))
		} else {
			plain++
			body := claude.Response(t, 200, nil, rec.Response)
			completion = dialecttest.ReadCompletion(t, body)
			got = host.Render(t, 200, string(body))
		}
		schema.Check(t, got)
		r := checkReply(t, rec.Path, got)
		body, _, err := host.AcceptWithContext(t, nil, `{"model":"m","input":`+string(dialecttest.Encode(t, r.Output))+`}`)
		if err != nil {
			t.Fatalf("%s: %v", rec.Path, err)
		}
		var back struct {
			Messages []struct {
				Thoughts []dialecttest.Thought `json:"thinking_blocks"`
			}
		}
		if err := json.Unmarshal(body, &back); err != nil {
			t.Fatal(err)
		}
		var all []dialecttest.Thought
		for _, m := range back.Messages {
			all = append(all, m.Thoughts...)
		}
		if diff := cmp.Diff(completion.Thoughts, all); diff != "" {
			t.Errorf("%s: thoughts (-Claude's +what comes back):\n%s", rec.Path, diff)
		}
		thoughts += len(all)
	}
	t.Logf("%d plain replies and %d streams, %d thoughts", plain, streams, thoughts)
}

// checkReply checks what every response must satisfy beside its schema.
func checkReply(t *testing.T, what string, body []byte) apiReply {
	t.Helper()
	var r apiReply
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	if r.ID != "resp_req_1" || r.Object != "response" || r.Created != 1700000000 || r.Error != nil {
		t.Errorf("%s: the response lacks something: %s", what, body)
	}
	if (r.Status == "incomplete") != (r.Incomplete != nil) || r.Status != "incomplete" && r.Status != "completed" {
		t.Errorf("%s: status %s with %v", what, r.Status, r.Incomplete)
	}
	ids := map[any]bool{}
	for _, it := range r.Output {
		if it["id"] == "" || ids[it["id"]] {
			t.Errorf("%s: an item has no id of its own: %v", what, it)
		}
		ids[it["id"]] = true
		if it["type"] == "function_call" {
			if args := it["arguments"].(string); !json.Valid([]byte(args)) && r.Status == "completed" {
				t.Errorf("%s: arguments %q", what, args)
			}
			if it["call_id"] == "" || it["name"] == "" {
				t.Errorf("%s: the call lacks something: %v", what, it)
			}
		}
	}
	return r
}
