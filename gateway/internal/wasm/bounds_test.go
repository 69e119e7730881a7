package wasm

import (
	"bytes"
	"strings"
	"testing"
)

// many is code n times over.
func many(n int, code ...[]byte) []byte { return bytes.Repeat(cat(code...), n) }

// heavy is a module whose hook has this code and so many locals.
func heavy(locals int, code ...[]byte) asm {
	a := guest(Route, cat(code...), i64c(0))
	a.funcs[2].locals = strings.Repeat("i", locals)
	return a
}

// TestWhatCompilesTooLongIsRefusedBeforeItIsCompiled holds files of which each takes the
// compiler many seconds, or all of its stack, against the checks of a module's bytes
// alone.
func TestWhatCompilesTooLongIsRefusedBeforeItIsCompiled(t *testing.T) {
	drop := op(0x1a)
	for _, c := range []struct {
		name  string
		guest asm
		want  string
	}{
		{"2.8 million empty blocks", heavy(1, many(2_800_000, block()), get(2), drop), "bytes; at most"},
		{"empty blocks", heavy(1, many(100_000, block()), get(2), drop), "branches"},
		{"131 KB of branches", heavy(1, block(many(32_768, get(0), brIf(0)))), "branches"},
		{"105 KB of nested loops", heavy(1, many(35_000, op(opLoop, 0x40)), many(35_000, op(opEnd))), "nests loops deeper"},
		{"nested loops with branches", heavy(1, many(2000, op(opLoop, 0x40)), many(2000, get(0), brIf(0), op(opEnd))), "nests loops deeper"},
		{"nested blocks", heavy(1, many(8000, op(opBlock, 0x40)), many(8000, get(0), brIf(0), op(opEnd))), "nests blocks deeper"},
		{"nested else", heavy(1, many(8000, get(0), op(opIf, 0x40, opElse)), many(8000, op(opEnd))), "nests blocks deeper"},
		{"ifs over 5,000 locals", heavy(5000, many(20_000, get(0), op(opIf, 0x40), get(0), set(2), op(opEnd))), "locals; at most"},
		{"ifs over 4,000 locals", heavy(4000, many(1000, get(0), op(opIf, 0x40), get(0), set(2), op(opEnd))), "variables times"},
		{"calls over 4,000 locals", heavy(4000, many(1000, get(0), call(1), drop)), "variables times"},
		{"a table of 400,000 targets", heavy(1, block(get(0), op(opBrTable), appendU32(nil, 400_000), make([]byte, 400_001))), "branches"},
		{"a table of 4 MB", heavy(1, block(get(0), op(opBrTable), appendU32(nil, 4<<20), make([]byte, 4<<20+1))), "bytes; at most"},
		{"many tables", heavy(1, many(200, block(get(0), op(opBrTable, 100), make([]byte, 101)))), "branches"},
		{"many sequential loops", heavy(1, many(9000, loop())), "branches"},
		{"many bulk instructions", heavy(1, many(6000, get(0), get(0), get(0), op(0xfc, 10, 0, 0))), "branches"},
		{"many divisions", heavy(1, get(0), many(10_000, get(1), op(0x6d)), drop), "branches"},
		{"dead code counts too", heavy(1, op(opUnreachable), many(100_000, block())), "branches"},
		{"many functions", spread(5, many(16_000, block())), "squares"},
		{"many functions with locals", spread(600, many(1, block()), 4000), "locals together"},
		{"mutable globals over calls", func() asm {
			a := heavy(1, many(5000, call(0), drop))
			a.globals = slicesOf(1000, cat([]byte{0x7f, 1}, i32c(0), []byte{opEnd}))
			return a
		}(), "mutable globals"},
		{"wide calls in dead code", func() asm {
			a := heavy(1, op(opUnreachable), many(5000, call(3)))
			a.funcs = append(a.funcs, asmFunc{params: strings.Repeat("i", 1000)})
			return a
		}(), "variables times"},
		{"wide blocks", func() asm {
			a := heavy(1, op(opUnreachable), many(5000, op(opBlock, 3, opUnreachable, opEnd)))
			a.funcs = append(a.funcs, asmFunc{params: strings.Repeat("i", 1000)})
			return a
		}(), "variables times"},
		{"many parameters", func() asm {
			a := heavy(1)
			a.funcs = append(a.funcs, asmFunc{params: strings.Repeat("i", 2000)})
			return a
		}(), "parameters or results"},
		{"a type for each function", func() asm {
			a := heavy(1)
			a.funcs = append(a.funcs, slicesOf(3000, asmFunc{})...)
			return a
		}(), "function types"},
		{"many imports", func() asm {
			a := asm{imports: slicesOf(2000, asmImport{fromWASI, "any", "i", "i"})}
			a.funcs = heavy(1).funcs
			return a
		}(), "imports"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := draftError(t, c.guest.bytes()); !strings.Contains(got, c.want) {
				t.Errorf("draft: %q, want %q", got, c.want)
			}
		})
	}
}

// spread is a module with n more functions of the same code, and so many locals each.
func spread(n int, code []byte, locals ...int) asm {
	a := heavy(1)
	f := asmFunc{code: code}
	for _, l := range locals {
		f.locals = strings.Repeat("i", l)
	}
	a.funcs = append(a.funcs, slicesOf(n, f)...)
	return a
}

func slicesOf[T any](n int, v T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// draftError is what the checks of a module's bytes say, before anything is compiled.
func draftError(t *testing.T, wasm []byte) string {
	t.Helper()
	h := newTestHost(t)
	if _, err := h.draft(Spec{Name: "heavy", Wasm: wasm}, nil); err != nil {
		return err.Error()
	}
	return "it is fine"
}

// TestLiesAboutLengthsCostNothing: the compiler makes room for whatever a count says.
func TestLiesAboutLengthsCostNothing(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	with := func(id byte, body []byte) []byte { // before the code if it must
		a := heavy(1)
		wasm := a.bytes()
		if id != secElement {
			return appendSection(wasm, id, body)
		}
		at := bytes.LastIndex(wasm, appendSection(nil, secCode, nil)[:1])
		o, err := sketch(wasm)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range o.sections {
			if s.id == secCode {
				at = bytes.Index(wasm, s.body) - len(appendU32([]byte{secCode}, uint32(len(s.body))))
			}
		}
		return cat(wasm[:at], appendSection(nil, id, body), wasm[at:])
	}
	for name, wasm := range map[string][]byte{
		"elements":             with(secElement, huge),
		"indices":              with(secElement, cat([]byte{1, 0}, i32c(0), []byte{opEnd}, huge)),
		"expressions":          with(secElement, cat([]byte{1, 5, 0x70}, huge)),
		"segments of data":     with(secData, huge),
		"data":                 with(secData, cat([]byte{1, 0}, i32c(0), []byte{opEnd}, huge)),
		"passive data":         with(secData, cat([]byte{1, 1}, huge)),
		"a strange place":      with(secData, cat([]byte{1, 0}, globalGet(0), []byte{opEnd, 0})),
		"data of unknown kind": with(secData, []byte{1, 9, 0}),
	} {
		if got := draftError(t, wasm); !strings.Contains(got, "section ") {
			t.Errorf("%s: draft: %q, want a fault in its section", name, got)
		}
	}
	for name, names := range map[string][]byte{
		"names of functions": cat([]byte{1}, sized(huge)),
		"names of locals":    cat([]byte{2}, sized(huge)),
	} {
		wasm := with(secCustom, cat(sized([]byte("name")), names))
		d, err := newTestHost(t).draft(Spec{Name: "liar", Wasm: wasm}, nil)
		if err != nil || bytes.Contains(d.code, huge) {
			t.Errorf("%s: %v; the lie must not reach the compiler", name, err)
		}
	}
}
