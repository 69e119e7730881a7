package fuel

import (
	"bytes"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// many repeats code n times.
func many(n int, code ...[]byte) []byte { return bytes.Repeat(asm.Cat(code...), n) }

// heavy is a module whose hook has this code and this many locals.
func heavy(locals int, code ...[]byte) asm.Module {
	a := asm.Guest(hook.Route, asm.Cat(code...), asm.I64(0))
	a.Funcs[2].Locals = strings.Repeat("i", locals)
	return a
}

// TestWhatCompilesTooLongIsRefusedBeforeItIsCompiled: each of these files takes the compiler
// many seconds, or all of its stack.
func TestWhatCompilesTooLongIsRefusedBeforeItIsCompiled(t *testing.T) {
	drop := asm.Op(0x1a)
	for _, c := range []struct {
		name  string
		guest asm.Module
		want  string
	}{
		{"2.8 million empty blocks", heavy(1, many(2_800_000, asm.Block()), asm.Get(2), drop), "bytes; at most"},
		{"empty blocks", heavy(1, many(100_000, asm.Block()), asm.Get(2), drop), "branches"},
		{"131 KB of branches", heavy(1, asm.Block(many(32_768, asm.Get(0), asm.BrIf(0)))), "branches"},
		{"105 KB of nested loops", heavy(1, many(35_000, asm.Op(opLoop, 0x40)), many(35_000, asm.Op(opEnd))), "nests loops deeper"},
		{"nested loops with branches", heavy(1, many(2000, asm.Op(opLoop, 0x40)), many(2000, asm.Get(0), asm.BrIf(0), asm.Op(opEnd))), "nests loops deeper"},
		{"nested blocks", heavy(1, many(8000, asm.Op(opBlock, 0x40)), many(8000, asm.Get(0), asm.BrIf(0), asm.Op(opEnd))), "nests blocks deeper"},
		{"nested else", heavy(1, many(8000, asm.Get(0), asm.Op(opIf, 0x40, opElse)), many(8000, asm.Op(opEnd))), "nests blocks deeper"},
		{"ifs over 5,000 locals", heavy(5000, many(20_000, asm.Get(0), asm.Op(opIf, 0x40), asm.Get(0), asm.Set(2), asm.Op(opEnd))), "locals; at most"},
		{"ifs over 4,000 locals", heavy(4000, many(1000, asm.Get(0), asm.Op(opIf, 0x40), asm.Get(0), asm.Set(2), asm.Op(opEnd))), "variables times"},
		{"calls over 4,000 locals", heavy(4000, many(1000, asm.Get(0), asm.Call(1), drop)), "variables times"},
		{"a table of 400,000 targets", heavy(1, asm.Block(asm.Get(0), asm.Op(opBrTable), appendU32(nil, 400_000), make([]byte, 400_001))), "branches"},
		{"a table of 4 MB", heavy(1, asm.Block(asm.Get(0), asm.Op(opBrTable), appendU32(nil, 4<<20), make([]byte, 4<<20+1))), "bytes; at most"},
		{"many tables", heavy(1, many(200, asm.Block(asm.Get(0), asm.Op(opBrTable, 100), make([]byte, 101)))), "branches"},
		{"many sequential loops", heavy(1, many(9000, asm.Loop())), "branches"},
		{"many bulk instructions", heavy(1, many(6000, asm.Get(0), asm.Get(0), asm.Get(0), asm.Op(0xfc, 10, 0, 0))), "branches"},
		{"many divisions", heavy(1, asm.Get(0), many(10_000, asm.Get(1), asm.Op(0x6d)), drop), "branches"},
		{"dead code counts too", heavy(1, asm.Op(opUnreachable), many(100_000, asm.Block())), "branches"},
		{"many functions", spread(5, many(16_000, asm.Block())), "squares"},
		{"many functions with locals", spread(600, many(1, asm.Block()), 4000), "locals together"},
		{"mutable globals over calls", func() asm.Module {
			a := heavy(1, many(5000, asm.Call(0), drop))
			a.Globals = slicesOf(1000, asm.Cat([]byte{0x7f, 1}, asm.I32(0), []byte{opEnd}))
			return a
		}(), "mutable globals"},
		{"wide calls in dead code", func() asm.Module {
			a := heavy(1, asm.Op(opUnreachable), many(5000, asm.Call(3)))
			a.Funcs = append(a.Funcs, asm.Func{Params: strings.Repeat("i", 1000)})
			return a
		}(), "variables times"},
		{"wide blocks", func() asm.Module {
			a := heavy(1, asm.Op(opUnreachable), many(5000, asm.Op(opBlock, 3, opUnreachable, opEnd)))
			a.Funcs = append(a.Funcs, asm.Func{Params: strings.Repeat("i", 1000)})
			return a
		}(), "variables times"},
		{"many parameters", func() asm.Module {
			a := heavy(1)
			a.Funcs = append(a.Funcs, asm.Func{Params: strings.Repeat("i", 2000)})
			return a
		}(), "parameters or results"},
		{"a type for each function", func() asm.Module {
			a := heavy(1)
			a.Funcs = append(a.Funcs, slicesOf(3000, asm.Func{})...)
			return a
		}(), "function types"},
		{"many imports", func() asm.Module {
			a := asm.Module{Imports: slicesOf(2000, asm.Import{Module: "wasi_snapshot_preview1", Name: "any", Params: "i", Results: "i"})}
			a.Funcs = heavy(1).Funcs
			return a
		}(), "imports"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := instrumentError(c.guest.Bytes()); !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// spread is a module with n more functions of the same code and locals.
func spread(n int, code []byte, locals ...int) asm.Module {
	a := heavy(1)
	f := asm.Func{Code: code}
	for _, l := range locals {
		f.Locals = strings.Repeat("i", l)
	}
	a.Funcs = append(a.Funcs, slicesOf(n, f)...)
	return a
}

func slicesOf[T any](n int, v T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// instrumentError returns the error of the checks of a module's bytes.
func instrumentError(wasm []byte) string {
	m, err := Parse(wasm)
	if err == nil {
		err = m.CheckBounds()
	}
	if err == nil {
		_, err = m.Instrument(PerStretch)
	}
	if err != nil {
		return err.Error()
	}
	return "it is fine"
}

// TestWrongLengthsCostNothing: the compiler allocates whatever a count announces.
func TestWrongLengthsCostNothing(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	with := func(id byte, body []byte) []byte { // before the code if it must
		a := heavy(1)
		wasm := a.Bytes()
		if id != secElement {
			return appendSection(wasm, id, body)
		}
		at := bytes.LastIndex(wasm, appendSection(nil, secCode, nil)[:1])
		m, err := Parse(wasm)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range m.sections {
			if s.id == secCode {
				at = bytes.Index(wasm, s.body) - len(appendU32([]byte{secCode}, uint32(len(s.body))))
			}
		}
		return asm.Cat(wasm[:at], appendSection(nil, id, body), wasm[at:])
	}
	for name, wasm := range map[string][]byte{
		"elements":              with(secElement, huge),
		"indices":               with(secElement, asm.Cat([]byte{1, 0}, asm.I32(0), []byte{opEnd}, huge)),
		"expressions":           with(secElement, asm.Cat([]byte{1, 5, 0x70}, huge)),
		"segments of data":      with(secData, huge),
		"data":                  with(secData, asm.Cat([]byte{1, 0}, asm.I32(0), []byte{opEnd}, huge)),
		"passive data":          with(secData, asm.Cat([]byte{1, 1}, huge)),
		"an offset that varies": with(secData, asm.Cat([]byte{1, 0}, asm.GlobalGet(0), []byte{opEnd, 0})),
		"data of unknown kind":  with(secData, []byte{1, 9, 0}),
	} {
		if got := instrumentError(wasm); !strings.Contains(got, "section ") {
			t.Errorf("%s: %q, want an error in its section", name, got)
		}
	}
	for name, names := range map[string][]byte{
		"names of functions": asm.Cat([]byte{1}, asm.Sized(huge)),
		"names of locals":    asm.Cat([]byte{2}, asm.Sized(huge)),
	} {
		wasm := with(secCustom, asm.Cat(asm.Sized([]byte("name")), names))
		m, err := Parse(wasm)
		if err != nil {
			t.Fatal(err)
		}
		code, err := m.Instrument(PerStretch)
		if err != nil || bytes.Contains(code, huge) {
			t.Errorf("%s: %v; the wrong length must not reach the compiler", name, err)
		}
	}
}
