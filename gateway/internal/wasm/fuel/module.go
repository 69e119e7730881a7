package fuel

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The ids of a module's sections.
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
)

// Kind is the kind of an import or export.
type Kind byte

// The kinds.
const (
	KindFunction Kind = iota
	KindTable
	KindMemory
	KindGlobal

	kindCount
)

// String names the kind in messages.
func (k Kind) String() string { return [kindCount]string{"function", "table", "memory", "global"}[k] }

// The bounds of tables, which are outside of the linear memory and its bound.
const (
	maxTables   = 4
	maxElements = 1 << 20 // of one table
)

// Module is a parsed module: what loading and metering need to know of it. Its slices alias
// the module's bytes.
type Module struct {
	// Types are the function types, Funcs the index of each function's type, imported ones
	// first.
	Types   []Signature
	Funcs   []uint32
	Imports []Import
	Exports map[string]Export
	// Memories are those of its own, in pages.
	Memories []Limits
	// Globals counts the globals.
	Globals int
	// Start reports a start section.
	Start bool

	sections []section
	tables   []table
	// variables counts the mutable globals, segments the element and data segments.
	variables, segments int
}

// magic is how a file begins.
const magic = "\x00asm\x01\x00\x00\x00"

// The types of values as the format spells them.
const (
	typeI32 = 0x7f
	typeI64 = 0x7e
)

var typeNames = map[byte]string{typeI32: "i32", typeI64: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128", 0x70: "funcref", 0x6f: "externref"}

// Signature is a function type.
type Signature struct{ Params, Results []byte }

// Equal reports whether both take and return the same types.
func (s Signature) Equal(t Signature) bool {
	return slices.Equal(s.Params, t.Params) && slices.Equal(s.Results, t.Results)
}

// String reads "(i32, i32) -> (i64)".
func (s Signature) String() string {
	list := func(types []byte) string {
		var names []string
		for _, t := range types {
			names = append(names, cmp.Or(typeNames[t], "unknown"))
		}
		return "(" + strings.Join(names, ", ") + ")"
	}
	return list(s.Params) + " -> " + list(s.Results)
}

// Import is something that the module imports.
type Import struct {
	Module, Name string
	Kind         Kind
	// Type is the index of a function's type.
	Type uint32
}

// Export is something that the module exports.
type Export struct {
	Kind  Kind
	Index uint32
}

// Limits are the size of a memory in pages, or of a table in elements.
type Limits struct {
	Min, Max       uint32
	hasMax         bool
	Shared, Wide64 bool
}

type table struct {
	elem byte
	Limits
}

// Parse reads a module. It accepts only the sections of WebAssembly 2.0 in their order; what
// it does not look into is left to the compiler's validation.
func Parse(wasm []byte) (*Module, error) {
	if !bytes.HasPrefix(wasm, []byte("\x00asm")) {
		return nil, fmt.Errorf("it is not a WebAssembly file: it does not begin with \"\\0asm\"")
	}
	if !bytes.HasPrefix(wasm[4:], []byte{1, 0, 0, 0}) {
		return nil, fmt.Errorf("it is not a core WebAssembly module of version 1 (is it a component?)")
	}
	m := &Module{Exports: map[string]Export{}}
	r := &reader{b: wasm, at: 8}
	last := 0
	for !r.done() {
		id := r.byte()
		body := r.bytes(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		if err := inOrder(id, &last); err != nil {
			return nil, err
		}
		m.sections = append(m.sections, section{id, body})
		if err := m.read(id, body); err != nil {
			return nil, fmt.Errorf("section %d: %w", id, err)
		}
	}
	return m, nil
}

// inOrder refuses unknown, repeated and misplaced sections.
func inOrder(id byte, last *int) error {
	if id == secCustom {
		return nil
	}
	if id > secDataCount {
		return fmt.Errorf("it has a section of the unknown kind %d", id)
	}
	position := int(id) * 2
	if id == secDataCount {
		position = secElement*2 + 1 // it comes before the code
	}
	if position <= *last {
		return fmt.Errorf("section %d is repeated or out of order", id)
	}
	*last = position
	return nil
}

func (m *Module) read(id byte, body []byte) error {
	r := &reader{b: body}
	switch id {
	case secCustom:
		r.name()
		r.at = len(body)
	case secType:
		each(r, m.readType)
	case secImport:
		each(r, m.readImport)
	case secFunction:
		each(r, func(r *reader) { m.addFunc(r, r.u32()) })
	case secTable:
		each(r, func(r *reader) { m.tables = append(m.tables, readTable(r)) })
	case secMemory:
		each(r, func(r *reader) { m.Memories = append(m.Memories, readLimits(r)) })
	case secGlobal:
		each(r, m.readGlobal)
	case secExport:
		each(r, m.readExport)
	case secStart:
		m.Start = true
		return nil
	case secElement:
		each(r, m.readElement)
	case secData:
		each(r, m.readData)
	default:
		return nil
	}
	if r.err == nil && !r.done() {
		r.fail("it has bytes left over")
	}
	return r.err
}

// each reads a vector.
func each(r *reader, item func(*reader)) {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		item(r)
	}
}

func (m *Module) readType(r *reader) {
	if form := r.byte(); form != 0x60 && r.err == nil {
		r.fail("a type is not a function type (%#x)", form)
	}
	m.Types = append(m.Types, Signature{Params: readValues(r), Results: readValues(r)})
}

func (m *Module) readImport(r *reader) {
	i := Import{Module: r.name(), Name: r.name(), Kind: Kind(r.byte())}
	switch i.Kind {
	case KindFunction:
		i.Type = r.u32()
		m.addFunc(r, i.Type)
	case KindTable:
		readTable(r)
	case KindMemory:
		readLimits(r)
	case KindGlobal:
		r.bytes(2)
	default:
		r.fail("import %s.%s is of the unknown kind %d", i.Module, i.Name, byte(i.Kind))
	}
	m.Imports = append(m.Imports, i)
}

func (m *Module) addFunc(r *reader, typ uint32) {
	if int(typ) >= len(m.Types) {
		r.fail("a function has the type %d, of which there are %d", typ, len(m.Types))
		return
	}
	m.Funcs = append(m.Funcs, typ)
}

func readTable(r *reader) table {
	elem := r.byte()
	if elem != 0x70 && elem != 0x6f && r.err == nil {
		r.fail("a table holds elements of the unknown type %#x", elem)
	}
	return table{elem, readLimits(r)}
}

func readLimits(r *reader) Limits {
	flags := r.byte()
	if flags > 7 {
		r.fail("a memory or table has the unknown flags %#x", flags)
	}
	l := Limits{hasMax: flags&1 != 0, Shared: flags&2 != 0, Wide64: flags&4 != 0}
	if l.Wide64 { // refused later, with a message of its own; here it is skipped
		r.skipLEB(10)
		if l.hasMax {
			r.skipLEB(10)
		}
		return l
	}
	l.Min = r.u32()
	if l.hasMax {
		l.Max = r.u32()
	}
	return l
}

func (m *Module) readExport(r *reader) {
	name, e := r.name(), Export{Kind: Kind(r.byte()), Index: r.u32()}
	if r.err != nil {
		return
	}
	if e.Kind >= kindCount {
		r.fail("export %q is of the unknown kind %d", name, byte(e.Kind))
		return
	}
	if _, twice := m.Exports[name]; twice {
		r.fail("export %q appears twice", name)
		return
	}
	m.Exports[name] = e
}
