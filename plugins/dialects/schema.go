package dialects

import penstock "github.com/penstock/penstock/sdk/go"

// The bounds of a schema that is rewritten: levels of schemas within each other, and bytes
// beyond four times its own.
const (
	maxSchemaDepth = 64
	maxSchema      = 64 << 10
)

// strictSchema writes schemas in the part of JSON Schema that Anthropic can hold a model
// to. What it refuses, such as minimum or maxLength, goes into the description, where the
// model reads it; Anthropic's own libraries do the same.
type strictSchema struct {
	*writer
	schemas
	start int
	// tool says that the schema is a tool's: its root must be an object.
	tool bool
	// lost says that the schema has something that can't be expressed: recursion, objects
	// with any names, or any value at all.
	lost bool
}

// writeStrict writes a schema for structured output or a strict tool, or writes nothing
// and reports false when Anthropic can't hold a model to it.
func (r *request) writeStrict(schema value, tool bool) bool {
	s := strictSchema{tool: tool, writer: &r.writer, schemas: schemas{root: schema}, start: len(r.b)}
	if s.recursive() {
		return false
	}
	s.write(schema, 0)
	if s.lost {
		r.b = r.b[:s.start]
	}
	return !s.lost
}

func (s *strictSchema) write(v value, depth int) {
	s.lost = s.lost || v.Kind() != '{' || depth > maxSchemaDepth || len(s.b)-s.start > maxSchema+4*len(s.root)
	if s.lost {
		return
	}
	n := readSchema(v)
	if ref := text(n.ref); ref != nil && depth > 0 && s.definition(ref) {
		s.open('{')
		s.memberValue("$ref", n.ref)
		s.close('}')
		return
	} else if ref != nil {
		defs := [2]value{n.defs, n.definitions}
		if s.inlined++; s.inlined > maxInlined {
			s.lost = true
			return
		}
		n = readSchema(s.resolve(ref))
		if depth == 0 {
			n.defs, n.definitions = defs[0], defs[1]
		}
	}
	s.open('{')
	if depth == 0 {
		s.writeDefinitions("$defs", n.defs, depth)
		s.writeDefinitions("definitions", n.definitions, depth)
	}
	s.writeKind(&n, depth)
	s.writeNotes(&n)
	s.close('}')
}

func (s *strictSchema) writeDefinitions(name string, defs value, depth int) {
	if !filled(defs) {
		return
	}
	s.name(name)
	s.open('{')
	for key, v := range defs.Members {
		s.text(key)
		s.close(':')
		s.write(v, depth+1)
	}
	s.close('}')
}

// writeKind writes what the schema says of the value: a choice of schemas, or a type with
// what is allowed beside it.
func (s *strictSchema) writeKind(n *schemaNode, depth int) {
	list := or(n.anyOf, n.oneOf)
	switch merge := filled(n.properties) || s.tool && depth == 0; {
	case !n.chooses():
		s.writeType(n, depth)
	case merge:
		s.writeMerged(n, depth)
	case list.Kind() == '[':
		s.writeAnyOf(list, depth)
	default:
		s.writeAllOf(n, depth)
	}
}

// writeMerged writes a choice as one object with the properties of all; what belongs
// together is said in the description.
func (s *strictSchema) writeMerged(n *schemaNode, depth int) {
	var o shape
	if !s.gather(&o, n.whole, 0) {
		s.lost = true
		return
	}
	n.notes = append(n.notes, choiceNotes(n)...)
	s.writeShape(&o, depth)
}

func (s *strictSchema) writeAnyOf(list value, depth int) {
	s.name("anyOf")
	s.open('[')
	for v := range list.Items {
		s.write(v, depth+1)
	}
	s.close(']')
}

// writeAllOf writes the one schema there is, or all of them as one object.
func (s *strictSchema) writeAllOf(n *schemaNode, depth int) {
	count := 0
	for range n.allOf.Items {
		count++
	}
	if count == 1 {
		s.writeAnyOf(n.allOf, depth)
		return
	}
	var o shape
	if !s.gather(&o, n.whole, 0) {
		s.lost = true
		return
	}
	s.writeShape(&o, depth)
}

func (s *strictSchema) writeShape(o *shape, depth int) {
	s.memberLiteral("type", `"object"`)
	s.name("properties")
	s.open('{')
	for _, p := range o.properties {
		s.text(p.key)
		s.close(':')
		if len(p.schemas) == 1 {
			s.write(p.schemas[0], depth+1)
			continue
		}
		s.open('{')
		s.name("anyOf")
		s.open('[')
		for _, v := range p.schemas {
			s.write(v, depth+1)
		}
		s.close(']')
		s.close('}')
	}
	s.close('}')
	s.memberLiteral("additionalProperties", "false")
	writeNames(s.writer, o.required)
}

func writeNames(w *writer, required [][]byte) {
	if len(required) == 0 {
		return
	}
	w.name("required")
	w.open('[')
	for _, name := range required {
		w.text(name)
	}
	w.close(']')
}

func (s *strictSchema) writeType(n *schemaNode, depth int) {
	kinds := n.types()
	if s.tool && depth == 0 {
		kinds &= objectType
	}
	if kinds == 0 {
		s.lost = true
		return
	}
	kinds.write(s.writer)
	s.lost = s.lost || !scalars(n.enum) || n.constant.Kind() == '{' || n.constant.Kind() == '['
	s.memberValue("enum", n.enum)
	if n.constant != nil {
		s.name("const")
		s.value(n.constant)
	}
	if kinds&objectType != 0 {
		s.writeObject(n, depth)
	}
	if kinds&arrayType != 0 {
		s.writeArray(n, depth)
	}
	s.writeFormat(n)
}

// writeObject writes an object's properties. One that may have properties of any name
// can't be expressed: it would have none.
func (s *strictSchema) writeObject(n *schemaNode, depth int) {
	if open := n.additional.Kind() != 'f'; open && n.properties.Kind() != '{' || n.additional.Kind() == '{' {
		s.lost = true
		return
	}
	s.name("properties")
	s.open('{')
	for key, v := range n.properties.Members {
		s.text(key)
		s.close(':')
		s.write(v, depth+1)
	}
	s.close('}')
	s.memberLiteral("additionalProperties", "false")
	s.memberValue("required", n.required)
}

func (s *strictSchema) writeArray(n *schemaNode, depth int) {
	items, tuple := n.items, n.prefixItems
	if items.Kind() == '[' {
		items, tuple = nil, items
	}
	s.name("items")
	if tuple.Kind() == '[' {
		s.open('{')
		s.writeAnyOf(tuple, depth+1)
		s.close('}')
		n.note("prefixItems", tuple)
	} else {
		s.write(items, depth+1)
	}
	if least, ok := n.minItems.Whole(); ok && (least == 0 || least == 1) {
		s.memberValue("minItems", n.minItems)
	} else {
		n.note("minItems", n.minItems)
	}
}

func (s *strictSchema) writeFormat(n *schemaNode) {
	switch string(text(n.format)) {
	case "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid":
		s.memberValue("format", n.format)
	default:
		n.note("format", n.format)
	}
}

// writeNotes writes title and description, with what could only be said in words.
func (s *strictSchema) writeNotes(n *schemaNode) {
	s.memberValue("title", n.title)
	writeDescription(s.writer, n.description, n.notes)
}

// writeDescription writes a description and behind it the notes, as Anthropic's own
// libraries do: {minimum: 1, maximum: 10}.
func writeDescription(w *writer, description value, notes []other) {
	said := inside(description)
	if len(said) == 0 && len(notes) == 0 {
		return
	}
	w.name("description")
	w.close('"')
	w.b = append(w.b, said...)
	for i, note := range notes {
		switch {
		case i > 0:
			w.add(", ")
		case len(said) > 0:
			w.add(`\n\n{`)
		default:
			w.close('{')
		}
		w.b = append(penstock.AppendInside(w.b, note.key), ": "...)
		if raw, ok := note.value.Inside(); ok {
			w.b = append(w.b, raw...)
		} else {
			w.b = penstock.AppendInside(w.b, note.value)
		}
	}
	if len(notes) > 0 {
		w.close('}')
	}
	w.close('"')
}

// scalars reports whether a list holds neither objects nor lists.
func scalars(list value) bool {
	for v := range list.Items {
		if v.Kind() == '{' || v.Kind() == '[' {
			return false
		}
	}
	return true
}
