package intake

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestScanGemini reads what the facts need, in either of Google's spellings.
func TestScanGemini(t *testing.T) {
	const body = `{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"abc"},{"inlineData":{"data":"AAAA","mimeType":"image/png"}},
		{"inline_data":{"mime_type":"audio/wav","data":"AAAAAAAA"}}]},{"role":"model","parts":[{"functionCall":{"name":"f"},"thoughtSignature":"s"}]},
		{"parts":{"functionResponse":{"name":"f","response":{},"parts":[{"inline_data":{"mime_type":"application/pdf","data":"AAAA"}}]}}}],
		"tools":{"function_declarations":[{"name":"f"}]},"generation_config":{"max_output_tokens":77,"candidateCount":2,"responseJsonSchema":{"type":"object"},"responseLogprobs":true}}`
	f, _, err := ScanGemini([]byte(body), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Vision | llm.AudioIn | llm.FileIn | llm.Tools | llm.JSONSchema | llm.Logprobs
	if f.Messages != 3 || f.Features != want || f.MaxTokens != 77 || body[f.MaxTokensAt.Start:f.MaxTokensAt.End] != "77" || f.Choices != 2 || len(f.MediaAt) != 3 ||
		f.Images != 1 || f.Unbounded != "" || f.TextBytes != int64(len(body)-len(`"AAAA""AAAAAAAA""AAAA"`)) || body[f.End] != '}' || f.EstInputTokens < 10_000 {
		t.Errorf("facts are %+v", f)
	}
}

func TestScanGeminiUnbounded(t *testing.T) {
	part := func(p string) string { return `{"contents":[{"parts":[` + p + `]}]}` }
	for body, want := range map[string]string{
		part(`{"text":"a"}`):                                                            "",
		part(`{"fileData":{"fileUri":"x"}}`):                                            "a remote file",
		part(`{"file_data":{"file_uri":"x"}}`):                                          "a remote file",
		part(`{"mystery":1}`):                                                           "a part of a type that this gateway does not know",
		part(`{"inlineData":{"mimeType":"video/mp4","data":"AA"}}`):                     "a video",
		part(`{"functionResponse":{"parts":[{"fileData":{}}]}}`):                        "a remote file",
		`{"cachedContent":"c",` + part(`{"text":"a"}`)[1:]:                              "what cachedContent brings in",
		`{"cached_content":"c",` + part(`{"text":"a"}`)[1:]:                             "what cachedContent brings in",
		`{"tools":[{"googleSearch":{}}],` + part(`{"text":"a"}`)[1:]:                    "a web search",
		`{"tools":[{"functionDeclarations":[]},{"x":{}}],` + part(`{"text":"a"}`)[1:]:   "a tool that the provider runs",
		`{"system_instruction":{"parts":[{"fileData":{}}]},` + part(`{"text":"a"}`)[1:]: "a remote file",
	} {
		if f, _, err := ScanGemini([]byte(body), Options{}); err != nil || f.Unbounded != want {
			t.Errorf("%s: %q, %v; want %q", body, f.Unbounded, err, want)
		}
	}
}

func TestScanGeminiRefused(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                           `"contents" is missing`,
		`{"contents":[]}`:              `"contents" is missing`,
		`{"contents":[1]}`:             "contents[0] must be an object",
		`{"contents":[{"parts":[1]}]}`: "contents[0].parts[0] must be an object",
		`{"contents":[{"parts":[{"thought":true,"thought":1}]}]}`:                  "twice",
		`{"contents":[{"parts":[]}],"generationConfig":{"maxOutputTokens":-1}}`:    "generationConfig.maxOutputTokens must be",
		`{"contents":[{"parts":[]}],"generationConfig":{},"generation_config":{}}`: "twice",
		`{"contents":[{"parts":[]}],"Contents":[]}`:                                "letters only",
		`{"contents":[{"parts":[]}],"api_key":"x"}`:                                "may not choose an upstream",
		`{"contents":[{"parts":[]}],"model":5}`:                                    "model must be a string",
	} {
		if _, _, err := ScanGemini([]byte(body), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

// TestScanGeminiRecordings reads every recorded request.
func TestScanGeminiRecordings(t *testing.T) {
	n := 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return strings.HasSuffix(r.Endpoint, "enerateContent") }) {
		n++
		if f, _, err := ScanGemini([]byte(rec.RequestBody), Options{}); err != nil || f.Messages == 0 || strings.HasPrefix(f.Unbounded, "a part of a type") {
			t.Errorf("%s: %+v, %v", rec.Path, f, err)
		}
	}
	t.Logf("%d requests", n)
}

func FuzzScanGemini(f *testing.F) {
	f.Add(`{"contents":[{"role":"user","parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AA"}}]}],"generationConfig":{"maxOutputTokens":5}}`)
	f.Fuzz(func(t *testing.T, body string) {
		facts, _, err := ScanGemini([]byte(body), Options{})
		if err == nil && (facts.End >= len(body) || body[facts.End] != '}' || facts.MaxTokensAt.End > len(body) || facts.TextBytes > int64(len(body))) {
			t.Errorf("%s gave %+v", body, facts)
		}
	})
}
