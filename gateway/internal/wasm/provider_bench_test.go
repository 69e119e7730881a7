package wasm

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// BenchmarkTranslate measures the built-in dialect with bodies of three sizes: a request, a
// plain reply, and a text delta of a stream.
func BenchmarkTranslate(b *testing.B) {
	d, ctx := builtinDialects(b), context.Background()
	for _, n := range []int{1, 12, 400} {
		text := strings.Repeat("What is a penstock, and where does the water go? ", n)
		size := fmt.Sprintf("%dB", len(text))
		b.Run("request/"+size, func(b *testing.B) {
			o := hook.ProviderRequest{Dialect: llm.Anthropic, Target: claude, RequestID: "r", Body: []byte(
				`{"model":"x","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"` + text + `"}],"temperature":0.2}`)}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := d.TransformRequest(ctx, o); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("reply/"+size, func(b *testing.B) {
			i := hook.ProviderReply{Dialect: llm.Anthropic, Target: claude, RequestID: "r", Status: http.StatusOK, Created: time.Unix(1, 0), Body: []byte(
				`{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"` + text +
					`"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}`)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.NormalizeResponse(ctx, i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("event", func(b *testing.B) {
		e, err := d.Events(ctx, hook.ProviderStream{Dialect: llm.Anthropic, Target: claude, RequestID: "r"})
		if err != nil {
			b.Fatal(err)
		}
		defer e.Close()
		next := func(name, data string) [][]byte {
			lines, err := e.Next(ctx, name, []byte(data))
			if err != nil {
				b.Fatal(err)
			}
			return lines
		}
		next("message_start", `{"type":"message_start","message":{"model":"c","usage":{"input_tokens":3}}}`)
		next("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
		b.ReportAllocs()
		for b.Loop() {
			if len(next("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" turns the wheel"}}`)) != 1 {
				b.Fatal("a delta gave no chunk")
			}
		}
	})
}
