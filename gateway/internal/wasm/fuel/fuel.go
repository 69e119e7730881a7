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

// Version numbers the pass: it goes up whenever Instrument makes something else of any module,
// or accepts another, so that what was kept of an earlier pass is not used.
const Version = 1

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
func (m *Module) Instrument(c Charging) ([]byte, error) {
	out := append([]byte(nil), magic...)
	global := false
	for _, s := range m.sections {
		if !global && after(s.id, secGlobal) {
			out = appendSection(out, secGlobal, m.globalSection(nil))
			global = true
		}
		body, keep, err := m.rewrite(s, c)
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

// after reports whether a section comes behind that with the id other.
func after(id, other byte) bool { return id != secCustom && id > other }

// rewrite returns a section's new contents, and whether it stays at all.
func (m *Module) rewrite(s section, c Charging) ([]byte, bool, error) {
	switch s.id {
	case secCustom:
		if _, ok := s.custom(sectionNames); !ok {
			return nil, false, nil
		}
		names := functionNames(s.body)
		return names, names != nil, nil
	case secTable:
		return m.tableSection(), true, nil
	case secGlobal:
		return m.globalSection(s.body), true, nil
	case secExport:
		return m.exportSection(s.body), true, nil
	case secCode:
		if c == Nothing {
			return s.body, true, nil
		}
		body, err := m.codeSection(s.body, c == PerInstruction)
		return body, true, err
	}
	return s.body, true, nil
}

// tableSection gives every table an upper bound, since tables are outside of the linear
// memory and its bound.
func (m *Module) tableSection() []byte {
	out := appendU32(nil, uint32(len(m.tables)))
	for _, t := range m.tables {
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

// globalSection adds the global for the fuel: a mutable i64, 0 until the host sets it.
func (m *Module) globalSection(body []byte) []byte {
	r := &reader{b: body}
	if body != nil {
		r.u32()
	}
	out := appendU32(nil, uint32(m.Globals)+1)
	out = append(out, body[r.at:]...)
	return append(out, typeI64, 1, opI64Const, 0, opEnd)
}

func (m *Module) exportSection(body []byte) []byte {
	r := &reader{b: body}
	n := r.u32()
	out := appendU32(nil, n+1)
	out = append(out, body[r.at:]...)
	out = appendU32(out, uint32(len(GlobalName)))
	out = append(out, GlobalName...)
	out = append(out, byte(KindGlobal))
	return appendU32(out, uint32(m.Globals))
}

func (m *Module) codeSection(body []byte, perInstruction bool) ([]byte, error) {
	r := &reader{b: body}
	n := r.count()
	imported := len(m.Funcs) - n
	if imported != m.importedFuncs() {
		return nil, fmt.Errorf("it has %d function bodies for %d functions", n, len(m.Funcs)-m.importedFuncs())
	}
	out := make([]byte, 0, len(body)+len(body)/2)
	out = appendU32(out, uint32(n))
	w := rewriter{perInstruction: perInstruction}
	var all moduleTotals
	for i := range n {
		code := r.bytes(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		f, err := w.function(code, m.contextOf(imported+i))
		if err == nil {
			err = all.add(w.complexity, m.variables)
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

func (m *Module) importedFuncs() int {
	n := 0
	for _, i := range m.Imports {
		if i.Kind == KindFunction {
			n++
		}
	}
	return n
}

// contextOf is the context of a function.
func (m *Module) contextOf(index int) funcContext {
	t := m.Types[m.Funcs[index]]
	return funcContext{params: uint32(len(t.Params)), results: t.Results, globals: uint32(m.Globals),
		types: m.Types, funcs: m.Funcs}
}

// funcContext is what the rewriter has to know of a function besides its body.
type funcContext struct {
	params, globals uint32
	results         []byte
	types           []Signature
	// funcs are the indices of all functions' types.
	funcs []uint32
}
