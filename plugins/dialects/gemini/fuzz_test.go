package gemini_test

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
		f.Add("gemini-3-pro-preview", string(in))
	}
	f.Add("gemini-2.5-flash", `{"messages":[{"role":"user","content":[{"type":"x","\u0001":1}]}],"\u0007":[]}`)
	request := dialects.NewHooks().TransformRequest
	f.Fuzz(func(t *testing.T, model, body string) {
		in := `{"dialect":"gemini","target":{"model":` + string(dialecttest.Encode(t, model)) + `},"stream":true,"body":` + body + `}`
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
	f.Add(400, `{"error":{"code":400,"message":"too long\u0007","status":"INVALID_ARGUMENT"}}`)
	response := dialects.NewHooks().NormaliseResponse
	f.Fuzz(func(t *testing.T, status int, body string) {
		in := dialecttest.Encode(t, map[string]any{"dialect": "gemini", "status": status, "text": body})
		if json.Valid([]byte(body)) {
			in = []byte(`{"dialect":"gemini","status":` + string(dialecttest.Encode(t, status)) + `,"body":` + body + `}`)
		}
		out, err := response(nil, in)
		if err == nil && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

// FuzzNormaliseEvent plays streams: one event on each line, name and data.
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
			name, data, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if name != "penstock.start" {
				s.Feed(name, data)
			}
		}
		s.End()
		for _, line := range s.Lines {
			if line != "[DONE]" && !json.Valid([]byte(line)) {
				t.Fatalf("%s gave the line %q", events, line)
			}
		}
	})
}
