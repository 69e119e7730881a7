package fuel

// This file reads globals, element segments and data segments. The compiler's own reader
// trusts the counts and lengths in them and allocates what they announce, so they are checked
// here first.

// readGlobal skips one global.
func (m *Module) readGlobal(r *reader) {
	r.byte()
	if mutable := r.byte(); mutable == 1 {
		m.variables++
	}
	readConstant(r, "a global's initial value")
	m.Globals++
}

// readConstant skips an initializer expression. It must be a single constant: there are no
// imported globals that it could refer to.
func readConstant(r *reader, what string) {
	switch op := r.byte(); op {
	case 0x41:
		r.skipLEB(5)
	case 0x42:
		r.skipLEB(10)
	case 0x43:
		r.bytes(4)
	case 0x44:
		r.bytes(8)
	case 0xd0, 0xd2:
		r.u32()
	case 0xfd:
		if r.u32() != 12 {
			r.fail("%s is not a constant", what)
		}
		r.bytes(16)
	default:
		r.fail("%s is not a constant (instruction %#x)", what, op)
	}
	if end := r.byte(); end != opEnd {
		r.fail("%s is not a single constant", what)
	}
}

// The bits of an element segment's flags.
const (
	elemPassive  = 1 // or declared
	elemExplicit = 2 // names its table, or is declared
	elemExprs    = 4
)

// readElement skips one element segment.
func (m *Module) readElement(r *reader) {
	m.segments++
	flags := r.u32()
	if flags > 7 {
		r.fail("an element segment has the unknown flags %#x", flags)
	}
	if flags&elemPassive == 0 {
		if flags&elemExplicit != 0 {
			r.u32()
		}
		readConstant(r, "the offset of an element segment")
	}
	if flags&(elemPassive|elemExplicit) != 0 {
		r.byte() // the kind of its elements
	}
	if flags&elemExprs != 0 {
		each(r, func(r *reader) { readConstant(r, "an element") })
		return
	}
	each(r, func(r *reader) { r.u32() })
}

// readData skips one data segment.
func (m *Module) readData(r *reader) {
	m.segments++
	flags := r.u32()
	switch {
	case flags > 2:
		r.fail("a data segment has the unknown flags %#x", flags)
	case flags == 2:
		r.u32()
	}
	if flags != 1 {
		readConstant(r, "the offset of a data segment")
	}
	r.bytes(r.u32())
}

// readValues reads the types of parameters or results.
func readValues(r *reader) []byte {
	n := r.u32()
	if n > maxValues {
		r.fail("a function type has %d parameters or results; at most %d are accepted", n, maxValues)
	}
	return r.bytes(n)
}

// functionNames returns what is kept of the name section: the names of functions, for stack
// traces. Nil means that there are none, or that they can't be read.
func functionNames(body []byte) []byte {
	r := &reader{b: body}
	title := r.name()
	for r.err == nil && !r.done() {
		id, part := r.byte(), r.bytes(r.u32())
		if r.err == nil && id == 1 && isNames(part) {
			out := appendU32(nil, uint32(len(title)))
			return appendSection(append(out, title...), id, part)
		}
	}
	return nil
}

// isNames reports whether a subsection is a list of indices with names, and nothing else.
func isNames(part []byte) bool {
	r := &reader{b: part}
	each(r, func(r *reader) {
		r.u32()
		r.name()
	})
	return r.err == nil && r.done()
}
