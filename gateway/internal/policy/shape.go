package policy

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// shape describes a JSON value. The input and the decision are declared as shapes in Go, and
// their published schemas are written from these.
type shape struct {
	// about is the description.
	about string
	// kind is a type of JSON Schema.
	kind string
	// members are those of an object with no others, in their order; rest is the shape of an
	// object's members of any name.
	members []memberShape
	rest    *shape
	// items are those of an array.
	items *shape
	enum  []string
	// least and most bound a number; only is the one number that it may be.
	least, most, only *int64
	// longest is the most bytes of a string, count the most items or members; 0 is no bound.
	longest, count int
}

type memberShape struct {
	name     string
	required bool
	shape    shape
}

func objectShape(about string, members ...memberShape) shape {
	return shape{about: about, kind: "object", members: members}
}

func required(name string, s shape) memberShape { return memberShape{name, true, s} }
func optional(name string, s shape) memberShape { return memberShape{name, false, s} }

// tableShape is an object with members of any name.
func tableShape(about string, rest shape) shape {
	return shape{about: about, kind: "object", rest: &rest}
}

func listShape(about string, items shape) shape {
	return shape{about: about, kind: "array", items: &items}
}

func textShape(about string) shape    { return shape{about: about, kind: "string"} }
func integerShape(about string) shape { return shape{about: about, kind: "integer"} }
func numberShape(about string) shape  { return shape{about: about, kind: "number"} }
func booleanShape(about string) shape { return shape{about: about, kind: "boolean"} }

func oneOfShape[S ~string](about string, known ...S) shape {
	s := textShape(about)
	for _, k := range known {
		s.enum = append(s.enum, string(k))
	}
	return s
}

// from and upTo bound a number.
func (s shape) from(n int64) shape { s.least = &n; return s }
func (s shape) upTo(n int64) shape { s.most = &n; return s }

// is allows one number only.
func (s shape) is(n int64) shape { s.only = &n; return s }

// within bounds a string, in bytes, and atMost a list or table.
func (s shape) within(n int) shape { s.longest = n; return s }
func (s shape) atMost(n int) shape { s.count = n; return s }

// member returns the shape of a member; false when the object has none of that name.
func (s *shape) member(name string) (*shape, bool) {
	for i := range s.members {
		if s.members[i].name == name {
			return &s.members[i].shape, true
		}
	}
	return s.rest, s.rest != nil
}

// names are those of the members.
func (s *shape) names() []string {
	names := make([]string, len(s.members))
	for i := range s.members {
		names[i] = s.members[i].name
	}
	return names
}

// document is a shape that is published.
type document struct {
	id, title string
	shape
}

// InputSchema returns the JSON Schema (draft 7) of the input.
func InputSchema() []byte { return inputDocument().schema() }

// DecisionSchema returns the JSON Schema (draft 7) of the decision. A Rego set stands for a
// list.
func DecisionSchema() []byte { return decisionDocument().schema() }

func (d document) schema() []byte {
	var w schemaWriter
	w.open('{')
	w.keyword("$schema", "http://json-schema.org/draft-07/schema#")
	w.keyword("$id", d.id)
	w.keyword("title", d.title)
	w.keywords(&d.shape)
	w.close('}')
	return append(w.Bytes(), '\n')
}

// schemaWriter writes what has members of its own over several lines, and the rest in one.
type schemaWriter struct {
	bytes.Buffer
	indent int
	// inline says that no lines are broken; first that the next item is an object's first.
	inline, first bool
}

func (w *schemaWriter) open(bracket byte) {
	w.WriteByte(bracket)
	w.indent++
	w.first = true
}

func (w *schemaWriter) close(bracket byte) {
	w.indent--
	if !w.inline {
		w.WriteString("\n" + strings.Repeat("  ", w.indent))
	}
	w.WriteByte(bracket)
	w.first = false
}

// name begins a member.
func (w *schemaWriter) name(name string) {
	switch {
	case !w.first && w.inline:
		w.WriteString(", ")
	case !w.first:
		w.WriteByte(',')
	}
	if !w.inline {
		w.WriteString("\n" + strings.Repeat("  ", w.indent))
	}
	w.first = false
	w.WriteString(strconv.Quote(name) + ": ")
}

func (w *schemaWriter) keyword(name string, v any) {
	w.name(name)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // texts, numbers and lists of texts always encode
	w.WriteString(strings.ReplaceAll(strings.TrimSpace(b.String()), `","`, `", "`))
}

func (w *schemaWriter) keywords(s *shape) {
	if s.about != "" {
		w.keyword("description", s.about)
	}
	w.keyword("type", s.kind)
	w.bounds(s)
	switch {
	case s.members != nil:
		w.membersOf(s)
	case s.rest != nil:
		w.nested("additionalProperties", s.rest)
	case s.items != nil:
		w.nested("items", s.items)
	}
}

func (w *schemaWriter) bounds(s *shape) {
	if s.enum != nil {
		w.keyword("enum", s.enum)
	}
	for _, b := range [...]struct {
		name string
		n    *int64
	}{{"const", s.only}, {"minimum", s.least}, {"maximum", s.most}} {
		if b.n != nil {
			w.keyword(b.name, *b.n)
		}
	}
	if s.longest > 0 {
		w.keyword("maxLength", s.longest)
	}
	if s.count > 0 {
		w.keyword(map[string]string{"array": "maxItems", "object": "maxProperties"}[s.kind], s.count)
	}
}

func (w *schemaWriter) membersOf(s *shape) {
	w.keyword("additionalProperties", false)
	var needed []string
	for _, m := range s.members {
		if m.required {
			needed = append(needed, m.name)
		}
	}
	if needed != nil {
		w.keyword("required", needed)
	}
	w.name("properties")
	w.open('{')
	for i := range s.members {
		w.nested(s.members[i].name, &s.members[i].shape)
	}
	w.close('}')
}

func (w *schemaWriter) nested(name string, s *shape) {
	w.name(name)
	outer := w.inline
	w.inline = outer || s.height() < 2
	w.open('{')
	w.keywords(s)
	w.close('}')
	w.inline = outer
}

// height is how many shapes are nested in a shape. What has members of fixed names is high.
func (s *shape) height() int {
	switch {
	case s.members != nil:
		return 2
	case s.rest != nil:
		return 1 + s.rest.height()
	case s.items != nil:
		return 1 + s.items.height()
	}
	return 0
}
