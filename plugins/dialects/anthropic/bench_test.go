package anthropic_test

import (
	"os"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
	penstock "github.com/penstock/penstock/sdk/go"
)

func BenchmarkTransformRequest(b *testing.B) {
	short := `{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"` +
		strings.Repeat("What is a penstock, and where does the water go? ", 12) + `"}],"temperature":0.2,"max_tokens":200}`
	tools, err := os.ReadFile("testdata/request/tools.in.json")
	if err != nil {
		b.Fatal(err)
	}
	long := strings.Replace(short, "Be brief.", strings.Repeat("Speak as a miller would. ", 800), 1)
	for name, body := range map[string]string{"0.7KB": short, "tools-2KB": string(tools), "20KB": long} {
		in := []byte(`{"v":1,"dialect":"anthropic","target":{"id":"a/m","provider":"a","model":"claude-sonnet-4-5","max_output":64000},"request_id":"r","stream":true,"body":` + body + `}`)
		b.Run(name, func(b *testing.B) {
			request := dialects.NewHooks().TransformRequest
			out := make([]byte, 0, 64<<10)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err = request(out, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNormaliseResponse(b *testing.B) {
	body, err := os.ReadFile("testdata/response/text.in.json")
	if err != nil {
		b.Fatal(err)
	}
	in := []byte(`{"v":1,"dialect":"anthropic","target":{"model":"m"},"request_id":"r","created":1,"status":200,"headers":{},"body":` + string(body) + `}`)
	response := dialects.NewHooks().NormaliseResponse
	var out []byte
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if out, err = response(out[:0], in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNormaliseEvent is one text delta, the event that streams are made of.
func BenchmarkNormaliseEvent(b *testing.B) {
	s := host.Start(b, nil)
	s.Feed("message_start", `{"type":"message_start","message":{"model":"claude-sonnet-4-5","usage":{"input_tokens":10,"output_tokens":1}}}`)
	s.Feed("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
	in := dialecttest.Frame(s.State, "content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" the water turns the wheel,"}}`)
	event := dialects.NewHooks().NormaliseEvent
	out, err := []byte(nil), error(nil)
	b.ReportAllocs()
	for b.Loop() {
		if out, err = event(out[:0], in); err != nil {
			b.Fatal(err)
		}
	}
	if _, payload, _ := penstock.SplitFrame(out); len(payload) == 0 {
		b.Fatal("the delta gave nothing")
	}
}
