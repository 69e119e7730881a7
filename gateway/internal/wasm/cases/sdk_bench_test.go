package cases

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// routingRequest is a request whose JSON routing envelope has about 2 KB with eight
// candidates.
func routingRequest() (*llm.Request, []llm.Candidate) {
	return &llm.Request{ID: "req-0123456789", Tags: map[string]string{"app": "docs", "env": "live"},
		Principal: llm.Principal{KeyID: "key_1", Team: "search"},
		Facts:     llm.Facts{Model: "cheap", EstInputTokens: 900, MaxTokens: 300, Stream: true, Features: llm.Tools, LastUserChars: 120}}, fleet(8)
}

// eachBuilt runs a benchmark with a plugin of every SDK that is built.
func eachBuilt(b *testing.B, plugin string, run func(b *testing.B, code []byte)) {
	for _, language := range sdkLanguages {
		b.Run(language, func(b *testing.B) { run(b, sdkModule(b, language, plugin)) })
	}
}

// benchmarkHook calls a hook of a pooled module.
func benchmarkHook(b *testing.B, m *wasm.Module, h hook.Hook, in []byte) {
	out := make([]byte, 0, 4096)
	var fuel int64
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if _, fuel, err = m.Call(context.Background(), h, 1, in, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(fuel), "fuel")
}

// BenchmarkSDKRouteJSON is a pooled call with a 2 KB JSON routing request.
func BenchmarkSDKRouteJSON(b *testing.B) {
	eachBuilt(b, "cheapest", func(b *testing.B, code []byte) {
		req, c := routingRequest()
		in := hook.AppendRouteEnvelope(nil, &hook.RouteInput{Request: req, Candidates: c, Part: []byte(`"strategy":"cheapest","with":{}`), Now: time.Unix(1, 0)})
		benchmarkHook(b, load(b, code), hook.Route, in)
	})
}

// BenchmarkSDKRouteFlat is the same call in the flat form.
func BenchmarkSDKRouteFlat(b *testing.B) {
	eachBuilt(b, "cheapest", func(b *testing.B, code []byte) {
		req, c := routingRequest()
		benchmarkHook(b, load(b, code), hook.RouteFlat, hook.AppendFlat(nil, &hook.RouteInput{Request: req, Candidates: c, Part: []byte("cheapest\n"), Seed: 1, Now: time.Unix(1, 0)}))
	})
}

// BenchmarkSDKStreamEvent is an event of a stream through redact, which holds some text back.
func BenchmarkSDKStreamEvent(b *testing.B) {
	eachBuilt(b, "redact", func(b *testing.B, code []byte) {
		m := load(b, code)
		chunk := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":" write to ann"},"finish_reason":null}]}`)
		var state, in, out []byte
		send := func(name string, data []byte) {
			in = hook.AppendFrame(in[:0], state, name, data)
			var err error
			if out, _, err = m.Call(context.Background(), hook.NormalizeEvent, 1, in, out[:0]); err != nil {
				b.Fatal(err)
			}
			if len(out) > 0 {
				next, _, _ := hook.SplitFrame(out)
				state = append(state[:0], next...)
			}
		}
		send(hook.EventStart, []byte(`{}`))
		b.ReportAllocs()
		for b.Loop() {
			send(hook.EventChunk, chunk)
		}
	})
}

// BenchmarkSDKInstance makes an instance, penstock_init included.
func BenchmarkSDKInstance(b *testing.B) {
	eachBuilt(b, "cheapest", func(b *testing.B, code []byte) {
		s, err := newTestHost(b).Sandbox(b.Context(), wasm.Spec{Name: "bench", Wasm: code})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		m, err := s.Subject(b.Context(), nil, time.Now)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := m.Start(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(m.Memory()), "memory-B")
		m.Stop()
	})
}

// BenchmarkSDKMetering compares calls with and without metering, made alternately under the
// same conditions. The figures are the first percentile of each: a call without interference.
func BenchmarkSDKMetering(b *testing.B) {
	req, c := routingRequest()
	for _, call := range []struct {
		name, plugin string
		hook         hook.Hook
		in           []byte
	}{
		{"json", "cheapest", hook.Route, hook.AppendRouteEnvelope(nil, &hook.RouteInput{Request: req, Candidates: c, Part: []byte(`"strategy":"cheapest","with":{}`), Now: time.Unix(1, 0)})},
		{"flat", "cheapest", hook.RouteFlat, hook.AppendFlat(nil, &hook.RouteInput{Request: req, Candidates: c, Part: []byte("cheapest\noutput_tokens=300\n"), Seed: 1, Now: time.UnixMilli(1)})},
		{"event", "redact", hook.NormalizeEvent, hook.AppendFrame(nil, nil, hook.EventChunk, []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m",`+
			`"choices":[{"index":0,"delta":{"content":" the wheel"},"logprobs":null,"finish_reason":null}]}`))},
	} {
		b.Run(call.name, func(b *testing.B) {
			eachBuilt(b, call.plugin, func(b *testing.B, code []byte) { benchmarkMetering(b, code, call.hook, call.in) })
		})
	}
}

func benchmarkMetering(b *testing.B, code []byte, h hook.Hook, in []byte) {
	metered, plain := newTestHost(b), newTestHost(b, func(o *wasm.Options) { o.Charging = fuel.Nothing })
	var took [2][]time.Duration
	var modules [2]*wasm.Module
	for i, host := range []*wasm.Host{metered, plain} {
		m, err := host.Load(context.Background(), wasm.Spec{Name: "bench", Wasm: code})
		if err != nil {
			b.Fatal(err)
		}
		modules[i] = m
	}
	out := make([]byte, 0, 4<<10)
	for b.Loop() {
		for i, m := range modules {
			began := time.Now()
			if _, _, err := m.Call(context.Background(), h, 1, in, out); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	with, without := took[0][len(took[0])/100], took[1][len(took[1])/100]
	b.ReportMetric(float64(with.Nanoseconds())/1000, "fuel-µs")
	b.ReportMetric(float64(without.Nanoseconds())/1000, "bare-µs")
	b.ReportMetric(100*(float64(with)/float64(without)-1), "overhead-%")
}

// BenchmarkSDKIsolated is the flat call with an instance of its own.
func BenchmarkSDKIsolated(b *testing.B) {
	eachBuilt(b, "cheapest", func(b *testing.B, code []byte) {
		req, c := routingRequest()
		m := load(b, code, func(s *wasm.Spec) { s.Isolate = true })
		benchmarkHook(b, m, hook.RouteFlat, hook.AppendFlat(nil, &hook.RouteInput{Request: req, Candidates: c, Part: []byte("cheapest\n"), Seed: 1, Now: time.Unix(1, 0)}))
	})
}
