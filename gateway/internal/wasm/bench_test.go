package wasm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// BenchmarkCall measures the host's part of a call.
func BenchmarkCall(b *testing.B) {
	m := load(b, asm.Echo().Bytes())
	in, out := make([]byte, 512), make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := m.Call(context.Background(), hook.Route, 1, in, out); err != nil {
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
			o, err := fuel.Parse(wasm)
			if err != nil {
				b.Fatal(err)
			}
			code, err := o.Instrument(fuel.PerStretch)
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

// BenchmarkStopping measures how long a module that never ends blocks its caller with the
// default fuel, closing the instance included.
func BenchmarkStopping(b *testing.B) {
	long := asm.I32(60_000)
	deep, wide := asm.Misbehaving(asm.I32(0), asm.Call(3), asm.Op(0xac)), asm.Misbehaving(asm.I32(0), asm.Call(3), asm.Op(0xac))
	deep.Funcs = append(deep.Funcs, asm.Func{Params: "i", Results: "i", Code: asm.Cat(asm.Get(0), asm.Call(3), asm.I32(1), asm.Op(0x6a))})
	wide.Funcs = append(wide.Funcs, asm.Func{Params: "i", Results: "i", Code: asm.Cat(asm.Get(0), asm.I32(40), asm.Op(0x46, 0x04, 0x7f), asm.I32(1), asm.Op(0x05),
		asm.Get(0), asm.I32(1), asm.Op(0x6a), asm.Call(3), asm.Get(0), asm.I32(1), asm.Op(0x6a), asm.Call(3), asm.Op(0x6a), asm.Op(asm.End))})
	for _, c := range []struct {
		name  string
		guest asm.Module
	}{
		{"loop", asm.Misbehaving(asm.Endless())},
		{"deep recursion", deep},
		{"exponential recursion", wide},
		{"memory bomb", asm.Misbehaving(asm.Endless(asm.I32(1), asm.Op(0x40, 0, 0x1a)))},
		{"bulk storm", asm.Misbehaving(asm.Endless(asm.I32(0), asm.I32(0), long, asm.Op(0xfc, 11, 0)))},
		{"division storm", asm.Misbehaving(asm.Endless(asm.I64(-1), asm.I64(3), asm.Op(0x7f, 0x1a)))},
	} {
		b.Run(strings.ReplaceAll(c.name, " ", "-"), func(b *testing.B) {
			m := load(b, c.guest.Bytes(), func(s *Spec) { s.MaxInstances = 1 })
			for b.Loop() {
				var f *hook.Fault
				if _, _, err := m.Call(context.Background(), hook.Route, 1, []byte("!"), nil); !errors.As(err, &f) || f.Kind != hook.OutOfFuel {
					b.Fatal(fmt.Errorf("want out of fuel, got %w", err))
				}
			}
		})
	}
}
