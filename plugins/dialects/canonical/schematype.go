package canonical

import "bytes"

// Types is a set of JSON Schema's types.
type Types uint8

// The types.
const (
	ObjectType Types = 1 << iota
	ArrayType
	StringType
	NumberType
	IntegerType
	BooleanType
	NullType
)

var typeNames = [...]string{"object", "array", "string", "number", "integer", "boolean", "null"}

func typeOf(name []byte) Types {
	for i := range typeNames {
		if string(name) == typeNames[i] {
			return 1 << i
		}
	}
	return 0
}

// Write writes the member "type".
func (t Types) Write(w *Writer) {
	w.Name("type")
	one := t&(t-1) == 0
	if !one {
		w.Open('[')
	}
	for i := range typeNames {
		if t&(1<<i) != 0 {
			w.Literal(`"` + typeNames[i] + `"`)
		}
	}
	if !one {
		w.Close(']')
	}
}

// typeOfValue is the type of a value in an enum.
func typeOfValue(v Value) Types {
	switch v.Kind() {
	case '{':
		return ObjectType
	case '[':
		return ArrayType
	case '"':
		return StringType
	case 't', 'f':
		return BooleanType
	case 'n':
		return NullType
	}
	if _, whole := v.Whole(); whole {
		return IntegerType
	}
	if bytes.ContainsAny(v, "0123456789") {
		return NumberType
	}
	return 0
}

// Types is what the schema allows, by its type or by implication; 0 for anything at all.
func (s *Schema) Types() (t Types) {
	t = typeOf(Text(s.Type))
	for v := range s.Type.Items {
		t |= typeOf(Text(v))
	}
	if t == 0 {
		t = s.implied()
	}
	if s.Nullable.Kind() == 't' && t != 0 {
		t |= NullType
	}
	return t
}

// implied is the type of a schema without the member "type".
func (s *Schema) implied() (t Types) {
	switch {
	case s.Properties.Kind() == '{':
		return ObjectType
	case s.Items.Kind() == '{', s.PrefixItems.Kind() == '[':
		return ArrayType
	case s.Const != nil:
		return typeOfValue(s.Const)
	case s.Format.Kind() == '"':
		return StringType
	}
	for v := range s.Enum.Items {
		t |= typeOfValue(v)
	}
	if t&NumberType != 0 {
		t &^= IntegerType
	}
	for _, note := range s.Notes {
		switch string(note.Key) {
		case "minLength", "maxLength", "pattern":
			return t | StringType
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf":
			return t | NumberType
		}
	}
	return t
}
