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
