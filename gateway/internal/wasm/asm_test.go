package wasm

// asm is a tiny assembler: enough to build well-formed and malformed modules byte by
// byte, so that tests depend on no toolchain.
type asm struct {
	imports []asmImport
	funcs   []asmFunc
	// memories holds raw limits; nil means one page without bound.
	memories [][]byte
	tables   [][]byte
	// globals holds raw definitions; elements and data raw segments.
	globals, elements, data [][]byte
	exports                 []asmExport
	// noMemory leaves the export of the memory out.
	noMemory bool
	// start is the function index of a start section plus one.
	start int
}

type asmImport struct{ module, name, params, results string }

// asmFunc is a function; params, results and locals are a letter each: i is i32, I
// i64, f f32, F f64.
type asmFunc struct {
	export, params, results, locals string
	code                            []byte
}

type asmExport struct {
	name  string
	kind  byte
	index uint32
}

func valueTypes(s string) []byte {
	codes := map[rune]byte{'i': 0x7f, 'I': 0x7e, 'f': 0x7d, 'F': 0x7c, 'v': 0x7b}
	var out []byte
	for _, c := range s {
		out = append(out, codes[c])
	}
	return out
}

func vec(items ...[]byte) []byte {
	out := appendU32(nil, uint32(len(items)))
	for _, i := range items {
		out = append(out, i...)
	}
	return out
}

func sized(b []byte) []byte { return append(appendU32(nil, uint32(len(b))), b...) }

func cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// bytes assembles the module. Functions are numbered in order, imports first.
func (a asm) bytes() []byte {
	var types, imports, funcs, exports, codes [][]byte
	typ := func(params, results string) []byte {
		types = append(types, cat([]byte{0x60}, sized(valueTypes(params)), sized(valueTypes(results))))
		return appendU32(nil, uint32(len(types)-1))
	}
	for _, i := range a.imports {
		imports = append(imports, cat(sized([]byte(i.module)), sized([]byte(i.name)), []byte{0}, typ(i.params, i.results)))
	}
	for n, f := range a.funcs {
		funcs = append(funcs, typ(f.params, f.results))
		if f.export != "" {
			a.exports = append(a.exports, asmExport{f.export, kindFunc, uint32(len(a.imports) + n)})
		}
		var locals [][]byte
		for _, t := range valueTypes(f.locals) {
			locals = append(locals, []byte{1, t})
		}
		codes = append(codes, sized(cat(vec(locals...), f.code, []byte{opEnd})))
	}
	if a.memories == nil {
		a.memories = [][]byte{{0, 1}}
	}
	if !a.noMemory {
		a.exports = append(a.exports, asmExport{"memory", kindMemory, 0})
	}
	for _, e := range a.exports {
		exports = append(exports, cat(sized([]byte(e.name)), []byte{e.kind}, appendU32(nil, e.index)))
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	put := func(id byte, items [][]byte) {
		if len(items) > 0 {
			out = appendSection(out, id, vec(items...))
		}
	}
	put(secType, types)
	put(secImport, imports)
	put(secFunction, funcs)
	put(secTable, a.tables)
	put(secMemory, a.memories)
	put(secGlobal, a.globals)
	put(secExport, exports)
	if a.start > 0 {
		out = appendSection(out, secStart, appendU32(nil, uint32(a.start-1)))
	}
	put(secElement, a.elements)
	put(secCode, codes)
	put(secData, a.data)
	return out
}

// Instructions.

func i32c(v int32) []byte       { return append([]byte{0x41}, sleb(int64(v))...) }
func i64c(v int64) []byte       { return append([]byte{0x42}, sleb(v)...) }
func get(n uint32) []byte       { return appendU32([]byte{0x20}, n) }
func set(n uint32) []byte       { return appendU32([]byte{0x21}, n) }
func tee(n uint32) []byte       { return appendU32([]byte{0x22}, n) }
func globalGet(n uint32) []byte { return appendU32([]byte{0x23}, n) }
func globalSet(n uint32) []byte { return appendU32([]byte{0x24}, n) }
func call(n uint32) []byte      { return appendU32([]byte{0x10}, n) }
func br(n uint32) []byte        { return appendU32([]byte{0x0c}, n) }
func brIf(n uint32) []byte      { return appendU32([]byte{0x0d}, n) }
func loop(body ...[]byte) []byte {
	return cat([]byte{0x03, 0x40}, cat(body...), []byte{0x0b})
}
func block(body ...[]byte) []byte {
	return cat([]byte{0x02, 0x40}, cat(body...), []byte{0x0b})
}
func op(codes ...byte) []byte { return codes }

// mem is a load or store with an offset and no alignment.
func mem(code byte, offset uint32) []byte { return appendU32([]byte{code, 0}, offset) }

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

// result packs a pointer and a length as hooks return them.
func result(ptr, n int64) []byte { return i64c(ptr<<32 | n) }

// guest is a well-behaved module with the given hook body, to which tests add what
// they need. Its input region lies at 1024.
func guest(hook Hook, body ...[]byte) asm {
	return asm{funcs: []asmFunc{
		{export: exportVersion, results: "i", code: i32c(1 << 16)},
		{export: exportAlloc, params: "i", results: "i", code: i32c(1024)},
		{export: hook.String(), params: "ii", results: "I", locals: "iiiI", code: cat(body...)},
	}}
}
