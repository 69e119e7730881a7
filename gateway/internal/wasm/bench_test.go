package wasm

import (
	"context"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// BenchmarkCall is the price of the host around a guest that does next to nothing.
func BenchmarkCall(b *testing.B) {
	m := load(b, echo().bytes())
	in, out := make([]byte, 512), make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := m.Call(context.Background(), Route, 1, in, out); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRankGo ranks 8 candidates with a Go module through the flat hook.
func BenchmarkRankGo(b *testing.B) {
	r, err := NewRouter(loadGoGuest(b), nil)
	if err != nil {
		b.Fatal(err)
	}
	k, err := r.Prepare("cheapest", []byte(`{"a":1,"b":{"c":2}}`))
	if err != nil {
		b.Fatal(err)
	}
	req, c := &llm.Request{ID: "req-1"}, fleet(8)
	b.ReportAllocs()
	for b.Loop() {
		if got := k.Rank(context.Background(), req, c); got.Fault != "" {
			b.Fatal(got.Fault)
		}
	}
}

// BenchmarkCompile compiles the Go guest as it is loaded: without a cache, and with a
// warm one.
func BenchmarkCompile(b *testing.B) {
	wasm, err := goGuest()
	if err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, dir string) {
		h, err := NewHost(Options{CacheDir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.Load(context.Background(), Spec{Name: "go", Wasm: wasm}); err != nil {
			b.Fatal(err)
		}
		if err := h.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			run(b, "")
		}
	})
	b.Run("warm", func(b *testing.B) {
		dir := b.TempDir()
		run(b, dir)
		for b.Loop() {
			run(b, dir)
		}
	})
	b.Run("metering", func(b *testing.B) {
		b.SetBytes(int64(len(wasm)))
		for b.Loop() {
			o, err := sketch(wasm)
			if err != nil {
				b.Fatal(err)
			}
			code, err := metered(o, false)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(len(code))/float64(len(wasm)), "size-ratio")
		}
	})
	b.Run("bare", func(b *testing.B) { // without metering
		for b.Loop() {
			r := wazero.NewRuntime(context.Background())
			began := time.Now()
			if _, err := r.CompileModule(context.Background(), wasm); err != nil {
				b.Fatal(err)
			}
			_ = began
			r.Close(context.Background())
		}
	})
}
