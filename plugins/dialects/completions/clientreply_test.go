package completions_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// text is a completion, or a piece of one, as an official client reads it.
type text struct {
	ID, Object, Model string
	Created           int64
	Choices           []struct {
		Text     string
		Index    int
		Finish   *string `json:"finish_reason"`
		Logprobs *struct {
			Tokens  []string
			Offsets []int `json:"text_offset"`
		}
	}
	Usage, Error json.RawMessage
}

// TestRenderedReplies renders testdata/render/*.in.json, a completion with a context.
func TestRenderedReplies(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/render/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			var in struct{ Context, Body json.RawMessage }
			readJSON(t, path, &in)
			got := host.RenderWithContext(t, 200, in.Context, string(in.Body))
			if !strings.Contains(path, "error") {
				dialecttest.OpenAPI(t, "CreateCompletionResponse").Check(t, got)
			}
			dialecttest.CheckMembers(t, got)
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

// TestRenderedStreams renders testdata/renderstream/*.in.json, a list of chunks with a
// context.
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

// follow reads a stream as an official client does: data only, each a piece of a completion.
// It returns the texts by their index.
func follow(t *testing.T, frames string) (texts map[int]string, finishes int) {
	t.Helper()
	texts = map[int]string{}
	for _, e := range dialecttest.ParseSSE(frames) {
		if e.Data == "[DONE]" {
			continue
		}
		var piece text
		if err := json.Unmarshal([]byte(e.Data), &piece); err != nil || e.Name != "" {
			t.Fatalf("event %q %s: %v", e.Name, e.Data, err)
		}
		if piece.Error != nil {
			continue
		}
		if piece.ID != "cmpl-req_1" || piece.Object != "text_completion" || piece.Created != 1700000000 || piece.Choices == nil {
			t.Errorf("a piece lacks something: %s", e.Data)
		}
		for _, c := range piece.Choices {
			if l := c.Logprobs; l != nil && len(l.Offsets) > 0 && l.Offsets[0] != len([]rune(texts[c.Index])) {
				t.Errorf("the text is %q so far, and its next token at %d", texts[c.Index], l.Offsets[0])
			}
			texts[c.Index] += c.Text
			if c.Finish != nil {
				finishes++
			}
		}
	}
	return texts, finishes
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

// TestRecordedReplies renders every recorded reply of chat completions whose content is text,
// plain and streamed.
func TestRecordedReplies(t *testing.T) {
	schema := dialecttest.OpenAPI(t, "CreateCompletionResponse")
	plain, streams := 0, 0
	for _, provider := range []string{"openai", "azure", "cerebras", "deepseek", "groq", "ollama", "openrouter", "perplexity", "together", "vllm", "zai"} {
		for _, rec := range dialecttest.Recordings(t, provider, "chat.completions") {
			switch {
			case rec.Status != 200 || !strings.Contains(rec.Response, `"choices"`) || strings.Contains(rec.Response, `"error":{`):
			case rec.Stream:
				streams++
				checkStream(t, rec)
			default:
				plain++
				got := host.Render(t, 200, rec.Response)
				schema.Check(t, got)
				checkReply(t, rec, got)
			}
		}
	}
	t.Logf("%d plain replies and %d streams", plain, streams)
}

// chat is a completion, or a chunk of one.
type chat struct {
	Choices []struct {
		Index          int
		Message, Delta struct{ Content, Refusal string }
		Finish         string `json:"finish_reason"`
	}
}

func checkReply(t *testing.T, rec dialecttest.Recording, got []byte) {
	t.Helper()
	var want chat
	var is text
	if err := json.Unmarshal([]byte(rec.Response), &want); err != nil {
		t.Fatalf("%s: %v", rec.Path, err)
	}
	if err := json.Unmarshal(got, &is); err != nil || len(is.Choices) != len(want.Choices) {
		t.Fatalf("%s: %s, %v", rec.Path, got, err)
	}
	for i, c := range want.Choices {
		if is.Choices[i].Text != c.Message.Content+c.Message.Refusal || is.Choices[i].Finish == nil && c.Finish != "" {
			t.Errorf("%s became %s", rec.Path, got)
		}
	}
}

func checkStream(t *testing.T, rec dialecttest.Recording) {
	t.Helper()
	want, finishes := map[int]string{}, 0
	var chunks []string
	for _, e := range dialecttest.ParseSSE(rec.Response) {
		if !strings.Contains(e.Data, `"choices"`) {
			continue
		}
		chunks = append(chunks, e.Data)
		var c chat
		if err := json.Unmarshal([]byte(e.Data), &c); err != nil {
			t.Fatalf("%s: %v", rec.Path, err)
		}
		for _, one := range c.Choices {
			want[one.Index] += one.Delta.Content + one.Delta.Refusal
			if one.Finish != "" {
				finishes++
			}
		}
	}
	texts, ends := follow(t, host.RenderStream(t, append(slices.Clip(chunks), "[DONE]")))
	for i, one := range want {
		if texts[i] != one {
			t.Errorf("%s: %q, want %q", rec.Path, texts[i], one)
		}
	}
	if ends != finishes {
		t.Errorf("%s: %d finish reasons, want %d", rec.Path, ends, finishes)
	}
}
