package wire

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

func TestGeminiBound(t *testing.T) {
	const contents = `"contents":[{"parts":[{"text":"a"}]}]`
	for in, want := range map[string]string{
		`{` + contents + `}`:                                                                `{` + contents + `,"generationConfig":{"maxOutputTokens":9}}`,
		`{"generationConfig":{},` + contents + `}`:                                          `{"generationConfig":{"maxOutputTokens":9},` + contents + `}`,
		`{"generation_config" : {"topK":1},` + contents + `}`:                               `{"generation_config" : {"maxOutputTokens":9,"topK":1},` + contents + `}`,
		`{"generationConfig":null,` + contents + `}`:                                        `{"generationConfig":{"maxOutputTokens":9},` + contents + `}`,
		`{"generationConfig":{"topK":1,"max_output_tokens": 500},` + contents + `}`:         `{"generationConfig":{"topK":1,"max_output_tokens": 9},` + contents + `}`,
		`{"generationConfig":{"maxOutputTokens":null},"model":"models/m",` + contents + `}`: `{"generationConfig":{"maxOutputTokens":9},"model":"models/a b",` + contents + `}`,
	} {
		facts, _, err := intake.ScanGemini([]byte(in), intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		facts.Model, facts.Stream = "m", true
		x := &llm.Exchange{Sent: &llm.Request{Body: []byte(in), Facts: facts}, Target: &llm.Target{Model: "a b"}, MaxOutput: 9}
		call, err := callGemini(nil, x)
		if err != nil || string(call.Body) != want || call.Path != "/models/a%20b:streamGenerateContent" || call.Query != "alt=sse" {
			t.Errorf("%s became %s at %s, %v; want %s", in, call.Body, call.Path, err, want)
		}
	}
}

func TestGeminiTarget(t *testing.T) {
	for path, want := range map[string]struct {
		model      string
		stream, ok bool
	}{
		"/v1beta/models/gemini-2.5-flash:generateContent": {"gemini-2.5-flash", false, true},
		"/v1/models/openai/gpt-5:streamGenerateContent":   {"openai/gpt-5", true, true},
		"/models/a:b:generateContent":                     {"a:b", false, true},
		"/v1beta/models/gemini-2.5-flash:embedContent":    {},
		"/v1beta/models/:generateContent":                 {},
		"/v1beta/models/gemini-2.5-flash":                 {},
		"/v2/models/gemini-2.5-flash:generateContent":     {},
	} {
		model, stream, ok := geminiTarget(path)
		if ok != want.ok || ok && (model != want.model || stream != want.stream) {
			t.Errorf("%s is %q, %t, %t", path, model, stream, ok)
		}
	}
}
