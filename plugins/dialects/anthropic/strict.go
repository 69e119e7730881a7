package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// The bounds of a schema that is rewritten: how deep it is nested, and its size in bytes
// beyond four times that of the original.
const (
	maxSchemaDepth = 64
	maxSchema      = 64 << 10
)

// strictSchema writes schemas in the subset of JSON Schema that Anthropic can hold a model
// to. What it refuses, such as minimum or maxLength, goes into the description, where the
// model reads it; Anthropic's own libraries do the same.
type strictSchema struct {
	*canonical.Writer
	refs  canonical.Resolver
	start int
	// tool is set for the schema of a tool: its root must be an object.
	tool bool
	// lost is set when the schema has something that can't be expressed: recursion, objects
	// with any names, or any value at all.
	lost bool
}

// writeStrict writes a schema for structured output or a strict tool, or writes nothing
// and reports false when Anthropic can't hold a model to it.
func (r *request) writeStrict(schema canonical.Value, tool bool) bool {
	s := strictSchema{tool: tool, Writer: &r.Writer, refs: canonical.Resolver{Root: schema}, start: len(r.B)}
	if s.refs.Recursive() {
		return false
	}
	s.write(schema, 0)
	if s.lost {
		r.B = r.B[:s.start]
	}
	return !s.lost
}

func (s *strictSchema) write(v canonical.Value, depth int) {
	s.lost = s.lost || v.Kind() != '{' || depth > maxSchemaDepth || len(s.B)-s.start > maxSchema+4*len(s.refs.Root)
	if s.lost {
		return
	}
	n := canonical.ReadSchema(v)
	if ref := canonical.Text(n.Ref); ref != nil && depth > 0 && s.refs.IsDefinition(ref) {
		s.Open('{')
		s.MemberValue("$ref", n.Ref)
		s.Close('}')
		return
	} else if ref != nil {
		target, ok := s.refs.Inline(ref)
		if !ok {
			s.lost = true
			return
		}
		defs, definitions := n.Defs, n.Definitions
		n = canonical.ReadSchema(target)
		if depth == 0 {
			n.Defs, n.Definitions = defs, definitions
		}
	}
	s.Open('{')
	if depth == 0 {
		s.writeDefinitions("$defs", n.Defs, depth)
		s.writeDefinitions("definitions", n.Definitions, depth)
	}
	s.writeKind(&n, depth)
	s.writeNotes(&n)
	s.Close('}')
}

func (s *strictSchema) writeDefinitions(name string, defs canonical.Value, depth int) {
	if !canonical.Filled(defs) {
		return
	}
	s.Name(name)
	s.Open('{')
	for key, v := range defs.Members {
		s.Key(key)
		s.write(v, depth+1)
	}
	s.Close('}')
}

// writeKind writes what the schema allows: a choice of schemas, or a type with what is
// allowed beside it.
func (s *strictSchema) writeKind(n *canonical.Schema, depth int) {
	list := canonical.Or(n.AnyOf, n.OneOf)
	switch merge := canonical.Filled(n.Properties) || s.tool && depth == 0; {
	case !n.Combines():
		s.writeType(n, depth)
	case merge:
		s.writeMerged(n, depth)
	case list.Kind() == '[':
		s.writeAnyOf(list, depth)
	default:
		s.writeAllOf(n, depth)
	}
}

// writeMerged writes a choice as one object with the properties of all, and the choice itself
// into the description.
func (s *strictSchema) writeMerged(n *canonical.Schema, depth int) {
	o, ok := s.refs.Merge(n.Whole)
	if !ok {
		s.lost = true
		return
	}
	n.Notes = append(n.Notes, n.ChoiceNotes()...)
	s.writeMergedObject(&o, depth)
}

func (s *strictSchema) writeAnyOf(list canonical.Value, depth int) {
	s.Name("anyOf")
	s.Open('[')
	for v := range list.Items {
		s.write(v, depth+1)
	}
	s.Close(']')
}

// writeAllOf writes the one schema there is, or all of them as one object.
func (s *strictSchema) writeAllOf(n *canonical.Schema, depth int) {
	count := 0
	for range n.AllOf.Items {
		count++
	}
	if count == 1 {
		s.writeAnyOf(n.AllOf, depth)
		return
	}
	o, ok := s.refs.Merge(n.Whole)
	if !ok {
		s.lost = true
		return
	}
	s.writeMergedObject(&o, depth)
}

func (s *strictSchema) writeMergedObject(o *canonical.Object, depth int) {
	s.MemberLiteral("type", `"object"`)
	s.Name("properties")
	s.Open('{')
	for _, p := range o.Properties {
		s.Key(p.Key)
		if len(p.Schemas) == 1 {
			s.write(p.Schemas[0], depth+1)
			continue
		}
		s.Open('{')
		s.Name("anyOf")
		s.Open('[')
		for _, v := range p.Schemas {
			s.write(v, depth+1)
		}
		s.Close(']')
		s.Close('}')
	}
	s.Close('}')
	s.MemberLiteral("additionalProperties", "false")
	writeRequired(s.Writer, o.Required)
}

func writeRequired(w *canonical.Writer, required [][]byte) {
	if len(required) == 0 {
		return
	}
	w.Name("required")
	w.Open('[')
	for _, name := range required {
		w.Text(name)
	}
	w.Close(']')
}

func (s *strictSchema) writeType(n *canonical.Schema, depth int) {
	kinds := n.Types()
	if s.tool && depth == 0 {
		kinds &= canonical.ObjectType
	}
	if kinds == 0 {
		s.lost = true
		return
	}
	kinds.Write(s.Writer)
	s.lost = s.lost || !scalars(n.Enum) || n.Const.Kind() == '{' || n.Const.Kind() == '['
	s.MemberValue("enum", n.Enum)
	if n.Const != nil {
		s.Name("const")
		s.Value(n.Const)
	}
	if kinds&canonical.ObjectType != 0 {
		s.writeObject(n, depth)
	}
	if kinds&canonical.ArrayType != 0 {
		s.writeArray(n, depth)
	}
	s.writeFormat(n)
}

// writeObject writes an object's properties. One that may have properties of any name
// can't be expressed: it would have none.
func (s *strictSchema) writeObject(n *canonical.Schema, depth int) {
	if open := n.Additional.Kind() != 'f'; open && n.Properties.Kind() != '{' || n.Additional.Kind() == '{' {
		s.lost = true
		return
	}
	s.Name("properties")
	s.Open('{')
	for key, v := range n.Properties.Members {
		s.Key(key)
		s.write(v, depth+1)
	}
	s.Close('}')
	s.MemberLiteral("additionalProperties", "false")
	s.MemberValue("required", n.Required)
}

func (s *strictSchema) writeArray(n *canonical.Schema, depth int) {
	items, tuple := n.Items, n.PrefixItems
	if items.Kind() == '[' {
		items, tuple = nil, items
	}
	s.Name("items")
	if tuple.Kind() == '[' {
		s.Open('{')
		s.writeAnyOf(tuple, depth+1)
		s.Close('}')
		n.Note("prefixItems", tuple)
	} else {
		s.write(items, depth+1)
	}
	if least, ok := n.MinItems.Whole(); ok && (least == 0 || least == 1) {
		s.MemberValue("minItems", n.MinItems)
	} else {
		n.Note("minItems", n.MinItems)
	}
}

func (s *strictSchema) writeFormat(n *canonical.Schema) {
	switch string(canonical.Text(n.Format)) {
	case "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid":
		s.MemberValue("format", n.Format)
	default:
		n.Note("format", n.Format)
	}
}

// writeNotes writes title and description, with the notes.
func (s *strictSchema) writeNotes(n *canonical.Schema) {
	s.MemberValue("title", n.Title)
	canonical.WriteDescription(s.Writer, n.Description, n.Notes)
}

// scalars reports whether a list holds neither objects nor lists.
func scalars(list canonical.Value) bool {
	for v := range list.Items {
		if v.Kind() == '{' || v.Kind() == '[' {
			return false
		}
	}
	return true
}
