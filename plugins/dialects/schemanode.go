package dialects

import "bytes"

// schemaNode is a schema with its members; nil when absent.
type schemaNode struct {
	whole                            value
	ref, defs, definitions           value
	typ, enum, constant, format      value
	anyOf, oneOf, allOf              value
	properties, required, additional value
	items, prefixItems, minItems     value
	title, description, nullable     value
	// notes are what has to be said in words.
	notes []other
}

func readSchema(v value) (n schemaNode) {
	n.whole = v
	for key, member := range v.Members {
		if field := n.field(string(key)); field != nil {
			*field = member
		} else if !silentKeyword(key) {
			n.note(string(key), member)
		}
	}
	return n
}

func (n *schemaNode) field(key string) *value {
	switch key {
	case "$ref":
		return &n.ref
	case "$defs":
		return &n.defs
	case "definitions":
		return &n.definitions
	case "type":
		return &n.typ
	case "enum":
		return &n.enum
	case "const":
		return &n.constant
	case "format":
		return &n.format
	case "anyOf":
		return &n.anyOf
	case "oneOf":
		return &n.oneOf
	case "allOf":
		return &n.allOf
	case "properties":
		return &n.properties
	case "required":
		return &n.required
	case "additionalProperties":
		return &n.additional
	case "items":
		return &n.items
	case "prefixItems":
		return &n.prefixItems
	case "minItems":
		return &n.minItems
	case "title":
		return &n.title
	case "description":
		return &n.description
	case "nullable":
		return &n.nullable
	}
	return nil
}

// silentKeyword reports whether a keyword tells a model nothing.
func silentKeyword(key []byte) bool {
	switch string(key) {
	case "$schema", "$id", "id", "$comment", "$anchor", "$vocabulary", "discriminator", "strict", "deprecated", "readOnly", "writeOnly":
		return true
	}
	return bytes.HasPrefix(key, []byte("x-"))
}

// note remembers a member that has to be said in words.
func (n *schemaNode) note(key string, v value) {
	if !v.Null() {
		n.notes = append(n.notes, other{key: []byte(key), value: v})
	}
}

// types is what the schema allows, said or implied; 0 for anything at all.
func (n *schemaNode) types() (t types) {
	t = typeOf(text(n.typ))
	for v := range n.typ.Items {
		t |= typeOf(text(v))
	}
	if t == 0 {
		t = n.implied()
	}
	if n.nullable.Kind() == 't' && t != 0 {
		t |= nullType
	}
	return t
}

// implied is the type of a schema that does not say it.
func (n *schemaNode) implied() (t types) {
	switch {
	case n.properties.Kind() == '{':
		return objectType
	case n.items.Kind() == '{', n.prefixItems.Kind() == '[':
		return arrayType
	case n.constant != nil:
		return typeOfValue(n.constant)
	case n.format.Kind() == '"':
		return stringType
	}
	for v := range n.enum.Items {
		t |= typeOfValue(v)
	}
	if t&numberType != 0 {
		t &^= integerType
	}
	for _, note := range n.notes {
		switch string(note.key) {
		case "minLength", "maxLength", "pattern":
			return t | stringType
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf":
			return t | numberType
		}
	}
	return t
}

// schemas finds its way in a schema by its references.
type schemas struct{ root value }

// definition reports whether a reference names one of the schema's own definitions.
func (s *schemas) definition(ref []byte) bool {
	for _, place := range [...]string{"#/$defs/", "#/definitions/"} {
		if name, ok := bytes.CutPrefix(ref, []byte(place)); ok {
			return bytes.IndexByte(name, '/') < 0
		}
	}
	return false
}

// resolve is what a reference within the schema points to; nil when there is no such
// thing.
func (s *schemas) resolve(ref []byte) value {
	path, ok := bytes.CutPrefix(ref, []byte("#"))
	if !ok {
		return nil
	}
	v := s.root
	for len(path) > 0 {
		if path, ok = bytes.CutPrefix(path, []byte("/")); !ok {
			return nil
		}
		var step []byte
		if i := bytes.IndexByte(path, '/'); i >= 0 {
			step, path = path[:i], path[i:]
		} else {
			step, path = path, nil
		}
		v = child(v, unescapePointer(step))
	}
	return v
}

// child is a member of an object, or an element of a list by its number.
func child(v value, step []byte) value {
	if v.Kind() == '{' {
		return v.Member(string(step))
	}
	i, rest := smallIndex(step)
	if len(rest) > 0 || len(step) == 0 {
		return nil
	}
	n := int64(0)
	for item := range v.Items {
		if n == i {
			return item
		}
		n++
	}
	return nil
}

func unescapePointer(step []byte) []byte {
	if bytes.IndexByte(step, '~') < 0 {
		return step
	}
	step = bytes.ReplaceAll(step, []byte("~1"), []byte("/"))
	return bytes.ReplaceAll(step, []byte("~0"), []byte("~"))
}

// recursive reports whether the schema refers to itself, or to what is not in it.
func (s *schemas) recursive() bool { return s.loops(s.root, map[string]bool{}, 0) }

// loops walks through a schema; seen holds the references on the way, true, and those
// known to be good, false.
func (s *schemas) loops(v value, seen map[string]bool, depth int) bool {
	if depth > 4*maxSchemaDepth {
		return true
	}
	for item := range v.Items {
		if s.loops(item, seen, depth+1) {
			return true
		}
	}
	for key, member := range v.Members {
		ref := text(member)
		if string(key) != "$ref" || ref == nil {
			if s.loops(member, seen, depth+1) {
				return true
			}
			continue
		}
		if s.loopsAt(ref, seen, depth) {
			return true
		}
	}
	return false
}

func (s *schemas) loopsAt(ref []byte, seen map[string]bool, depth int) bool {
	name := string(ref)
	if open, known := seen[name]; known {
		return open
	}
	target := s.resolve(ref)
	if target.Kind() != '{' {
		return true
	}
	seen[name] = true
	defer func() { seen[name] = false }()
	return s.loops(target, seen, depth+1)
}

// shape is an object whose schema is put together from several.
type shape struct {
	properties []property
	required   [][]byte
}

// property is a property with its schemas, of which any may hold.
type property struct {
	key     []byte
	schemas []value
}

// maxShapeDepth bounds how deep choices stand within each other.
const maxShapeDepth = 8

// gather adds what a schema says of an object: all of allOf, and of a choice every
// property, of which those are required that each branch requires. It reports false for
// what is no object.
func (s *schemas) gather(o *shape, v value, depth int) bool {
	n := readSchema(v)
	if ref := text(n.ref); ref != nil {
		n = readSchema(s.resolve(ref))
	}
	if t := n.types(); depth > maxShapeDepth || t != 0 && t&objectType == 0 {
		return false
	}
	for key, p := range n.properties.Members {
		o.add(key, p)
	}
	for name := range n.required.Items {
		o.require(text(name))
	}
	for part := range n.allOf.Items {
		if !s.gather(o, part, depth+1) {
			return false
		}
	}
	return s.gatherChoice(o, n.anyOf, depth) && s.gatherChoice(o, n.oneOf, depth)
}

func (s *schemas) gatherChoice(o *shape, list value, depth int) bool {
	var common [][]byte
	first := true
	for branch := range list.Items {
		if string(text(branch.Member("type"))) == "null" {
			continue
		}
		var one shape
		if !s.gather(&one, branch, depth+1) {
			return false
		}
		for _, p := range one.properties {
			for _, v := range p.schemas {
				o.add(p.key, v)
			}
		}
		if first {
			common, first = one.required, false
		} else {
			common = intersection(common, one.required)
		}
	}
	for _, name := range common {
		o.require(name)
	}
	return true
}

func (o *shape) add(key []byte, v value) {
	for i := range o.properties {
		p := &o.properties[i]
		if !bytes.Equal(p.key, key) {
			continue
		}
		for _, had := range p.schemas {
			if bytes.Equal(had, v) {
				return
			}
		}
		p.schemas = append(p.schemas, v)
		return
	}
	o.properties = append(o.properties, property{key: key, schemas: []value{v}})
}

func (o *shape) require(name []byte) {
	if name != nil && !contains(o.required, name) {
		o.required = append(o.required, name)
	}
}

func contains(names [][]byte, name []byte) bool {
	for _, n := range names {
		if bytes.Equal(n, name) {
			return true
		}
	}
	return false
}

func intersection(a, b [][]byte) (both [][]byte) {
	for _, name := range a {
		if contains(b, name) {
			both = append(both, name)
		}
	}
	return both
}
