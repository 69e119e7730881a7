package wasm

import (
	"fmt"

	"github.com/tetratelabs/wazero/api"
)

// The fuel pass rewrites a module so that it counts its own work down and stops
// itself. It adds one mutable global, which the host fills before a call, and in
// front of every stretch of straight-line code a charge: subtract the stretch's
// cost, trap when the rest is negative. So whatever runs has been paid for, and what a
// call is charged is a pure function of its input. RATIONALE.md says why this is not
// left to the machine's own interruption.
//
// What the pass adds leaves the operand stack as it was and uses a global, locals and
// an export name of its own, which it refuses to find used already. Everything else
// about the module's validity is for the machine to judge after the rewriting.

// metered returns the module with fuel counting built in. If each is set, every
// instruction is charged by itself: slow, but plainly right, so tests hold the pass
// against it.
func metered(o *outline, each bool) ([]byte, error) {
	out := append([]byte(nil), "\x00asm\x01\x00\x00\x00"...)
	global := false
	for _, s := range o.sections {
		if !global && after(s.id, secGlobal) {
			out = appendSection(out, secGlobal, o.globalSection(nil))
			global = true
		}
		body, keep, err := o.rewrite(s, each)
		if err != nil {
			return nil, fmt.Errorf("section %d: %w", s.id, err)
		}
		if keep {
			out = appendSection(out, s.id, body)
		}
		global = global || s.id == secGlobal
	}
	return out, nil
}

// after reports whether a section stands behind the place of another.
func after(id, place byte) bool { return id != secCustom && id > place }

// rewrite returns a section's new contents, and whether it stays at all.
func (o *outline) rewrite(s section, each bool) ([]byte, bool, error) {
	switch s.id {
	case secCustom:
		if !s.named(sectionNames) {
			return nil, false, nil
		}
		names := functionNames(s.body)
		return names, names != nil, nil
	case secTable:
		return o.tableSection(), true, nil
	case secGlobal:
		return o.globalSection(s.body), true, nil
	case secExport:
		return o.exportSection(s.body), true, nil
	case secCode:
		body, err := o.codeSection(s.body, each)
		return body, true, err
	}
	return s.body, true, nil
}

// tableSection gives every table an upper bound, since tables grow outside the
// linear memory and its cap.
func (o *outline) tableSection() []byte {
	out := appendU32(nil, uint32(len(o.tables)))
	for _, t := range o.tables {
		most := uint32(maxElements)
		if t.hasMax {
			most = min(most, t.max)
		}
		out = append(out, t.elem, 1)
		out = appendU32(out, t.min)
		out = appendU32(out, max(most, t.min))
	}
	return out
}

// globalSection appends the fuel: a mutable i64, empty until the host fills it.
func (o *outline) globalSection(body []byte) []byte {
	r := &reader{b: body}
	if body != nil {
		r.u32()
	}
	out := appendU32(nil, uint32(o.globals)+1)
	out = append(out, body[r.at:]...)
	return append(out, i64, 1, opI64Const, 0, opEnd)
}

func (o *outline) exportSection(body []byte) []byte {
	r := &reader{b: body}
	n := r.u32()
	out := appendU32(nil, n+1)
	out = append(out, body[r.at:]...)
	out = appendU32(out, uint32(len(exportFuel)))
	out = append(out, exportFuel...)
	out = append(out, kindGlobal)
	return appendU32(out, uint32(o.globals))
}

func (o *outline) codeSection(body []byte, each bool) ([]byte, error) {
	r := &reader{b: body}
	n := r.count()
	imported := len(o.funcs) - n
	if imported != o.importedFuncs() {
		return nil, fmt.Errorf("it has %d function bodies for %d functions", n, len(o.funcs)-o.importedFuncs())
	}
	out := make([]byte, 0, len(body)+len(body)/2)
	out = appendU32(out, uint32(n))
	m := meter{each: each}
	var all weight
	for i := range n {
		code := r.bytes(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		f, err := m.function(code, o.meteredFunc(imported+i))
		if err == nil {
			err = all.add(m.shape, o.variables)
		}
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", imported+i, err)
		}
		out = appendU32(out, uint32(len(f)))
		out = append(out, f...)
	}
	if !r.done() {
		return nil, fmt.Errorf("it has bytes left over")
	}
	return out, nil
}

func (o *outline) importedFuncs() int {
	n := 0
	for _, i := range o.imports {
		if i.kind == kindFunc {
			n++
		}
	}
	return n
}

// meteredFunc is what the meter has to know of a function's surroundings.
func (o *outline) meteredFunc(index int) surroundings {
	t := o.types[o.funcs[index]]
	return surroundings{params: uint32(len(t.params)), results: t.results, globals: uint32(o.globals),
		types: o.types, funcs: o.funcs}
}

// surroundings are what the meter has to know about a function beyond its body.
type surroundings struct {
	params, globals uint32
	results         []api.ValueType
	types           []signature
	// funcs are the indices of all functions' types.
	funcs []uint32
}
