// Package fuel rewrites a WebAssembly module so that it counts its own work down and stops
// itself. It reads and writes bytes, and knows neither the host nor the contract.
//
// The pass adds one mutable global, which the host fills before a call, and in front of
// every stretch of straight-line code a charge: subtract the stretch's cost, trap when the
// rest is negative. So whatever runs has been paid for, and what a call is charged is a pure
// function of its input. RATIONALE.md says why this is not left to wazero's own interruption.
//
// What the pass adds leaves the operand stack as it was and uses a global, locals and an
// export name of its own, which it refuses to find used already. Everything else about the
// module's validity is left to the compiler, which validates the rewritten module.
package fuel

import (
	"fmt"
)

// GlobalName is the name under which the added global is exported. Only the host may use it.
const GlobalName = "penstock.fuel"

// Charging says which instructions are charged for together.
type Charging uint8

const (
	// PerStretch charges stretches of straight-line code, each at once.
	PerStretch Charging = iota
	// PerInstruction charges every instruction by itself: slow, but plainly right, so that
	// the pass is tested against it.
	PerInstruction
	// Nothing adds the global alone and leaves the code as it is. A module without charges
	// is never stopped.
	Nothing
)

// Instrument returns the module with fuel counting built in.
func (o *Module) Instrument(c Charging) ([]byte, error) {
	out := append([]byte(nil), magic...)
	global := false
	for _, s := range o.sections {
		if !global && after(s.id, secGlobal) {
			out = appendSection(out, secGlobal, o.globalSection(nil))
			global = true
		}
		body, keep, err := o.rewrite(s, c)
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
func (o *Module) rewrite(s section, c Charging) ([]byte, bool, error) {
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
		if c == Nothing {
			return s.body, true, nil
		}
		body, err := o.codeSection(s.body, c == PerInstruction)
		return body, true, err
	}
	return s.body, true, nil
}

// tableSection gives every table an upper bound, since tables grow outside the
// linear memory and its cap.
func (o *Module) tableSection() []byte {
	out := appendU32(nil, uint32(len(o.tables)))
	for _, t := range o.tables {
		most := uint32(maxElements)
		if t.hasMax {
			most = min(most, t.Max)
		}
		out = append(out, t.elem, 1)
		out = appendU32(out, t.Min)
		out = appendU32(out, max(most, t.Min))
	}
	return out
}

// globalSection appends the fuel: a mutable i64, empty until the host fills it.
func (o *Module) globalSection(body []byte) []byte {
	r := &reader{b: body}
	if body != nil {
		r.u32()
	}
	out := appendU32(nil, uint32(o.Globals)+1)
	out = append(out, body[r.at:]...)
	return append(out, typeI64, 1, opI64Const, 0, opEnd)
}

func (o *Module) exportSection(body []byte) []byte {
	r := &reader{b: body}
	n := r.u32()
	out := appendU32(nil, n+1)
	out = append(out, body[r.at:]...)
	out = appendU32(out, uint32(len(GlobalName)))
	out = append(out, GlobalName...)
	out = append(out, byte(KindGlobal))
	return appendU32(out, uint32(o.Globals))
}

func (o *Module) codeSection(body []byte, each bool) ([]byte, error) {
	r := &reader{b: body}
	n := r.count()
	imported := len(o.Funcs) - n
	if imported != o.importedFuncs() {
		return nil, fmt.Errorf("it has %d function bodies for %d functions", n, len(o.Funcs)-o.importedFuncs())
	}
	out := make([]byte, 0, len(body)+len(body)/2)
	out = appendU32(out, uint32(n))
	m := rewriter{each: each}
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

func (o *Module) importedFuncs() int {
	n := 0
	for _, i := range o.Imports {
		if i.Kind == KindFunction {
			n++
		}
	}
	return n
}

// meteredFunc is what the meter has to know of a function's surroundings.
func (o *Module) meteredFunc(index int) surroundings {
	t := o.Types[o.Funcs[index]]
	return surroundings{params: uint32(len(t.Params)), results: t.Results, globals: uint32(o.Globals),
		types: o.Types, funcs: o.Funcs}
}

// surroundings are what the meter has to know about a function beyond its body.
type surroundings struct {
	params, globals uint32
	results         []byte
	types           []Signature
	// funcs are the indices of all functions' types.
	funcs []uint32
}
