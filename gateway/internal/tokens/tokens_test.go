package tokens

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func request(body string, media ...string) *llm.Request {
	r := &llm.Request{Body: []byte(body), Facts: llm.Facts{TextBytes: int64(len(body))}}
	for _, m := range media {
		at := strings.Index(body, m)
		r.Facts.MediaAt = append(r.Facts.MediaAt, llm.Span{Start: at, End: at + len(m)})
		r.Facts.TextBytes -= int64(len(m))
	}
	return r
}

// TestPrompt compares with the counts of OpenAI's API for these prompts: the result must
// not be lower, nor much higher.
func TestPrompt(t *testing.T) {
	for _, tt := range []struct {
		name, model, body string
		media             []string
		least, most       int64 // least is what the provider counts
	}{
		{"a greeting", "gpt-4o-mini", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, nil, 8, 30},
		{"an older model", "gpt-4-0613", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, nil, 8, 30},
		{"a reseller's name", "openai/gpt-5", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, nil, 8, 30},
		{"escapes", "gpt-5", `{"model":"m","messages":[{"role":"user","content":"\u65e5\u672c\u8a9e\ud83d\ude00"}]}`, nil, 9, 40},
		{"a script with more than a token per three bytes", "gpt-5", `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("𒀀", 100) + `"}]}`, nil, 300, 500},
		{"prose", "gpt-5", `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("The quick brown fox jumps over the lazy dog. ", 100) + `"}]}`, nil, 1007, 1040},
		{"media are left out", "gpt-5", `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":"data:AAAA"},{"type":"text","text":"hi"}]}]}`, []string{`"data:AAAA"`}, 8, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Counter
			r := request(tt.body, tt.media...)
			n, ok := c.Prompt(tt.model, r)
			if !ok || n < tt.least || n > tt.most {
				t.Errorf("Prompt = %d, %t, want %d to %d", n, ok, tt.least, tt.most)
			}
		})
	}
}

func TestUncountedPrompts(t *testing.T) {
	var c Counter
	for _, model := range []string{"claude-opus-4-6", "llama3.3", "mygpt-5", ""} {
		if n, ok := c.Prompt(model, request(`{"a":"b"}`)); ok {
			t.Errorf("%s: counted %d, want nothing", model, n)
		}
	}
	if n, ok := c.Prompt("gpt-5", request(`{"a":"`+strings.Repeat("x", maxText)+`"}`)); ok {
		t.Errorf("long text: counted %d, want nothing", n)
	}
}

// FuzzPrompt checks that no text panics, and that no count is higher than three tokens per
// byte.
func FuzzPrompt(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":"hi \u00e9"}]}`))
	f.Add([]byte(`"\`))
	var c Counter
	f.Fuzz(func(t *testing.T, body []byte) {
		r := &llm.Request{Body: body, Facts: llm.Facts{TextBytes: int64(len(body))}}
		if n, ok := c.Prompt("gpt-5", r); ok && (n < 0 || n > 3*int64(len(body))) {
			t.Errorf("%q has %d tokens", body, n)
		}
	})
}
