package canonical

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"
)

// Schema is a JSON schema with its members; nil when absent.
type Schema struct {
	Whole                            Value
	Ref, Defs, Definitions           Value
	Type, Enum, Const, Format        Value
	AnyOf, OneOf, AllOf              Value
	Properties, Required, Additional Value
	Items, PrefixItems, MinItems     Value
	Title, Description, Nullable     Value
	// Notes are the members without a field. A dialect that can't express a member adds it
	// here, to be written into the description.
	Notes []Member
}

// ReadSchema reads the members of a schema.
func ReadSchema(v Value) (s Schema) {
	s.Whole = v
	for key, member := range v.Members {
		if field := s.field(string(key)); field != nil {
			*field = member
		} else if !meaningless(key) {
			s.Note(string(key), member)
		}
	}
	return s
}

func (s *Schema) field(key string) *Value {
	switch key {
	case "$ref":
		return &s.Ref
	case "$defs":
		return &s.Defs
	case "definitions":
		return &s.Definitions
	case "type":
		return &s.Type
	case "enum":
		return &s.Enum
	case "const":
		return &s.Const
	case "format":
		return &s.Format
	case "anyOf":
		return &s.AnyOf
	case "oneOf":
		return &s.OneOf
	case "allOf":
		return &s.AllOf
	case "properties":
		return &s.Properties
	case "required":
		return &s.Required
	case "additionalProperties":
		return &s.Additional
	case "items":
		return &s.Items
	case "prefixItems":
		return &s.PrefixItems
	case "minItems":
		return &s.MinItems
	case "title":
		return &s.Title
	case "description":
		return &s.Description
	case "nullable":
		return &s.Nullable
	}
	return nil
}

// meaningless reports whether a keyword is of no use to a model.
func meaningless(key []byte) bool {
	switch string(key) {
	case "$schema", "$id", "id", "$comment", "$anchor", "$vocabulary", "discriminator", "strict", "deprecated", "readOnly", "writeOnly":
		return true
	}
	return bytes.HasPrefix(key, []byte("x-"))
}

// Note adds a member to the notes, unless it is null.
func (s *Schema) Note(key string, v Value) {
	if !v.Null() {
		s.Notes = append(s.Notes, Member{Key: []byte(key), Value: v})
	}
}

// Combines reports whether a schema is made of others.
func (s *Schema) Combines() bool {
	return s.AnyOf.Kind() == '[' || s.OneOf.Kind() == '[' || s.AllOf.Kind() == '['
}

// ChoiceNotes returns a schema's choices as notes.
func (s *Schema) ChoiceNotes() (notes []Member) {
	for _, choice := range [...]Member{{[]byte("anyOf"), s.AnyOf}, {[]byte("oneOf"), s.OneOf}} {
		if Filled(choice.Value) {
			notes = append(notes, choice)
		}
	}
	return notes
}

// WriteDescription writes a description and behind it the notes, as in
// {minimum: 1, maximum: 10}. Providers' own libraries describe in this form what a schema
// can't express.
func WriteDescription(w *Writer, description Value, notes []Member) {
	text := Inside(description)
	if len(text) == 0 && len(notes) == 0 {
		return
	}
	w.Name("description")
	w.Byte('"')
	w.B = append(w.B, text...)
	for i, note := range notes {
		switch {
		case i > 0:
			w.Raw(", ")
		case len(text) > 0:
			w.Raw(`\n\n{`)
		default:
			w.Byte('{')
		}
		w.B = append(penstock.AppendInside(w.B, note.Key), ": "...)
		if raw, ok := note.Value.Inside(); ok {
			w.B = append(w.B, raw...)
		} else {
			w.B = penstock.AppendInside(w.B, note.Value)
		}
	}
	if len(notes) > 0 {
		w.Byte('}')
	}
	w.Byte('"')
}
