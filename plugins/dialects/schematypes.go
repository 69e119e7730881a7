package dialects

import "bytes"

// types is a set of JSON Schema's types.
type types uint8

const (
	objectType types = 1 << iota
	arrayType
	stringType
	numberType
	integerType
	booleanType
	nullType
)

var typeNames = [...]string{"object", "array", "string", "number", "integer", "boolean", "null"}

func typeOf(name []byte) types {
	for i := range typeNames {
		if string(name) == typeNames[i] {
			return 1 << i
		}
	}
	return 0
}

func (t types) write(w *writer) {
	w.name("type")
	one := t&(t-1) == 0
	if !one {
		w.open('[')
	}
	for i := range typeNames {
		if t&(1<<i) != 0 {
			w.literal(`"` + typeNames[i] + `"`)
		}
	}
	if !one {
		w.close(']')
	}
}

// typeOfValue is the type of a value in an enum.
func typeOfValue(v value) types {
	switch v.Kind() {
	case '{':
		return objectType
	case '[':
		return arrayType
	case '"':
		return stringType
	case 't', 'f':
		return booleanType
	case 'n':
		return nullType
	}
	if _, whole := v.Whole(); whole {
		return integerType
	}
	if bytes.ContainsAny(v, "0123456789") {
		return numberType
	}
	return 0
}
