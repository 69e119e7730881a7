// Package asm assembles small WebAssembly modules for tests, byte by byte, so that tests
// need no toolchain and can be malformed at will. No other code uses it.
package asm

import (
	"encoding/binary"
	"math"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Module is a module to assemble. Its functions are numbered in order, imports first.
type Module struct {
	Imports []Import
	Funcs   []Func
	// Memories and Tables hold raw limits; no memory means one page without a bound.
	Memories [][]byte
	Tables   [][]byte
	// Globals holds raw definitions, Elements and Data raw segments.
	Globals, Elements, Data [][]byte
	Exports                 []Export
	// NoMemory omits the export of the memory.
	NoMemory bool
	// Start is the function index of a start section plus one.
	Start int
}

// Import is an imported function; parameters and results are as in Func.
type Import struct{ Module, Name, Params, Results string }

// Func is a function. Its parameters, results and locals are a letter each: i is i32, I i64,
// f f32, F f64.
type Func struct {
	Export, Params, Results, Locals string
	Code                            []byte
}

// Export is an export besides those of functions and of the memory, by its kind's number.
type Export struct {
	Name  string
	Kind  byte
	Index uint32
}

func valueTypes(s string) []byte {
	codes := map[rune]byte{'i': 0x7f, 'I': 0x7e, 'f': 0x7d, 'F': 0x7c, 'v': 0x7b}
	var out []byte
	for _, c := range s {
		out = append(out, codes[c])
	}
	return out
}

// LEB encodes an unsigned LEB128.
func LEB(v uint32) []byte {
	var out []byte
	for v >= 0x80 {
		out = append(out, byte(v)|0x80)
		v >>= 7
	}
	return append(out, byte(v))
}

// Section encodes a section with its length.
func Section(id byte, body []byte) []byte { return Cat([]byte{id}, Sized(body)) }

// Data encodes a data segment at a fixed address.
func Data(address int32, b []byte) []byte {
	return Cat([]byte{0}, I32(address), []byte{End}, Sized(b))
}

// Vec encodes a vector of items.
func Vec(items ...[]byte) []byte {
	out := LEB(uint32(len(items)))
	for _, i := range items {
		out = append(out, i...)
	}
	return out
}

// Sized encodes bytes after their length.
func Sized(b []byte) []byte { return append(LEB(uint32(len(b))), b...) }

// Cat joins code.
func Cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Bytes assembles the module.
func (a Module) Bytes() []byte {
	var types, imports, funcs, exports, codes [][]byte
	typ := func(params, results string) []byte {
		types = append(types, Cat([]byte{0x60}, Sized(valueTypes(params)), Sized(valueTypes(results))))
		return LEB(uint32(len(types) - 1))
	}
	for _, i := range a.Imports {
		imports = append(imports, Cat(Sized([]byte(i.Module)), Sized([]byte(i.Name)), []byte{0}, typ(i.Params, i.Results)))
	}
	for n, f := range a.Funcs {
		funcs = append(funcs, typ(f.Params, f.Results))
		if f.Export != "" {
			a.Exports = append(a.Exports, Export{f.Export, 0, uint32(len(a.Imports) + n)})
		}
		var locals [][]byte
		for _, t := range valueTypes(f.Locals) {
			locals = append(locals, []byte{1, t})
		}
		codes = append(codes, Sized(Cat(Vec(locals...), f.Code, []byte{End})))
	}
	if a.Memories == nil {
		a.Memories = [][]byte{{0, 1}}
	}
	if !a.NoMemory {
		a.Exports = append(a.Exports, Export{"memory", 2, 0})
	}
	for _, e := range a.Exports {
		exports = append(exports, Cat(Sized([]byte(e.Name)), []byte{e.Kind}, LEB(e.Index)))
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	put := func(id byte, items [][]byte) {
		if len(items) > 0 {
			out = append(out, Section(id, Vec(items...))...)
		}
	}
	put(1, types)
	put(2, imports)
	put(3, funcs)
	put(4, a.Tables)
	put(5, a.Memories)
	put(6, a.Globals)
	put(7, exports)
	if a.Start > 0 {
		out = append(out, Section(8, LEB(uint32(a.Start-1)))...)
	}
	put(9, a.Elements)
	put(10, codes)
	put(11, a.Data)
	return out
}

// End ends a block, an expression or a function.
const End = 0x0b

// I32 is i32.const.
func I32(v int32) []byte { return append([]byte{0x41}, sleb(int64(v))...) }

// I64 is i64.const.
func I64(v int64) []byte { return append([]byte{0x42}, sleb(v)...) }

// Get is local.get.
func Get(n uint32) []byte { return append([]byte{0x20}, LEB(n)...) }

// Set is local.set.
func Set(n uint32) []byte { return append([]byte{0x21}, LEB(n)...) }

// Tee is local.tee.
func Tee(n uint32) []byte { return append([]byte{0x22}, LEB(n)...) }

// GlobalGet is global.get.
func GlobalGet(n uint32) []byte { return append([]byte{0x23}, LEB(n)...) }

// GlobalSet is global.set.
func GlobalSet(n uint32) []byte { return append([]byte{0x24}, LEB(n)...) }

// Call is call.
func Call(n uint32) []byte { return append([]byte{0x10}, LEB(n)...) }

// Br is br.
func Br(n uint32) []byte { return append([]byte{0x0c}, LEB(n)...) }

// BrIf is br_if.
func BrIf(n uint32) []byte { return append([]byte{0x0d}, LEB(n)...) }

// Loop is a loop without a result.
func Loop(body ...[]byte) []byte {
	return Cat([]byte{0x03, 0x40}, Cat(body...), []byte{0x0b})
}

// Block is a block without a result.
func Block(body ...[]byte) []byte {
	return Cat([]byte{0x02, 0x40}, Cat(body...), []byte{0x0b})
}

// Op is any code.
func Op(codes ...byte) []byte { return codes }

// Mem is a load or store with an offset and no alignment.
func Mem(code byte, offset uint32) []byte { return append([]byte{code, 0}, LEB(offset)...) }

func sleb(v int64) []byte {
	var out []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}

// Result is a pointer and a length as hooks return them.
func Result(ptr, n int64) []byte { return I64(ptr<<32 | n) }

// Guest is a valid module whose hook runs the code. Its input is at 1024.
func Guest(h hook.Hook, body ...[]byte) Module {
	return Module{Funcs: []Func{
		{Export: "penstock_abi_version", Results: "i", Code: I32(1 << 16)},
		{Export: "penstock_alloc", Params: "i", Results: "i", Code: I32(1024)},
		{Export: h.String(), Params: "ii", Results: "I", Locals: "iiiI", Code: Cat(body...)},
	}}
}

// F64 is f64.const.
func F64(v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(v))
}
