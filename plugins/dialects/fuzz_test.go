package dialects

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"strings"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

func FuzzTransformRequest(f *testing.F) {
	for _, path := range inputs(f, "testdata/request/*.in.json") {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("claude-sonnet-4-5", string(in))
	}
	f.Add("claude-3-opus", `{"messages":[{"role":"user","content":[{"type":"x","\u0001":1}]}],"\u0007":[]}`)
	f.Fuzz(func(t *testing.T, model, body string) {
		in := `{"dialect":"anthropic","target":{"model":` + string(encode(t, model)) + `},"stream":true,"body":` + body + `}`
		out, err := new(translator).transformRequest(nil, []byte(in))
		if err == nil && json.Valid([]byte(in)) && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

func FuzzNormaliseResponse(f *testing.F) {
	for _, path := range inputs(f, "testdata/response/*.in.json") {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(200, string(in))
	}
	f.Add(400, `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long\u0007"}}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		in := encode(t, map[string]any{"dialect": "anthropic", "status": status, "text": body})
		if json.Valid([]byte(body)) {
			in = []byte(`{"dialect":"anthropic","status":` + string(encode(t, status)) + `,"body":` + body + `}`)
		}
		out, err := new(translator).normaliseResponse(nil, in)
		if err == nil && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

// FuzzNormaliseEvent plays streams: one event on each line, name and data.
func FuzzNormaliseEvent(f *testing.F) {
	for _, path := range inputs(f, "testdata/stream/*.in.txt") {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(in))
	}
	f.Fuzz(func(t *testing.T, events string) {
		state := next(t, nil, eventStart, streamStart)
		for line := range strings.Lines(events) {
			name, data, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if name == eventStart {
				continue
			}
			state = next(t, state, name, data)
		}
		next(t, state, eventEnd, "")
	})
}

// next feeds one event, checks every line that comes out, and returns the state.
func next(t *testing.T, state []byte, name, data string) []byte {
	t.Helper()
	in := binary.LittleEndian.AppendUint32(nil, uint32(len(state)))
	in = append(append(in, state...), name+"\n"+data...)
	out, err := new(translator).normaliseEvent(nil, in)
	if err != nil {
		t.Fatalf("normaliseEvent(%q) = %v", in, err)
	}
	state, payload, ok := penstock.SplitFrame(out)
	if !ok {
		t.Fatalf("normaliseEvent(%q) gave a broken frame", in)
	}
	for line := range bytes.SplitSeq(payload, []byte{'\n'}) {
		if len(line) > 0 && string(line) != "[DONE]" && !json.Valid(line) {
			t.Fatalf("%s %q gave the line %q", name, data, line)
		}
	}
	return state
}

// FuzzState feeds states of any kind.
func FuzzState(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00xx" + "message_stop\n{}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, _ = new(translator).normaliseEvent(nil, in)
		_, _ = new(translator).transformRequest(nil, in)
		_, _ = new(translator).normaliseResponse(nil, in)
	})
}
