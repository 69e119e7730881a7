package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeSchemaOf writes the one of two schemas that is there: Google's own form, a part of
// OpenAPI's, or JSON Schema, which passes as it is.
func (a *accepted) writeSchemaOf(own, plain canonical.Value, ownPath, plainPath string) error {
	if plain.Null() {
		return a.writeClientSchema(own, ownPath, 0)
	}
	if plain.Kind() != '{' {
		return canonical.Reject(plainPath, "must be an object")
	}
	a.Value(plain)
	return nil
}

// clientSchema is a schema in Google's form with the members that JSON Schema has not, or has
// otherwise; nil when absent.
type clientSchema struct {
	kind, nullable, enum, anyOf canonical.Value
}

// writeClientSchema writes a schema of Google's form as JSON Schema: types in lower case, a
// nullable one as a choice with null, counts as numbers. Google documents it at
// https://ai.google.dev/api/caching#Schema.
func (a *accepted) writeClientSchema(v canonical.Value, path string, depth int) error {
	switch {
	case v.Kind() != '{':
		return canonical.Reject(path, "must be an object")
	case depth > maxSchemaDepth:
		return canonical.Reject(path, "is nested too deep")
	}
	var s clientSchema
	a.Open('{')
	for key, member := range v.Members {
		if member.Null() {
			continue
		}
		switch name := string(camel(key)); name {
		case "type":
			s.kind = member
		case "nullable":
			s.nullable = member
		case "enum":
			s.enum = member
		case "anyOf":
			s.anyOf = member
		case "propertyOrdering":
		default:
			if err := a.writeSchemaMember(name, member, path, depth); err != nil {
				return err
			}
		}
	}
	if err := a.writeType(&s, path); err != nil {
		return err
	}
	if err := a.writeChoices(&s, path, depth); err != nil {
		return err
	}
	a.Close('}')
	return nil
}

// writeSchemaMember writes a member that stands for itself.
func (a *accepted) writeSchemaMember(name string, v canonical.Value, path string, depth int) error {
	switch name {
	case "properties", "defs", "$defs":
		if v.Kind() != '{' {
			return canonical.Reject(path+"."+name, "must be an object")
		}
		if name == "defs" {
			name = "$defs"
		}
		a.Name(name)
		a.Open('{')
		for property, schema := range v.Members {
			a.Key(property)
			if err := a.writeClientSchema(schema, path+"."+name+"."+string(property), depth+1); err != nil {
				return err
			}
		}
		a.Close('}')
		return nil
	case "items":
		a.Name(name)
		return a.writeClientSchema(v, path+".items", depth+1)
	case "additionalProperties":
		if v.Kind() == '{' {
			a.Name(name)
			return a.writeClientSchema(v, path+"."+name, depth+1)
		}
	case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
		if text := canonical.Text(v); canonical.Valid(text) { // as protocol buffers write a number of 64 bits
			v = text
		}
		n, ok := v.Whole()
		if !ok {
			return canonical.Reject(path+"."+name, "must be a whole number")
		}
		a.MemberInt(name, n)
		return nil
	case "format":
		switch string(canonical.Text(v)) { // what the type says already
		case "enum", "int32", "int64", "float", "double":
			return nil
		}
	case "example":
		a.Name("examples")
		a.Open('[')
		a.Value(v)
		a.Close(']')
		return nil
	case "ref":
		a.MemberValue("$ref", v)
		return nil
	}
	a.Key([]byte(name))
	a.Value(v)
	return nil
}

// schemaTypes are Google's types in the order of their numbers, which older clients send.
var schemaTypes = [...]string{"", "string", "number", "integer", "boolean", "array", "object", "null"}

// typeWord is a type in JSON Schema's word; false for one that does not exist. It is empty for
// none in particular.
func typeWord(v canonical.Value) (string, bool) {
	word := string(bytes.ToLower(canonical.Text(v)))
	n, whole := v.Whole()
	if word == "type_unspecified" {
		return "", true
	}
	for i, known := range schemaTypes {
		if word == known && i > 0 || v.Kind() == '0' && whole && n == int64(i) {
			return known, true
		}
	}
	return "", false
}

// writeType writes the type and the words that a value may be.
func (a *accepted) writeType(s *clientSchema, path string) error {
	var words []string
	add := func(v canonical.Value) bool {
		word, ok := typeWord(v)
		if ok && word != "" {
			words = append(words, word)
		}
		return ok
	}
	good := true
	if s.kind.Kind() == '[' {
		for v := range s.kind.Items {
			good = add(v) && good
		}
	} else if s.kind != nil {
		good = add(s.kind)
	}
	if !good {
		return canonical.Reject(path+".type", "must be STRING, NUMBER, INTEGER, BOOLEAN, ARRAY, OBJECT or NULL")
	}
	nullable := s.nullable.Kind() == 't'
	numeric := len(words) == 1 && (words[0] == "integer" || words[0] == "number")
	if nullable && len(words) > 0 {
		words = append(words, "null")
	}
	switch len(words) {
	case 0:
	case 1:
		a.MemberText("type", []byte(words[0]))
	default:
		a.Name("type")
		a.Open('[')
		for _, word := range words {
			a.Text([]byte(word))
		}
		a.Close(']')
	}
	return a.writeEnum(s.enum, numeric, nullable && len(words) > 0, path)
}

// writeEnum writes the values to choose from, which Google has as texts.
func (a *accepted) writeEnum(enum canonical.Value, numeric, nullable bool, path string) error {
	switch {
	case enum == nil:
		return nil
	case enum.Kind() != '[':
		return canonical.Reject(path+".enum", "must be an array")
	}
	a.Name("enum")
	a.Open('[')
	for v := range enum.Items {
		if number := canonical.Value(canonical.Text(v)); numeric && number.Kind() == '0' && canonical.Valid(number) {
			v = number
		}
		a.Value(v)
	}
	if nullable {
		a.Literal("null")
	}
	a.Close(']')
	return nil
}

// writeChoices writes the schemas to choose from.
func (a *accepted) writeChoices(s *clientSchema, path string, depth int) error {
	switch {
	case s.anyOf == nil:
		return nil
	case s.anyOf.Kind() != '[':
		return canonical.Reject(path+".anyOf", "must be an array")
	}
	a.Name("anyOf")
	a.Open('[')
	i := 0
	for v := range s.anyOf.Items {
		if err := a.writeClientSchema(v, canonical.At(path+".anyOf", i), depth+1); err != nil {
			return err
		}
		i++
	}
	if s.nullable.Kind() == 't' && s.kind == nil {
		a.Literal(`{"type":"null"}`)
	}
	a.Close(']')
	return nil
}
