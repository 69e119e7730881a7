package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// checkInput checks an input against the published schema and returns what a gateway would
// never send, each with its position. Missing members are no fault where complete adds
// them.
func checkInput(n *node, schema any) (faults []textFault) {
	c := inputCheck{}
	root, _ := schema.(map[string]any)
	c.value("input", n, root)
	return c.faults
}

type inputCheck struct{ faults []textFault }

func (c *inputCheck) fault(n *node, format string, args ...any) {
	c.faults = append(c.faults, textFault{n.at, fmt.Sprintf(format, args...)})
}

// value checks the keywords that the schema uses.
func (c *inputCheck) value(path string, n *node, schema map[string]any) {
	want, _ := schema["type"].(string)
	if have := typeOf(n.value); have != want && !(want == "number" && have == "integer") {
		c.fault(n, "%s: must be %s, not %s", path, article(want), article(have))
		return
	}
	switch v := n.value.(type) {
	case map[string]*node:
		c.object(path, n, v, schema)
	case []*node:
		items, _ := schema["items"].(map[string]any)
		for i, element := range v {
			c.value(fmt.Sprintf("%s[%d]", path, i), element, items)
		}
	case string:
		if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, any(v)) {
			c.fault(n, "%s: must be one of %v, not %q", path, enum, v)
		}
	case json.Number:
		c.number(path, n, v, schema)
	}
}

func (c *inputCheck) object(path string, n *node, members map[string]*node, schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	others, open := schema["additionalProperties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		at := path + "." + name
		switch known, ok := properties[name].(map[string]any); {
		case ok:
			c.value(at, members[name], known)
		case open:
			c.value(at, members[name], others)
		default:
			c.fault(members[name], "%s: unknown; %s", at, suggestion(name, slices.Sorted(maps.Keys(properties))))
		}
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if members[name.(string)] == nil && !slices.Contains(completed, path) {
			c.fault(n, "%s.%s: missing", path, name)
		}
	}
}

func (c *inputCheck) number(path string, n *node, v json.Number, schema map[string]any) {
	f, err := v.Float64()
	least, bounded := bound(schema, "minimum")
	if err != nil || bounded && f < least {
		c.fault(n, "%s: must be at least %v, not %s", path, least, v)
	}
	if most, ok := bound(schema, "maximum"); ok && f > most {
		c.fault(n, "%s: must be at most %v, not %s", path, most, v)
	}
	if only, ok := bound(schema, "const"); ok && f != only {
		c.fault(n, "%s: must be %v, not %s", path, only, v)
	}
}

func bound(schema map[string]any, keyword string) (float64, bool) {
	number, ok := schema[keyword].(json.Number)
	if !ok {
		return 0, false
	}
	f, err := number.Float64()
	return f, err == nil
}

func suggestion(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "known are " + strings.Join(known, ", ")
}

// typeOf returns a value's type in JSON Schema.
func typeOf(v any) string {
	switch v := v.(type) {
	case map[string]*node:
		return "object"
	case []*node:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		if _, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return "integer"
		}
		return "number"
	}
	return "null"
}

func article(name string) string {
	switch name {
	case "null":
		return name
	case "object", "array", "integer":
		return "an " + name
	}
	return "a " + name
}
