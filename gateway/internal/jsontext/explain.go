package jsontext

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Explain says in words for users what encoding/json has found wrong in a text, without the names
// of Go's types; any other error as it is. It has no full stop.
func Explain(err error) string {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrong):
		return fmt.Sprintf("%s must be %s, not %s", nameOf(wrong), kindOf(wrong), article(wrong.Value))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && strings.HasPrefix(syntax.Error(), "unexpected end"):
		return "the JSON ends too early"
	case errors.Is(err, io.EOF):
		return "it is empty"
	case syntax != nil:
		return fmt.Sprintf("it is not JSON: %s, at byte %d", syntax, syntax.Offset)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// nameOf is the path of the value in question.
func nameOf(wrong *json.UnmarshalTypeError) string {
	if wrong.Field == "" {
		return "it"
	}
	return wrong.Field
}

// kindOf is what the value must be, in JSON's words.
func kindOf(wrong *json.UnmarshalTypeError) string {
	t := wrong.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

// article puts encoding/json's word for what it has found, such as "string" or "number 1.5",
// into a sentence.
func article(found string) string {
	switch found {
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "number":
		return "a number"
	}
	return "the " + found
}
