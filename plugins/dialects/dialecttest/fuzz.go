package dialecttest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
)

// seeds adds every file that matches the pattern to a fuzz target's corpus.
func seeds(f *testing.F, pattern string, add func(text string)) {
	f.Helper()
	for _, path := range Inputs(f, pattern) {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		add(string(in))
	}
}

// FuzzRequest holds that what the dialect makes of a canonical request is JSON. more are
// requests beside those of testdata/request.
func (h Host) FuzzRequest(f *testing.F, more ...string) {
	seeds(f, "testdata/request/*.in.json", func(text string) { f.Add(h.Model, text) })
	for _, body := range more {
		f.Add(h.Model, body)
	}
	request := dialects.NewHooks().TransformRequest
	f.Fuzz(func(t *testing.T, model, body string) {
		in := `{"dialect":"` + h.Dialect + `","target":{"model":` + string(Encode(t, model)) + `},"stream":true,"body":` + body + `}`
		out, err := request(nil, []byte(in))
		if err == nil && json.Valid([]byte(in)) && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

// FuzzResponse holds that what the dialect makes of a provider's plain reply, JSON or not,
// is JSON. refusal is an error of the provider's.
func (h Host) FuzzResponse(f *testing.F, refusal string) {
	seeds(f, "testdata/response/*.in.json", func(text string) { f.Add(200, text) })
	f.Add(400, refusal)
	response := dialects.NewHooks().NormaliseResponse
	f.Fuzz(func(t *testing.T, status int, body string) {
		in := Encode(t, map[string]any{"dialect": h.Dialect, "status": status, "text": body})
		if json.Valid([]byte(body)) {
			in = []byte(`{"dialect":"` + h.Dialect + `","status":` + string(Encode(t, status)) + `,"body":` + body + `}`)
		}
		out, err := response(nil, in)
		if err == nil && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

// FuzzStream plays streams and holds that what comes of them is JSON. A stream is written
// as its events, one on each line: name and data, or data alone where events have no names.
func (h Host) FuzzStream(f *testing.F, named bool) {
	seeds(f, "testdata/stream/*.in.txt", func(text string) { f.Add(text) })
	f.Fuzz(func(t *testing.T, events string) {
		s := h.Start(t, nil)
		for line := range strings.Lines(events) {
			name, data := "", strings.TrimSuffix(line, "\n")
			if named {
				name, data, _ = strings.Cut(data, " ")
			}
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
