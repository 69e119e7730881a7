package wire

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// WhyNotJSON says why the text of an answer is not the JSON that its request asks for; empty
// when it is, or when the request asks for none. Of a schema it checks type, enum, const,
// required, properties, additionalProperties: false, items and anyOf; what else a schema
// demands counts as met.
func (d *Dialects) WhyNotJSON(ctx context.Context, req *llm.Request, text string) string {
	if req.Facts.Features&(llm.JSONObject|llm.JSONSchema) == 0 && cmp.Or(req.Form, llm.OpenAI) != llm.Gemini {
		return "" // only that form can ask for it by a type of media
	}
	canonical, err := inCanonical(ctx, req)
	if err != nil {
		return ""
	}
	format, _ := decodeObject(canonical.Body)["response_format"].(object)
	kind, _ := format["type"].(string)
	if kind != "json_object" && kind != "json_schema" {
		return ""
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if !json.Valid([]byte(text)) || dec.Decode(&v) != nil {
		return "it is not JSON"
	}
	wrapped, _ := format["json_schema"].(object)
	if schema, ok := wrapped["schema"].(object); ok {
		return mismatch(schema, v, "", 0)
	}
	if _, ok := v.(object); !ok {
		return "it is not a JSON object"
	}
	return ""
}

// maxSchemaDepth bounds how deep a schema is followed; what is deeper counts as met.
const maxSchemaDepth = 64

// mismatch says at which place a value does not fit a schema, and why; empty when it fits.
func mismatch(schema object, v any, at string, depth int) string {
	if depth > maxSchemaDepth {
		return ""
	}
	if !fitsType(schema["type"], v) {
		return fmt.Sprintf("%s is not of type %v", cmp.Or(at, "it"), schema["type"])
	}
	if list, ok := schema["enum"].([]any); ok && !slices.ContainsFunc(list, func(one any) bool { return reflect.DeepEqual(one, v) }) {
		return cmp.Or(at, "it") + " is none of the schema's values"
	}
	if one, ok := schema["const"]; ok && !reflect.DeepEqual(one, v) {
		return cmp.Or(at, "it") + " is not the schema's value"
	}
	if any := objectsOf(schema["anyOf"]); len(any) > 0 && !slices.ContainsFunc(any, func(one object) bool { return mismatch(one, v, at, depth+1) == "" }) {
		return cmp.Or(at, "it") + " fits none of the schema's choices"
	}
	switch v := v.(type) {
	case object:
		return objectMismatch(schema, v, at, depth)
	case []any:
		items, _ := schema["items"].(object)
		for i, item := range v {
			if why := mismatch(items, item, fmt.Sprintf("%s[%d]", at, i), depth+1); why != "" {
				return why
			}
		}
	}
	return ""
}

func objectMismatch(schema, v object, at string, depth int) string {
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if name, ok := name.(string); ok {
			if _, has := v[name]; !has {
				return member(at, name) + " is missing"
			}
		}
	}
	properties, _ := schema["properties"].(object)
	for name, value := range v {
		sub, known := properties[name].(object)
		if !known && schema["additionalProperties"] == false {
			return member(at, name) + " is not in the schema"
		}
		if why := mismatch(sub, value, member(at, name), depth+1); why != "" {
			return why
		}
	}
	return ""
}

func member(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// fitsType reports whether a value has one of a schema's types, which are a name or a list of
// names. Gemini's are in upper case.
func fitsType(types, v any) bool {
	switch types := types.(type) {
	case string:
		return isType(strings.ToLower(types), v)
	case []any:
		return slices.ContainsFunc(types, func(one any) bool { return fitsType(one, v) })
	}
	return true
}

func isType(name string, v any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case json.Number:
		return name == "number" || name == "integer" && isWhole(v)
	case []any:
		return name == "array"
	case object:
		return name == "object"
	}
	return false
}

// isWhole reports whether a number has no fraction: 1.0 and 1e2 have none.
func isWhole(n json.Number) bool {
	if !strings.ContainsAny(string(n), ".eE") {
		return true
	}
	f, err := n.Float64()
	return err == nil && f == float64(int64(f))
}
