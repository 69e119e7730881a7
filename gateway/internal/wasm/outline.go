package wasm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"
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

// The kinds of imports and exports.
const (
	kindFunc = iota
	kindTable
	kindMemory
	kindGlobal
)

var kindNames = [...]string{"function", "table", "memory", "global"}

// The bounds of tables: an instance's tables lie outside its linear memory, so that
// the memory cap does not cover them.
const (
	maxTables   = 4
	maxElements = 1 << 20 // of one table
)

// outline is what a module says about itself, as far as loading and metering need
// it. Its slices alias the module's bytes.
type outline struct {
	sections []section
	types    []signature
	imports  []importEntry
	// funcs holds the type of every function, imported ones first.
	funcs    []uint32
	tables   []table
	memories []limits
	globals  int
	// variables counts the globals that are mutable, segments those of elements and data.
	variables, segments int
	exports             map[string]exportEntry
	start               bool
	// manifest is the contents of its section; nil without one.
	manifest []byte
	// isGo says that the Go toolchain made the module.
	isGo bool
}

// signature is a function type.
type signature struct{ params, results []api.ValueType }

func (s signature) equal(t signature) bool {
	return slices.Equal(s.params, t.params) && slices.Equal(s.results, t.results)
}

// String reads "(i32, i32) -> (i64)".
func (s signature) String() string {
	list := func(ts []api.ValueType) string {
		var names []string
		for _, t := range ts {
			names = append(names, api.ValueTypeName(t))
		}
		return "(" + strings.Join(names, ", ") + ")"
	}
	return list(s.params) + " -> " + list(s.results)
}

type importEntry struct {
	module, name string
	kind         byte
	// typ is the index of a function's type.
	typ uint32
}

type exportEntry struct {
	kind  byte
	index uint32
}

// limits are the size of a memory in pages, or of a table in elements.
type limits struct {
	min, max       uint32
	hasMax         bool
	shared, wide64 bool
}

type table struct {
	elem byte
	limits
}

// sketch reads a module's outline. It accepts only the sections of WebAssembly 2.0
// in their order; what it does not look into is left to the machine's validation.
func sketch(wasm []byte) (*outline, error) {
	if !bytes.HasPrefix(wasm, []byte("\x00asm")) {
		return nil, fmt.Errorf("it is not a WebAssembly file: it does not begin with \"\\0asm\"")
	}
	if !bytes.HasPrefix(wasm[4:], []byte{1, 0, 0, 0}) {
		return nil, fmt.Errorf("it is not a core WebAssembly module of version 1 (is it a component?)")
	}
	o := &outline{exports: map[string]exportEntry{}}
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

func (o *outline) read(id byte, body []byte) error {
	r := &reader{b: body}
	switch id {
	case secCustom:
		o.readCustom(r)
	case secType:
		each(r, o.readType)
	case secImport:
		each(r, o.readImport)
	case secFunction:
		each(r, func(r *reader) { o.addFunc(r, r.u32()) })
	case secTable:
		each(r, func(r *reader) { o.tables = append(o.tables, readTable(r)) })
	case secMemory:
		each(r, func(r *reader) { o.memories = append(o.memories, readLimits(r)) })
	case secGlobal:
		each(r, o.readGlobal)
	case secExport:
		each(r, o.readExport)
	case secStart:
		o.start = true
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

func (o *outline) readType(r *reader) {
	if form := r.byte(); form != 0x60 && r.err == nil {
		r.fail("a type is not a function type (%#x)", form)
	}
	o.types = append(o.types, signature{params: readValues(r), results: readValues(r)})
}

func (o *outline) readImport(r *reader) {
	i := importEntry{module: r.name(), name: r.name(), kind: r.byte()}
	switch i.kind {
	case kindFunc:
		i.typ = r.u32()
		o.addFunc(r, i.typ)
	case kindTable:
		readTable(r)
	case kindMemory:
		readLimits(r)
	case kindGlobal:
		r.bytes(2)
	default:
		r.fail("import %s.%s is of the unknown kind %d", i.module, i.name, i.kind)
	}
	o.imports = append(o.imports, i)
}

func (o *outline) addFunc(r *reader, typ uint32) {
	if int(typ) >= len(o.types) {
		r.fail("a function has the type %d, of which there are %d", typ, len(o.types))
		return
	}
	o.funcs = append(o.funcs, typ)
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
	l := limits{hasMax: flags&1 != 0, shared: flags&2 != 0, wide64: flags&4 != 0}
	if l.wide64 { // refused later, by name; only its place matters
		r.skipLEB(10)
		if l.hasMax {
			r.skipLEB(10)
		}
		return l
	}
	l.min = r.u32()
	if l.hasMax {
		l.max = r.u32()
	}
	return l
}

func (o *outline) readExport(r *reader) {
	name, e := r.name(), exportEntry{kind: r.byte(), index: r.u32()}
	if r.err != nil {
		return
	}
	if int(e.kind) >= len(kindNames) {
		r.fail("export %q is of the unknown kind %d", name, e.kind)
		return
	}
	if _, twice := o.exports[name]; twice {
		r.fail("export %q stands there twice", name)
		return
	}
	o.exports[name] = e
}
