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

// kind is the kind of an import or export.
type kind byte

// The kinds.
const (
	KindFunction kind = iota
	kindTable
	KindMemory
	KindGlobal

	kindCount
)

// String names the kind as messages do.
func (k kind) String() string { return [kindCount]string{"function", "table", "memory", "global"}[k] }

// The bounds of tables: an instance's tables lie outside its linear memory, so that
// the memory cap does not cover them.
const (
	maxTables   = 4
	maxElements = 1 << 20 // of one table
)

// Module is what a module says about itself, as far as loading and metering need
// it. Its slices alias the module's bytes.
type Module struct {
	sections []section
	Types    []Signature
	Imports  []Import
	// Funcs holds the type of every function, imported ones first.
	Funcs    []uint32
	tables   []table
	Memories []limits
	Globals  int
	// variables counts the globals that are mutable, segments those of elements and data.
	variables, segments int
	Exports             map[string]Export
	Start               bool
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

type Import struct {
	Module, Name string
	Kind         kind
	// typ is the index of a function's type.
	Type uint32
}

type Export struct {
	Kind  kind
	Index uint32
}

// limits are the size of a memory in pages, or of a table in elements.
type limits struct {
	Min, Max       uint32
	hasMax         bool
	Shared, Wide64 bool
}

type table struct {
	elem byte
	limits
}

// Parse reads a module's outline. It accepts only the sections of WebAssembly 2.0
// in their order; what it does not look into is left to the machine's validation.
func Parse(wasm []byte) (*Module, error) {
	if !bytes.HasPrefix(wasm, []byte("\x00asm")) {
		return nil, fmt.Errorf("it is not a WebAssembly file: it does not begin with \"\\0asm\"")
	}
	if !bytes.HasPrefix(wasm[4:], []byte{1, 0, 0, 0}) {
		return nil, fmt.Errorf("it is not a core WebAssembly module of version 1 (is it a component?)")
	}
	o := &Module{Exports: map[string]Export{}}
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
		o.sections = append(o.sections, section{id, body})
		if err := o.read(id, body); err != nil {
			return nil, fmt.Errorf("section %d: %w", id, err)
		}
	}
	return o, nil
}

// inOrder refuses unknown, repeated and misplaced sections.
func inOrder(id byte, last *int) error {
	if id == secCustom {
		return nil
	}
	if id > secDataCount {
		return fmt.Errorf("it has a section of the unknown kind %d", id)
	}
	place := int(id) * 2
	if id == secDataCount {
		place = secElement*2 + 1 // it stands before the code
	}
	if place <= *last {
		return fmt.Errorf("section %d is repeated or out of order", id)
	}
	*last = place
	return nil
}

func (o *Module) read(id byte, body []byte) error {
	r := &reader{b: body}
	switch id {
	case secCustom:
		r.name()
		r.at = len(body)
	case secType:
		each(r, o.readType)
	case secImport:
		each(r, o.readImport)
	case secFunction:
		each(r, func(r *reader) { o.addFunc(r, r.u32()) })
	case secTable:
		each(r, func(r *reader) { o.tables = append(o.tables, readTable(r)) })
	case secMemory:
		each(r, func(r *reader) { o.Memories = append(o.Memories, readLimits(r)) })
	case secGlobal:
		each(r, o.readGlobal)
	case secExport:
		each(r, o.readExport)
	case secStart:
		o.Start = true
		return nil
	case secElement:
		each(r, o.readElement)
	case secData:
		each(r, o.readData)
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

func (o *Module) readType(r *reader) {
	if form := r.byte(); form != 0x60 && r.err == nil {
		r.fail("a type is not a function type (%#x)", form)
	}
	o.Types = append(o.Types, Signature{Params: readValues(r), Results: readValues(r)})
}

func (o *Module) readImport(r *reader) {
	i := Import{Module: r.name(), Name: r.name(), Kind: kind(r.byte())}
	switch i.Kind {
	case KindFunction:
		i.Type = r.u32()
		o.addFunc(r, i.Type)
	case kindTable:
		readTable(r)
	case KindMemory:
		readLimits(r)
	case KindGlobal:
		r.bytes(2)
	default:
		r.fail("import %s.%s is of the unknown kind %d", i.Module, i.Name, byte(i.Kind))
	}
	o.Imports = append(o.Imports, i)
}

func (o *Module) addFunc(r *reader, typ uint32) {
	if int(typ) >= len(o.Types) {
		r.fail("a function has the type %d, of which there are %d", typ, len(o.Types))
		return
	}
	o.Funcs = append(o.Funcs, typ)
}

func readTable(r *reader) table {
	elem := r.byte()
	if elem != 0x70 && elem != 0x6f && r.err == nil {
		r.fail("a table holds elements of the unknown type %#x", elem)
	}
	return table{elem, readLimits(r)}
}

func readLimits(r *reader) limits {
	flags := r.byte()
	if flags > 7 {
		r.fail("a memory or table has the unknown flags %#x", flags)
	}
	l := limits{hasMax: flags&1 != 0, Shared: flags&2 != 0, Wide64: flags&4 != 0}
	if l.Wide64 { // refused later, by name; only its place matters
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

func (o *Module) readExport(r *reader) {
	name, e := r.name(), Export{Kind: kind(r.byte()), Index: r.u32()}
	if r.err != nil {
		return
	}
	if e.Kind >= kindCount {
		r.fail("export %q is of the unknown kind %d", name, byte(e.Kind))
		return
	}
	if _, twice := o.Exports[name]; twice {
		r.fail("export %q stands there twice", name)
		return
	}
	o.Exports[name] = e
}
