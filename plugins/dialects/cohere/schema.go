package cohere

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// The bounds of a schema that is rewritten: how deep it is nested, and its size in bytes
// beyond four times that of the original.
const (
	maxSchemaDepth = 64
	maxSchema      = 64 << 10
)

// subset writes schemas in the subset of JSON Schema that Cohere holds a model to. What it
// refuses, such as minimum or maxLength, goes into the description, where the model reads it.
type subset struct {
	*canonical.Writer
	refs  canonical.Resolver
	start int
	// lost is set when the schema has something that can't be expressed: recursion, an object
	// that may be empty, a value of any type.
	lost bool
}

// writeSchema writes a schema of an object, or writes nothing and reports false when Cohere
// can't hold a model to it.
func (r *request) writeSchema(schema canonical.Value) bool {
	s := subset{Writer: &r.Writer, refs: canonical.Resolver{Root: schema}, start: len(r.B)}
	if s.refs.Recursive() {
		return false
	}
	s.write(schema, 0)
	if s.lost {
		r.B = r.B[:s.start]
	}
	return !s.lost
}

func (s *subset) write(v canonical.Value, depth int) {
	s.lost = s.lost || v.Kind() != '{' || depth > maxSchemaDepth || len(s.B)-s.start > maxSchema+4*len(s.refs.Root)
	if s.lost {
		return
	}
	n := canonical.ReadSchema(v)
	if ref := canonical.Text(n.Ref); ref != nil {
		target, ok := s.refs.Inline(ref)
		if !ok || target.Kind() != '{' {
			s.lost = true
			return
		}
		described := n.Description
		n = canonical.ReadSchema(target)
		n.Description = canonical.Or(described, n.Description)
		if n.Ref != nil {
			s.write(target, depth+1)
			return
		}
	}
	s.Open('{')
	switch choice := canonical.Or(n.AnyOf, n.OneOf); {
	case n.AllOf.Kind() == '[' || n.Combines() && depth == 0 || n.Combines() && canonical.Filled(n.Properties):
		s.writeMerged(&n, depth)
	case choice.Kind() == '[':
		s.writeAnyOf(choice, depth)
	default:
		s.writeTypes(&n, depth)
	}
	s.MemberValue("title", n.Title)
	canonical.WriteDescription(s.Writer, n.Description, n.Notes)
	s.Close('}')
}

func (s *subset) writeAnyOf(list canonical.Value, depth int) {
	s.Name("anyOf")
	s.Open('[')
	for v := range list.Items {
		s.write(v, depth+1)
	}
	s.Close(']')
}

// writeMerged writes what is made of several schemas as one object with the properties of
// all, and a choice among them into the description.
func (s *subset) writeMerged(n *canonical.Schema, depth int) {
	o, ok := s.refs.Merge(n.Whole)
	if !ok || len(o.Required) == 0 {
		s.lost = true
		return
	}
	n.Notes = append(n.Notes, n.ChoiceNotes()...)
	s.MemberLiteral("type", `"object"`)
	s.Name("properties")
	s.Open('{')
	for _, p := range o.Properties {
		s.Key(p.Key)
		if len(p.Schemas) == 1 {
			s.write(p.Schemas[0], depth+1)
			continue
		}
		s.Literal(`{"anyOf":[`)
		for _, v := range p.Schemas {
			s.write(v, depth+1)
		}
		s.Raw("]}")
	}
	s.Close('}')
	s.Name("required")
	s.Open('[')
	for _, name := range o.Required {
		s.Text(name)
	}
	s.Close(']')
}

// writeTypes writes a schema of one type, or a choice of them as a choice of schemas.
func (s *subset) writeTypes(n *canonical.Schema, depth int) {
	kinds := n.Types()
	if depth == 0 {
		kinds &= canonical.ObjectType
	}
	if kinds == 0 {
		s.lost = true
		return
	}
	if kinds&(kinds-1) == 0 {
		s.writeType(n, kinds, depth)
		return
	}
	if n.Enum != nil || n.Const != nil {
		s.MemberValue("enum", n.Enum)
		s.MemberValue("const", n.Const)
		return
	}
	s.Name("anyOf")
	s.Open('[')
	for one := canonical.ObjectType; one <= canonical.NullType; one <<= 1 {
		if kinds&one != 0 {
			s.Open('{')
			s.writeType(n, one, depth)
			s.Close('}')
		}
	}
	s.Close(']')
}

func (s *subset) writeType(n *canonical.Schema, kind canonical.Types, depth int) {
	kind.Write(s.Writer)
	s.MemberValue("enum", n.Enum)
	s.MemberValue("const", n.Const)
	switch kind {
	case canonical.ObjectType:
		s.writeObject(n, depth)
	case canonical.ArrayType:
		s.writeArray(n, depth)
	case canonical.StringType:
		s.writeString(n)
	}
}

// writeObject writes an object, which has to require a property.
func (s *subset) writeObject(n *canonical.Schema, depth int) {
	if !canonical.Filled(n.Required) || !canonical.Filled(n.Properties) {
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
	s.MemberValue("required", n.Required)
	switch n.Additional.Kind() {
	case 'f', 't':
		s.MemberValue("additionalProperties", n.Additional)
	case '{':
		s.Name("additionalProperties")
		s.write(n.Additional, depth+1)
	}
}

// writeArray writes a list. A list of values of different types is one of a choice.
func (s *subset) writeArray(n *canonical.Schema, depth int) {
	n.Note("minItems", n.MinItems)
	items, tuple := n.Items, n.PrefixItems
	if items.Kind() == '[' {
		items, tuple = nil, items
	}
	switch {
	case tuple.Kind() == '[':
		s.Literal(`"items":{`)
		s.writeAnyOf(tuple, depth+1)
		s.Close('}')
		n.Note("prefixItems", tuple)
	case items.Kind() == '{':
		s.Name("items")
		s.write(items, depth+1)
	}
}

// writeString writes the format and the pattern of a string, as far as Cohere knows them.
func (s *subset) writeString(n *canonical.Schema) {
	switch string(canonical.Text(n.Format)) {
	case "date-time", "uuid", "date", "time":
		s.MemberValue("format", n.Format)
	default:
		n.Note("format", n.Format)
	}
	for i, note := range n.Notes {
		if string(note.Key) == "pattern" && plainPattern(note.Value) {
			s.MemberValue("pattern", note.Value)
			n.Notes = append(n.Notes[:i], n.Notes[i+1:]...)
			return
		}
	}
}

// plainPattern reports whether a regular expression is without anchors and assertions.
func plainPattern(v canonical.Value) bool {
	text := canonical.Text(v)
	return text != nil && !bytes.ContainsAny(text, "^$") && !bytes.Contains(text, []byte("?=")) && !bytes.Contains(text, []byte("?!"))
}
