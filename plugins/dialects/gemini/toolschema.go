package gemini

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

// writeSchema writes a JSON schema as Gemini reads it. Most go out as they came: Gemini takes
// JSON Schema, references and recursion included. It wants a function's parameters to be an
// object, references to stand alone and to name a member of $defs, and knows no allOf; what
// is written otherwise has its references replaced by what they stand for. A schema that is
// too large then, or refers to what is not in it, becomes any object and is reported as path.
func (r *request) writeSchema(schema canonical.Value, object bool, path string) {
	s := schemaWriter{Writer: &r.Writer, refs: canonical.Resolver{Root: schema}, start: len(r.B), object: object}
	if s.plain(schema, 0) {
		r.Value(schema)
		return
	}
	s.write(schema, 0)
	if s.lost {
		r.B = r.B[:s.start]
		r.Literal(`{"type":"object"}`)
		r.Drop(path)
	}
}

type schemaWriter struct {
	*canonical.Writer
	refs  canonical.Resolver
	start int
	// object says that the root must be an object.
	object bool
	// open are the references that are being replaced, to stop at recursion.
	open [][]byte
	lost bool
}

// plain reports whether a schema can go out as it is.
func (s *schemaWriter) plain(v canonical.Value, depth int) bool {
	if depth > maxSchemaDepth {
		return false
	}
	for item := range v.Items {
		if !s.plain(item, depth+1) {
			return false
		}
	}
	if v.Kind() != '{' {
		return true
	}
	if s.object && depth == 0 && !isObject(v) {
		return false
	}
	reference, beside := false, false
	for key, member := range v.Members {
		reference = reference || string(key) == "$ref"
		beside = beside || !bytes.HasPrefix(key, []byte("$"))
		if !s.plainMember(string(key), member, depth) {
			return false
		}
	}
	return !reference || !beside
}

// plainMember is plain for a member of a schema.
func (s *schemaWriter) plainMember(key string, v canonical.Value, depth int) bool {
	switch key {
	case "$ref":
		ref := canonical.Text(v)
		return bytes.HasPrefix(ref, []byte("#/$defs/")) && s.refs.Resolve(ref).Kind() == '{'
	case "allOf":
		return false
	case "properties", "$defs", "patternProperties", "definitions":
		for _, inner := range v.Members { // whose names are no keywords
			if !s.plain(inner, depth+1) {
				return false
			}
		}
		return true
	case "enum", "const", "default", "examples":
		return true
	}
	return s.plain(v, depth+1)
}

// isObject reports whether a schema is that of an object and nothing else.
func isObject(v canonical.Value) bool {
	n := canonical.ReadSchema(v)
	return string(canonical.Text(n.Type)) == "object" && !n.Combines() && n.Ref == nil
}

func (s *schemaWriter) write(v canonical.Value, depth int) {
	s.lost = s.lost || depth > maxSchemaDepth || len(s.B)-s.start > maxSchema+4*len(s.refs.Root)
	if s.lost {
		return
	}
	if v.Kind() != '{' { // true and false are schemas, too
		s.Value(v)
		return
	}
	n := canonical.ReadSchema(v)
	ref := canonical.Text(n.Ref)
	if ref == nil {
		s.writeMembers(&n, depth)
		return
	}
	for _, open := range s.open {
		if bytes.Equal(open, ref) {
			s.writeRecursion(&n, ref)
			return
		}
	}
	target, ok := s.refs.Inline(ref)
	if !ok || target.Kind() != '{' {
		s.lost = true
		return
	}
	inner := canonical.ReadSchema(target)
	inner.Title, inner.Description = canonical.Or(n.Title, inner.Title), canonical.Or(n.Description, inner.Description)
	s.open = append(s.open, ref)
	s.writeInlined(&inner, depth)
	s.open = s.open[:len(s.open)-1]
}

// writeInlined writes what a reference stands for, which may be another reference.
func (s *schemaWriter) writeInlined(n *canonical.Schema, depth int) {
	if n.Ref != nil {
		s.write(n.Whole, depth+1)
		return
	}
	s.writeMembers(n, depth)
}

// writeRecursion writes a type in the place of a schema that holds itself.
func (s *schemaWriter) writeRecursion(n *canonical.Schema, ref []byte) {
	target := canonical.ReadSchema(s.refs.Resolve(ref))
	s.Open('{')
	kinds := target.Types()
	if kinds == 0 {
		kinds = canonical.ObjectType
	}
	kinds.Write(s.Writer)
	name := ref[bytes.LastIndexByte(ref, '/')+1:]
	canonical.WriteDescription(s.Writer, canonical.Or(n.Description, target.Description),
		[]canonical.Member{{Key: []byte("as above"), Value: name}})
	s.Close('}')
}

// writeMembers writes a schema without a reference of its own.
func (s *schemaWriter) writeMembers(n *canonical.Schema, depth int) {
	root := s.object && depth == 0
	if n.AllOf.Kind() == '[' || root && n.Combines() {
		s.writeMerged(n, depth)
		return
	}
	s.Open('{')
	if root && string(canonical.Text(n.Type)) != "object" {
		s.MemberLiteral("type", `"object"`)
	}
	for key, v := range n.Whole.Members {
		switch string(key) {
		case "$ref", "$defs", "definitions", "title", "description", "$schema", "$id", "$comment", "$anchor":
		case "type":
			if !root || string(canonical.Text(v)) == "object" {
				s.MemberValue("type", v)
			}
		case "oneOf", "anyOf", "prefixItems":
			s.writeList(choiceName(key), v, depth)
		case "properties":
			s.writeProperties(v, depth)
		case "items":
			if v.Kind() == '[' { // the older form of prefixItems
				s.writeList("prefixItems", v, depth)
				continue
			}
			s.Name("items")
			s.write(v, depth+1)
		case "additionalProperties":
			s.Name("additionalProperties")
			s.write(v, depth+1)
		default:
			s.Key(key)
			s.Value(v)
		}
	}
	s.MemberValue("title", n.Title)
	s.MemberValue("description", n.Description)
	s.Close('}')
}

func choiceName(key []byte) string {
	if string(key) == "prefixItems" {
		return "prefixItems"
	}
	return "anyOf"
}

func (s *schemaWriter) writeList(name string, list canonical.Value, depth int) {
	s.Name(name)
	s.Open('[')
	for v := range list.Items {
		s.write(v, depth+1)
	}
	s.Close(']')
}

func (s *schemaWriter) writeProperties(v canonical.Value, depth int) {
	s.Name("properties")
	s.Open('{')
	for key, property := range v.Members {
		s.Key(key)
		s.write(property, depth+1)
	}
	s.Close('}')
}

// writeMerged writes schemas that hold together, and the choices of a root, as one object with
// the properties of all. Those of anything else than objects are a choice of them.
func (s *schemaWriter) writeMerged(n *canonical.Schema, depth int) {
	o, ok := s.refs.Merge(n.Whole)
	if !ok {
		if s.object && depth == 0 || n.AllOf.Kind() != '[' {
			s.lost = true
			return
		}
		s.Open('{')
		s.writeList("anyOf", n.AllOf, depth)
		s.MemberValue("title", n.Title)
		s.MemberValue("description", n.Description)
		s.Close('}')
		return
	}
	s.Open('{')
	s.MemberLiteral("type", `"object"`)
	s.Name("properties")
	s.Open('{')
	for _, p := range o.Properties {
		s.Key(p.Key)
		if len(p.Schemas) == 1 {
			s.write(p.Schemas[0], depth+1)
			continue
		}
		s.Raw(`{"anyOf":[`)
		for _, v := range p.Schemas {
			s.write(v, depth+1)
		}
		s.Raw("]}")
	}
	s.Close('}')
	s.writeRequired(o.Required)
	s.MemberValue("title", n.Title)
	canonical.WriteDescription(s.Writer, n.Description, n.ChoiceNotes())
	s.Close('}')
}

func (s *schemaWriter) writeRequired(required [][]byte) {
	if len(required) == 0 {
		return
	}
	s.Name("required")
	s.Open('[')
	for _, name := range required {
		s.Text(name)
	}
	s.Close(']')
}
