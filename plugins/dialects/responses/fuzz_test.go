package responses_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

func FuzzTransformRequest(f *testing.F) {
	host.FuzzRequest(f, `{"messages":[{"role":"user","content":[{"type":"x","\u0001":1}]}],"\u0007":[]}`)
}

func FuzzNormaliseResponse(f *testing.F) {
	host.FuzzResponse(f, `{"error":{"type":"invalid_request_error","message":"too long\u0007"}}`)
}

func FuzzNormaliseEvent(f *testing.F) { host.FuzzStream(f, true) }

func FuzzAcceptRequest(f *testing.F) {
	for _, path := range dialecttest.Inputs(f, "testdata/accept/*.in.json") {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(in))
	}
	accept := dialects.NewHooks().AcceptRequest
	f.Fuzz(func(t *testing.T, body string) {
		in := `{"dialect":"openai-responses","request_id":"r","headers":{},"body":` + body + `}`
		out, err := accept(nil, []byte(in))
		if err == nil && json.Valid([]byte(in)) && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

func FuzzRenderResponse(f *testing.F) {
	for _, path := range dialecttest.Inputs(f, "testdata/render/*.in.json") {
		in, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(in))
	}
	render := dialects.NewHooks().RenderResponse
	f.Fuzz(func(t *testing.T, members string) {
		in := []byte(`{"dialect":"openai-responses","request_id":"r","created":1,"status":200,` + strings.TrimPrefix(members, "{"))
		out, err := render(nil, in)
		if err == nil && json.Valid(in) && !json.Valid(out) {
			t.Errorf("%s became %s", in, out)
		}
	})
}

// FuzzRenderEvent plays streams: one chunk on each line. Whatever comes, the events are JSON
// and in order.
func FuzzRenderEvent(f *testing.F) {
	f.Add(`{"choices":[{"index":0,"delta":{"content":"a","reasoning":"b"}}]}` + "\n" +
		`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}},{"index":1}]}}]}` + "\n" + `[DONE]`)
	f.Add(`{"choices":[{"delta":{"thinking_blocks":[{"type":"redacted_thinking","data":"x"},{"index":5,"thinking":"y","signature":"z"}],"refusal":"n"},"finish_reason":"length"}]}`)
	f.Fuzz(func(t *testing.T, lines string) {
		var chunks []string
		for line := range strings.Lines(lines) {
			if line = strings.TrimSpace(line); json.Valid([]byte(line)) && strings.HasPrefix(line, "{") {
				chunks = append(chunks, line)
			}
		}
		frames := host.RenderStream(t, append(chunks, "[DONE]"))
		for i, e := range dialecttest.ParseSSE(frames) {
			var v struct {
				Sequence int `json:"sequence_number"`
			}
			if err := json.Unmarshal([]byte(e.Data), &v); err != nil || v.Sequence != i {
				t.Fatalf("%s gave %s: %v", lines, e.Data, err)
			}
		}
	})
}
