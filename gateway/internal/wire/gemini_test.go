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

// TestForeignSignaturesAreTakenOut takes the gateway's own signatures out of what goes to Google,
// or puts Google's word in their place where a call must have one.
func TestForeignSignaturesAreTakenOut(t *testing.T) {
	contents := func(parts string) string { return `{"contents":[{"role":"model","parts":` + parts + `}]}` }
	for _, tt := range []struct{ model, parts, want string }{
		{"gemini-2.5-pro", `[{"text":"a", "thoughtSignature" : "cGVuc3RvY2s6e30="},{"functionCall":{"name":"f"},"thought_signature":"cGVuc3RvY2s6e30"}]`, `[{"text":"a"},{"functionCall":{"name":"f"}}]`},
		{"gemini-3-pro", `[{"text":"a","thoughtSignature":"cGVuc3RvY2s6e30="},{"thoughtSignature":"cGVuc3RvY2s6e30=","functionCall":{"name":"f"}}]`,
			`[{"text":"a"},{"thoughtSignature":"skip_thought_signature_validator","functionCall":{"name":"f"}}]`},
		{"gemini-3-pro", `{"thoughtSignature":"cGVuc3RvY2s6e30="}`, `{"text":""}`},
		{"gemini-3-pro", `[{"text":"\"cGVuc3RvY2s6"},{"functionCall":{"args":{"thoughtSignature":"cGVuc3RvY2s6e30="}}},{"thoughtSignature":"QUJD"},1]`, ``},
	} {
		want := tt.want
		if want == "" {
			want = tt.parts
		}
		body := []byte(contents(tt.parts))
		if got := string(apply(body, withoutForeignSignatures(body, tt.model))); got != contents(want) {
			t.Errorf("%s at %s became %s, want %s", tt.parts, tt.model, got, want)
		}
	}
	for _, body := range []string{`{"contents":"\"cGVuc3RvY2s6"}`, `{"contents":[{"parts":[{"thoughtSignature":"cGVuc3RvY2s6"`, `{"contents":{"parts":{"thoughtSignature":"QUJD"}},"x":"cGVuc3RvY2s6"}`} {
		if got := string(apply([]byte(body), withoutForeignSignatures([]byte(body), "gemini-3-pro"))); got != body {
			t.Errorf("%s became %s", body, got)
		}
	}
}

// TestListOfRenderedEvents puts the events that a module has rendered into a list.
func TestListOfRenderedEvents(t *testing.T) {
	var out recordingWriter
	w := &listWriter{out: &out}
	if err := w.Start(llm.Head{Stream: true}); err != nil {
		t.Fatal(err)
	}
	for _, e := range []llm.Event{{Frame: []byte("data: {\"a\":1}\n\ndata: {\"b\":2}\n\n")}, {Frame: []byte(": ping\n\n")}, {Hidden: true, Frame: []byte("data: {}\n\n")}, {}, {Frame: []byte("data: {\"c\":3}\n\n"), Final: true}} {
		if err := w.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	if want := "[{\"a\":1},\n{\"b\":2},\n{\"c\":3}\n]"; string(out) != want {
		t.Errorf("the list is %s, want %s", out, want)
	}
}

// recordingWriter keeps what is written.
type recordingWriter []byte

func (w *recordingWriter) Start(llm.Head) error { return nil }
func (w *recordingWriter) Event(e llm.Event) error {
	*w = append(*w, e.Frame...)
	return nil
}
func (w *recordingWriter) KeepAlive(llm.Head) (bool, error) { return false, nil }
