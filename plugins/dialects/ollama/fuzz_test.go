package ollama_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

func FuzzTransformRequest(f *testing.F) {
	for _, path := range dialecttest.Inputs(f, "testdata/request/*.in.json") {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("llama3", string(in))
	}
	request := dialects.NewHooks().TransformRequest
	f.Fuzz(func(t *testing.T, model, body string) {
		in := `{"dialect":"ollama","target":{"model":` + string(dialecttest.Encode(t, model)) + `},"stream":true,"body":` + body + `}`
		out, err := request(nil, []byte(in))
		if err == nil && json.Valid([]byte(in)) && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

func FuzzNormaliseResponse(f *testing.F) {
	for _, path := range dialecttest.Inputs(f, "testdata/response/*.in.json") {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(200, string(in))
	}
	f.Add(400, `{"error":"model not found\u0007"}`)
	response := dialects.NewHooks().NormaliseResponse
	f.Fuzz(func(t *testing.T, status int, body string) {
		in := dialecttest.Encode(t, map[string]any{"dialect": "ollama", "status": status, "text": body})
		if json.Valid([]byte(body)) {
			in = []byte(`{"dialect":"ollama","status":` + string(dialecttest.Encode(t, status)) + `,"body":` + body + `}`)
		}
		out, err := response(nil, in)
		if err == nil && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

// FuzzNormaliseEvent plays streams of lines.
func FuzzNormaliseEvent(f *testing.F) {
	for _, path := range dialecttest.Inputs(f, "testdata/stream/*.in.txt") {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(in))
	}
	f.Fuzz(func(t *testing.T, events string) {
		s := host.Start(t, nil)
		for line := range strings.Lines(events) {
			s.Feed("", strings.TrimSuffix(line, "\n"))
		}
		s.End()
		for _, line := range s.Lines {
			if line != "[DONE]" && !json.Valid([]byte(line)) {
				t.Fatalf("%s gave the line %q", events, line)
			}
		}
	})
}
