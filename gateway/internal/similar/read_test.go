package similar

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRead(t *testing.T) {
	tests := []struct{ name, body, text, rest string }{
		{"chat", `{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi \"you\""}],"stream":true}`, `Hi "you"`,
			`{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":""}],"stream":true}`},
		{"chat, parts", `{"messages":[{"content":[{"type":"text","text":"a"}],"role":"user"}]}`, "a", `{"messages":[{"content":[{"type":"text","text":""}],"role":"user"}]}`},
		{"messages", `{"system":"s","max_tokens":9,"messages":[{"role":"user","content":"a"}]}`, "a", `{"system":"s","max_tokens":9,"messages":[{"role":"user","content":""}]}`},
		{"responses, text", `{"instructions":"i","input":"a"}`, "a", `{"instructions":"i","input":""}`},
		{"responses, items", `{"input":[{"type":"message","role":"developer","content":"d"},{"role":"user","content":[{"type":"input_text","text":"a"}]}]}`, "a",
			`{"input":[{"type":"message","role":"developer","content":"d"},{"role":"user","content":[{"type":"input_text","text":""}]}]}`},
		{"Gemini", `{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"parts":[{"text":"a"}]}]}`, "a", `{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"parts":[{"text":""}]}]}`},
		{"Gemini, one object", `{"contents":{"role":"user","parts":[{"text":"a"}]}}`, "a", `{"contents":{"role":"user","parts":[{"text":""}]}}`},
	}
	for _, tt := range tests {
		got, reason := Read([]byte(tt.body), &llm.Facts{Choices: 1}, 100)
		if reason != "" || got.Text != tt.text || string(got.Rest) != tt.rest {
			t.Errorf("%s: text %q, rest %s, reason %q", tt.name, got.Text, got.Rest, reason)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	asks := `{"messages":[{"role":"user","content":"a"}]}`
	tests := []struct {
		body  string
		facts llm.Facts
		want  string
	}{
		{asks, llm.Facts{Features: llm.Tools}, hasTools},
		{asks, llm.Facts{Features: llm.Vision}, hasMedia},
		{asks, llm.Facts{Features: llm.FileIn}, hasMedia},
		{asks, llm.Facts{Choices: 2}, manyChoices},
		{asks, llm.Facts{Features: llm.JSONSchema}, wantsSchema},
		{asks, llm.Facts{Features: llm.WebSearch}, wantsWeb},
		{asks, llm.Facts{Features: llm.Logprobs}, wantsLogs},
		{asks, llm.Facts{Inputs: 1}, notAsking},
		{asks, llm.Facts{Free: true}, notAsking},
		{`{"prompt":"a"}`, llm.Facts{}, notAsking},
		{`{"messages":[]}`, llm.Facts{}, noUserText},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, llm.Facts{}, noUserText},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`, llm.Facts{}, severalTurns},
		{`{"messages":[{"role":"user","content":"a"},{"role":"tool","content":"b"}]}`, llm.Facts{}, hasTools},
		{`{"messages":[{"role":"assistant","tool_calls":[{}]},{"role":"user","content":"a"}]}`, llm.Facts{}, hasTools},
		{`{"input":[{"type":"function_call_output","output":"b"},{"role":"user","content":"a"}]}`, llm.Facts{}, hasTools},
		{`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}`, llm.Facts{}, severalParts},
		{`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"}]}]}`, llm.Facts{}, hasMedia},
		{`{"contents":[{"parts":[{"text":"a"},{"inlineData":{}}]}]}`, llm.Facts{}, hasMedia},
		{`{"messages":[{"role":"user","content":"` + strings.Repeat("ä", 11) + `"}]}`, llm.Facts{}, TooLong},
		{`{"messages":[{"role":"user","content":" \n"}]}`, llm.Facts{}, noWords},
		{`{"messages":[{"role":"user","content":null}]}`, llm.Facts{}, severalParts},
		{`{"messages":["a"]}`, llm.Facts{}, notAsking},
		{`{"input":["a"]}`, llm.Facts{}, notAsking},
		{`[`, llm.Facts{}, notAsking},
	}
	for _, tt := range tests {
		if _, got := Read([]byte(tt.body), &tt.facts, 10); got != tt.want {
			t.Errorf("Read(%s, %v) is refused because %q, want %q", tt.body, tt.facts, got, tt.want)
		}
	}
}

// FuzzRead checks that the rest of a body is valid, and is what another text leaves too.
func FuzzRead(f *testing.F) {
	f.Add(`{"messages":[{"role":"user","content":"a"}]}`)
	f.Add(`{"contents":{"role":"user","parts":[{"text":"a"}]},"messages":1}`)
	f.Add(`{"input":"é","input":[{"role":"user","content":[{"text":"b"}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, reason := Read([]byte(body), &llm.Facts{}, 1000)
		if reason != "" {
			return
		}
		if err := jsontext.Validate(r.Rest, maxDepth, jsontext.Grammar); err != nil {
			t.Errorf("%q leaves %q: %v", body, r.Rest, err)
		}
		if strings.Count(body, jsontextQuote(r.Text)) == 0 && !strings.Contains(body, `\`) && !strings.Contains(r.Text, "\ufffd") {
			t.Errorf("%q does not have the text %q", body, r.Text)
		}
	})
}

func jsontextQuote(s string) string { return string(jsontext.AppendQuote(nil, s)) }
