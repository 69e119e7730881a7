package wasm

import (
	"context"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// unmetered is a module as the fuel pass leaves it, but without a single charge.
func unmetered(o *outline) []byte {
	out := append([]byte(nil), "\x00asm\x01\x00\x00\x00"...)
	for _, s := range o.sections {
		switch s.id {
		case secGlobal:
			out = appendSection(out, s.id, o.globalSection(s.body))
		case secExport:
			out = appendSection(out, s.id, o.exportSection(s.body))
		default:
			out = appendSection(out, s.id, s.body)
		}
	}
	return out
}

// BenchmarkMetering compares a guest's work with and without fuel.
func BenchmarkMetering(b *testing.B) {
	c := fleet(8)
	req := &llm.Request{ID: "req-1", Facts: llm.Facts{Model: "m", EstInputTokens: 900}}
	cases := []struct {
		name string
		wasm func() ([]byte, error)
		hook Hook
		in   []byte
	}{
		{"rust-json", func() ([]byte, error) { return sdkModule(b, "rust", "cheapest"), nil }, Route, appendEnvelope(nil, req, c, []byte(`,"with":{}`), false, time.Now())},
		{"go-flat", goGuest, RouteFlat, appendFlat(nil, req, c, []byte("cheapest\n"), 1, time.Now())},
	}
	for _, k := range cases {
		wasm, err := k.wasm()
		if err != nil {
			b.Log(err)
			continue
		}
		o, err := sketch(wasm)
		if err != nil {
			b.Fatal(err)
		}
		code, err := metered(o, false)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(k.name+"/fuel", func(b *testing.B) { benchmarkGuest(b, o, code, k.hook, k.in) })
		b.Run(k.name+"/bare", func(b *testing.B) { benchmarkGuest(b, o, unmetered(o), k.hook, k.in) })
	}
}

func benchmarkGuest(b *testing.B, o *outline, code []byte, h Hook, in []byte) {
	ctx := context.Background()
	host := newTestHost(b)
	s, err := Spec{Name: "bench", MaxInstances: 1}.normal()
	if err != nil {
		b.Fatal(err)
	}
	s.MaxMemory = o.memory()
	m, err := host.open(ctx, &draft{spec: s, outline: o, code: code})
	if err != nil {
		b.Fatal(err)
	}
	defer m.teardown()
	g, err := m.instantiate(appendInit(nil, "bench", s.Config))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := g.call(h, 1, in, 1<<40); err != nil {
			b.Fatal(err)
		}
	}
	g.close()
}
