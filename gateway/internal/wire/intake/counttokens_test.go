package intake

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestScanCountTokens reads what the facts need, in each of the forms that Google takes.
func TestScanCountTokens(t *testing.T) {
	const contents = `"contents":[{"parts":[{"text":"abc"}]}]`
	long := strings.Repeat("word ", 600)
	for body, want := range map[string]llm.Facts{
		`{` + contents + `}`: {Messages: 1, EstInputTokens: 1},
		`{"generateContentRequest":{"model":"models/m",` + contents + `,"systemInstruction":{"parts":[{"text":"` + long + `"}]},
			"tools":[{"functionDeclarations":[{"name":"f"}]}]},"contents":null}`: {Messages: 1, Model: "m", Features: llm.Tools, EstInputTokens: 1000},
		`{"generate_content_request":{` + contents + `,"tools":[{"googleSearch":{}}]}}`: {Messages: 1, Features: llm.WebSearch, Unbounded: "a web search", EstInputTokens: 1},
		`{"model":"models/m",` + contents + `,"generateContentRequest":null}`:           {Messages: 1, Model: "m", EstInputTokens: 1},
		`{` + contents + `,"system_instruction":{"parts":[{"text":"` + long + `"}]}}`:   {Messages: 1, EstInputTokens: 1000},
	} {
		f, _, err := ScanCountTokens([]byte(body), Options{})
		if err != nil || f.Messages != want.Messages || f.Model != want.Model || f.Features != want.Features || f.Unbounded != want.Unbounded ||
			f.EstInputTokens < want.EstInputTokens || f.EstInputTokens > want.EstInputTokens+200 {
			t.Errorf("%.90s: %+v, %v", body, f, err)
		}
	}
	for body, want := range map[string]string{
		`{}`:                              `"contents" is missing`,
		`{"contents":[]}`:                 `"contents" is missing`,
		`{"generateContentRequest":{}}`:   "generateContentRequest has no contents",
		`{"contents":"hi"}`:               "contents must be an array",
		`{"generateContentRequest":[]}`:   "must be an object",
		`{"generateContentRequest":null}`: `"contents" is missing`,
		`{` + contents + `,"generateContentRequest":{` + contents + `}}`:                              "not both",
		`{"generateContentRequest":{` + contents + `},` + contents + `}`:                              "not both",
		`{"model":"models/a","generateContentRequest":{"model":"models/b",` + contents + `}}`:         `names the model "b"`,
		`{"generateContentRequest":{` + contents + `,"apiKey":"x"}}`:                                  "may not choose an upstream",
		`{"generateContentRequest":{` + contents + `,"generationConfig":{"maxOutputTokens":"many"}}}`: "maxOutputTokens",
	} {
		if _, _, err := ScanCountTokens([]byte(body), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", body, err, want)
		}
	}
}

// TestScanCountTokensRecordings reads every recorded request.
func TestScanCountTokensRecordings(t *testing.T) {
	n := 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "count_tokens" && (r.Provider == "gemini" || r.Provider == "vertex")
	}) {
		n++
		if f, _, err := ScanCountTokens([]byte(rec.RequestBody), Options{}); err != nil || f.Messages == 0 {
			t.Errorf("%s: %+v, %v", rec.Path, f, err)
		}
	}
	t.Logf("%d requests", n)
}

func FuzzScanCountTokens(f *testing.F) {
	f.Add(`{"contents":[{"parts":[{"text":"a"}]}],"generateContentRequest":null}`)
	f.Add(`{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"a"}]}],"tools":[{}]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		facts, _, err := ScanCountTokens([]byte(body), Options{})
		if err == nil && (facts.Messages < 1 || facts.End >= len(body) || body[facts.End] != '}' || facts.ModelAt.End > len(body)) {
			t.Errorf("%s gave %+v", body, facts)
		}
	})
}
