package wasm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// routingRequest is a request whose JSON routing envelope has about 2 KB with eight
// candidates.
func routingRequest() (*llm.Request, []llm.Candidate) {
	return &llm.Request{ID: "req-0123456789", Tags: map[string]string{"app": "docs", "env": "live"},
		Principal: llm.Principal{KeyID: "key_1", Team: "search"},
		Facts:     llm.Facts{Model: "cheap", EstInputTokens: 900, MaxTokens: 300, Stream: true, Features: llm.Tools, LastUserChars: 120}}, fleet(8)
}

// eachBuilt runs a benchmark with a plugin of every SDK that is built.
func eachBuilt(b *testing.B, plugin string, run func(b *testing.B, wasm []byte)) {
	for _, language := range sdkLanguages {
		b.Run(language, func(b *testing.B) { run(b, sdkModule(b, language, plugin)) })
	}
}

// benchmarkHook calls a hook of a pooled module.
func benchmarkHook(b *testing.B, m *Module, h Hook, in []byte) {
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
	eachBuilt(b, "cheapest", func(b *testing.B, wasm []byte) {
		req, c := routingRequest()
		in := appendEnvelope(nil, req, c, []byte(`,"strategy":"cheapest","with":{}`), false, time.Unix(1, 0))
		benchmarkHook(b, load(b, wasm), Route, in)
	})
}

// BenchmarkSDKRouteFlat is the same call in the flat form.
func BenchmarkSDKRouteFlat(b *testing.B) {
	eachBuilt(b, "cheapest", func(b *testing.B, wasm []byte) {
		req, c := routingRequest()
		benchmarkHook(b, load(b, wasm), RouteFlat, appendFlat(nil, req, c, []byte("cheapest\n"), 1, time.Unix(1, 0)))
	})
}

// BenchmarkSDKStreamEvent is an event of a stream through redact, some text waiting.
func BenchmarkSDKStreamEvent(b *testing.B) {
	eachBuilt(b, "redact", func(b *testing.B, wasm []byte) {
		m := load(b, wasm)
		c := carrier{module: m, hook: NormaliseEvent, seed: 1}
		chunk := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":" write to ann"},"finish_reason":null}]}`)
		if _, err := c.turn(context.Background(), eventStart, []byte(`{}`)); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.turn(context.Background(), eventChunk, chunk); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSDKInstance is what an instance takes to be made, init included.
func BenchmarkSDKInstance(b *testing.B) {
	eachBuilt(b, "cheapest", func(b *testing.B, wasm []byte) {
		m := load(b, wasm)
		for b.Loop() {
			g, err := m.pool.build(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(g.memory.Size()), "memory-B")
			g.close()
		}
	})
}

// BenchmarkSDKMetering is what fuel costs: the same calls with and without it, in turn,
// so that both see the same machine. The figures are the first percentile of each, which
// is what a call takes when nobody interferes.
func BenchmarkSDKMetering(b *testing.B) {
	req, c := routingRequest()
	for _, call := range []struct {
		name, plugin string
		hook         Hook
		in           []byte
	}{
		{"json", "cheapest", Route, appendEnvelope(nil, req, c, []byte(`,"strategy":"cheapest","with":{}`), false, time.Unix(1, 0))},
		{"flat", "cheapest", RouteFlat, appendFlat(nil, req, c, []byte("cheapest\noutput_tokens=300\n"), 1, time.UnixMilli(1))},
		{"event", "redact", NormaliseEvent, appendFrame(nil, nil, eventChunk, []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m",`+
			`"choices":[{"index":0,"delta":{"content":" the wheel"},"logprobs":null,"finish_reason":null}]}`))},
	} {
		b.Run(call.name, func(b *testing.B) {
			eachBuilt(b, call.plugin, func(b *testing.B, wasm []byte) { benchmarkMetering(b, wasm, call.hook, call.in) })
		})
	}
}

func benchmarkMetering(b *testing.B, wasm []byte, hook Hook, in []byte) {
	metered, plain := newTestHost(b), newTestHost(b)
	plain.meter = bare
	var took [2][]time.Duration
	var modules [2]*Module
	for i, h := range []*Host{metered, plain} {
		m, err := h.Load(context.Background(), Spec{Name: "bench", Wasm: wasm})
		if err != nil {
			b.Fatal(err)
		}
		modules[i] = m
	}
	out := make([]byte, 0, 4<<10)
	for b.Loop() {
		for i, m := range modules {
			began := time.Now()
			if _, _, err := m.Call(context.Background(), hook, 1, in, out); err != nil {
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

// BenchmarkStopping is how long a module that never ends keeps its caller, at the fuel
// that a call has by default, its instance's end included.
func BenchmarkStopping(b *testing.B) {
	long := i32c(60_000)
	deep, wide := evil(i32c(0), call(3), op(0xac)), evil(i32c(0), call(3), op(0xac))
	deep.funcs = append(deep.funcs, asmFunc{params: "i", results: "i", code: cat(get(0), call(3), i32c(1), op(0x6a))})
	wide.funcs = append(wide.funcs, asmFunc{params: "i", results: "i", code: cat(get(0), i32c(40), op(0x46, 0x04, 0x7f), i32c(1), op(0x05),
		get(0), i32c(1), op(0x6a), call(3), get(0), i32c(1), op(0x6a), call(3), op(0x6a), op(opEnd))})
	for _, c := range []struct {
		name  string
		guest asm
	}{
		{"loop", evil(storm())},
		{"deep recursion", deep},
		{"exponential recursion", wide},
		{"memory bomb", evil(storm(i32c(1), op(0x40, 0, 0x1a)))},
		{"bulk storm", evil(storm(i32c(0), i32c(0), long, op(0xfc, 11, 0)))},
		{"division storm", evil(storm(i64c(-1), i64c(3), op(0x7f, 0x1a)))},
	} {
		b.Run(strings.ReplaceAll(c.name, " ", "-"), func(b *testing.B) {
			m := load(b, c.guest.bytes(), func(s *Spec) { s.MaxInstances = 1 })
			for b.Loop() {
				var f *Fault
				if _, _, err := m.Call(context.Background(), Route, 1, []byte("!"), nil); !errors.As(err, &f) || f.Kind != OutOfFuel {
					b.Fatal(fmt.Errorf("want out of fuel, got %w", err))
				}
			}
		})
	}
}

// BenchmarkSDKIsolated is the flat call with memory of its own, whose price is a start.
func BenchmarkSDKIsolated(b *testing.B) {
	eachBuilt(b, "cheapest", func(b *testing.B, wasm []byte) {
		req, c := routingRequest()
		m := load(b, wasm, func(s *Spec) { s.Isolate = true })
		benchmarkHook(b, m, RouteFlat, appendFlat(nil, req, c, []byte("cheapest\n"), 1, time.Unix(1, 0)))
	})
}
