package gemini_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// clientRequests are the recorded requests of clients of Google's format that Google took, but
// for those that bring in what only Google keeps.
func clientRequests(t testing.TB) (requests []dialecttest.Recording) {
	for _, endpoint := range []string{"generateContent", "streamGenerateContent"} {
		for _, rec := range recordings(t, endpoint) {
			if rec.Status == 200 && strings.Contains(rec.Request, `"contents"`) && !strings.Contains(rec.Request, `"cachedContent"`) {
				requests = append(requests, rec)
			}
		}
	}
	return requests
}

// TestRecordedRequestsReachEveryProvider accepts every recorded request of a client's and puts
// it into the formats of all providers. What is refused there are media that the provider has
// no place for.
func TestRecordedRequestsReachEveryProvider(t *testing.T) {
	known := []string{".file", "must be a text", "not video_url", "not input_audio", "not file", ".image_url", "take text", "only the user's messages can have parts", "has no usable type", "no message has any content"}
	all := clientRequests(t)
	sent := map[string]int{}
	for _, rec := range all {
		accepted, err := host.Accept(t, nil, rec.Request)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(rec.Path), err)
			continue
		}
		for _, p := range []struct{ dialect, model string }{{"openai", "gpt-4o"}, {"anthropic", "claude-sonnet-4-5"}, {"openai-responses", "gpt-5"}, {"cohere", "command-a"},
			{"ollama", "llama3"}, {"gemini", "gemini-2.5-flash"}, {"gemini", "gemini-3-pro-preview"}} {
			out, err := dialecttest.Host{Dialect: p.dialect}.Request(t, dialecttest.Target{Model: p.model, MaxOutput: 8000}, rec.Stream, string(accepted))
			if err != nil {
				if !mentions(err.Error(), known) {
					t.Errorf("%s for %s: %v", filepath.Base(rec.Path), p.dialect, err)
				}
				continue
			}
			dialecttest.CheckMembers(t, out.Body)
			for _, text := range textsOf(t, rec.Request) {
				if !bytes.Contains(out.Body, quoted(t, text)) {
					t.Errorf("%s for %s lacks %q: %.2000s", filepath.Base(rec.Path), p.dialect, text, out.Body)
				}
			}
			if p.dialect == "gemini" {
				checkRules(t, p.model, out.Body)
			}
			sent[p.dialect+" "+p.model]++
		}
		if t.Failed() {
			t.Fatalf("canonical: %.3000s", accepted)
		}
	}
	t.Logf("of %d requests %v are translated", len(all), sent)
}

func mentions(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// quoted is a text as it stands within a JSON string.
func quoted(t *testing.T, text string) []byte {
	t.Helper()
	q := bytes.TrimSpace(dialecttest.Encode(t, text))
	return q[1 : len(q)-1]
}

// textsOf are the texts of the contents, and the names of the functions that are called.
func textsOf(t *testing.T, request string) (texts []string) {
	t.Helper()
	var r struct {
		Contents json.RawMessage
	}
	if err := json.Unmarshal([]byte(request), &r); err != nil {
		t.Fatal(err)
	}
	var contents []struct {
		Parts []struct {
			Text    string
			Thought bool
			Call    struct{ Name string } `json:"functionCall"`
			Snake   struct{ Name string } `json:"function_call"`
		}
	}
	if r.Contents[0] != '[' {
		r.Contents = append(append([]byte{'['}, r.Contents...), ']')
	}
	if err := json.Unmarshal(r.Contents, &contents); err != nil {
		t.Fatal(err)
	}
	for _, c := range contents {
		for _, p := range c.Parts {
			if text := strings.TrimSpace(p.Text); !p.Thought && text != "" {
				texts = append(texts, text)
			}
			if name := p.Call.Name + p.Snake.Name; name != "" {
				texts = append(texts, name)
			}
		}
	}
	return texts
}

// provided are the recorded replies of a provider, by its dialect.
type provided struct{ dialect, provider, endpoint string }

// everyProvider are those whose replies are rendered.
var everyProvider = []provided{
	{"openai", "openai", "chat.completions"}, {"openai", "openrouter", "chat.completions"}, {"openai", "mistral", "chat.completions"}, {"openai", "groq", "chat.completions"},
	{"openai", "deepseek", "chat.completions"}, {"openai", "ollama", "chat.completions"}, {"openai", "azure", "chat.completions"}, {"openai", "huggingface", "chat.completions"},
	{"openai", "cerebras", "chat.completions"}, {"openai", "perplexity", "chat.completions"}, {"openai", "gpustack", "chat.completions"}, {"openai", "snowflake", "chat.completions"},
	{"openai", "vllm", "chat.completions"}, {"openai", "zai", "chat.completions"}, {"openai", "crusoe", "chat.completions"}, {"anthropic", "anthropic", "messages"},
	{"openai-responses", "openai", "responses"}, {"openai-responses", "xai", "responses"}, {"openai-responses", "azure", "responses"}, {"cohere", "cohere", "cohere.chat"},
	{"ollama", "ollama", "ollama.chat"}, {"gemini", "gemini", "generateContent"}, {"gemini", "vertex", "generateContent"}, {"gemini", "gemini", "streamGenerateContent"},
}

// TestEveryReplyIsRendered renders the recorded replies of all providers, plain and in chunks:
// they say what the canonical ones say.
func TestEveryReplyIsRendered(t *testing.T) {
	for _, p := range everyProvider {
		t.Run(p.provider+" "+p.endpoint, func(t *testing.T) {
			from := dialecttest.Host{Dialect: p.dialect, Model: "m"}
			plain, streams := 0, 0
			for _, rec := range dialecttest.Recordings(t, p.provider, p.endpoint) {
				if rec.Status != 200 || rec.URLPath == "/v1/chat" || p.dialect == "ollama" && rec.Stream {
					continue
				}
				if strings.Contains(rec.Response, `"content":[{"type":"thinking"`) {
					continue // the host mends those
				}
				t.Run(filepath.Base(rec.Path), func(t *testing.T) {
					if !rec.Stream {
						plain++
						checkPlain(t, from, rec.Response)
						return
					}
					streams++
					checkStream(t, from, &rec)
				})
			}
			t.Logf("%d plain replies and %d streams are rendered", plain, streams)
		})
	}
}

// checkPlain renders a provider's plain reply, and a stream that says the same.
func checkPlain(t *testing.T, from dialecttest.Host, body string) {
	t.Helper()
	completion := body
	if from.Dialect != "openai" {
		completion = string(from.Response(t, 200, nil, body))
	}
	if !strings.Contains(completion, `"choices"`) {
		t.Skip("the reply is an error")
	}
	want := completionOf(t, completion)
	got := decoded(t, dialecttest.ReadGenerated(t, host.RenderWithContext(t, 200, shown, completion)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reply (-want +got):\n%s\n%.3000s", diff, completion)
	}
	streamed, failed := dialecttest.ReadGeneratedStream(t, host.RenderStreamWithContext(t, shown, dialecttest.ChunksOf(t, completion)))
	if diff := cmp.Diff(want, decoded(t, streamed)); diff != "" || failed != "" {
		t.Errorf("reply in chunks (-want +got):\n%s%s\n%.3000s", diff, failed, completion)
	}
}

// checkStream renders a provider's stream, whole and cut.
func checkStream(t *testing.T, from dialecttest.Host, rec *dialecttest.Recording) {
	t.Helper()
	sent := dialecttest.ParseSSE(rec.Response)
	if from.Dialect == "gemini" {
		sent = streamEvents(t, *rec)
	}
	lines := func(events []dialecttest.Event) (all []string) {
		if from.Dialect != "openai" {
			return from.Play(t, nil, events)
		}
		for _, e := range events {
			all = append(all, e.Data)
		}
		return all
	}
	chunks := lines(sent)
	if len(chunks) == 0 || chunks[len(chunks)-1] != "[DONE]" {
		if strings.Contains(strings.Join(chunks, ""), `"error":{`) {
			return
		}
		chunks = append(chunks, "[DONE]") // which some services leave out
	}
	got, failed := dialecttest.ReadGeneratedStream(t, host.RenderStreamWithContext(t, shown, chunks))
	if strings.Contains(strings.Join(chunks, ""), `"error":{`) {
		if failed == "" {
			t.Errorf("a stream that fails looks whole: %s", rec.Response)
		}
		return
	}
	if diff := cmp.Diff(completionOf(t, dialecttest.Joined(t, chunks)), decoded(t, got)); diff != "" || failed != "" {
		t.Errorf("reply (-want +got):\n%s%s", diff, failed)
	}
	r := rand.New(rand.NewPCG(1, uint64(len(sent))))
	for range 5 {
		cut := lines(sent[:r.IntN(len(sent))])
		if len(cut) > 0 && cut[len(cut)-1] == "[DONE]" {
			continue // what is left out says nothing more
		}
		if from.Dialect == "openai" {
			cut = append(cut, `{"error":{"message":"It broke off.","type":"server_error","param":null,"code":"x"}}`)
		}
		frames := host.RenderStreamWithContext(t, shown, cut)
		if _, failed := dialecttest.ReadGeneratedStream(t, frames); failed == "" {
			t.Errorf("a stream that is cut looks whole: %s", frames)
		}
	}
}
