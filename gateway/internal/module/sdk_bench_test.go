package module

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// BenchmarkSDK calls the example plugins of every SDK that is built: a route of 8
// candidates in both forms, the JSON one of 2 KB, and a text delta through redact.
func BenchmarkSDK(b *testing.B) {
	req, c := &llm.Request{ID: "r", Facts: llm.Facts{Model: "m", EstInputTokens: 900}}, fleet(8)
	var list []string
	for i := range c {
		list = append(list, fmt.Sprintf(`{"i":%d,"id":"p/m%d","provider":"p","model":"m%d","price_in":%d,"price_out":4000000000,"context":128000,`+
			`"quality":null,"ttft_ms":300,"tps":80,"error_rate":0,"inflight":0,"weight":1,"order":0,"healthy":true,"fallback":false}`, i, i, i, c[i].Target.Price.Input))
	}
	json := `{"v":1,"request_id":"r","model":"m","est_input_tokens":900,"max_tokens":null,"with":{"output_tokens":300},"candidates":[` + strings.Join(list, ",") + `]}`
	flat := appendFlat(nil, req, c, []byte("cheapest\noutput_tokens=300\n"), 1, time.UnixMilli(1))
	delta := appendFrame(nil, nil, "chunk", []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m",`+
		`"choices":[{"index":0,"delta":{"content":" the wheel"},"logprobs":null,"finish_reason":null}]}`))
	for _, language := range sdkLanguages {
		for _, call := range []struct {
			plugin, name string
			hook         Hook
			in           []byte
		}{{"cheapest", "json", Route, []byte(json)}, {"cheapest", "flat", RouteFlat, flat}, {"redact", "event", NormaliseEvent, delta}} {
			b.Run(language+"/"+call.name, func(b *testing.B) {
				m := load(b, sdkModule(b, language, call.plugin))
				out, err := make([]byte, 0, 1<<10), error(nil)
				b.ReportAllocs()
				for b.Loop() {
					if out, _, err = m.Call(context.Background(), call.hook, 1, call.in, out[:0]); err != nil || len(out) == 0 {
						b.Fatalf("%q, %v", out, err)
					}
				}
			})
		}
	}
}
