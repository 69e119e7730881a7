package demo

import (
	"encoding/json"
	"strings"
)

// example returns a small JSON value that is valid under a JSON schema. It supports types,
// enum, const, default, required, items with minItems, anyOf, oneOf, allOf and local
// references, lengths and bounds. An invalid schema gives an empty object.
func example(schema json.RawMessage) string {
	var root any
	if len(schema) == 0 || json.Unmarshal(schema, &root) != nil {
		return "{}"
	}
	g := &generator{root: root, budget: maxNodes}
	b, err := json.Marshal(g.value(root, 0))
	if err != nil { // a decoded schema always encodes
		return "{}"
	}
	return string(b)
}

// Bounds of an example, so that no schema makes it grow without end.
const (
	maxNodes = 1000
	maxDepth = 24
	maxItems = 8
	maxText  = 256 // bytes
)

// generator makes one example.
type generator struct {
	root   any
	budget int
}

// value returns an example of one schema; null beyond the bounds.
func (g *generator) value(schema any, depth int) any {
	g.budget--
	m, ok := schema.(map[string]any)
	if g.budget < 0 || depth > maxDepth {
		return nil
	}
	if !ok {
		return map[string]any{} // true and false are schemas too
	}
	if v, ok := given(m); ok {
		return v
	}
	if ref, ok := m["$ref"].(string); ok {
		return g.value(g.resolve(ref), depth+1)
	}
	for _, choice := range [...]string{"anyOf", "oneOf"} {
		if list, ok := m[choice].([]any); ok && len(list) > 0 {
			return g.value(list[0], depth+1)
		}
	}
	if list, ok := m["allOf"].([]any); ok && len(list) > 0 {
		return g.value(merged(m, list), depth+1)
	}
	return g.typed(m, depth)
}

// given returns a value that the schema contains: const, enum or default.
func given(m map[string]any) (any, bool) {
	if v, ok := m["const"]; ok {
		return v, true
	}
	if list, ok := m["enum"].([]any); ok && len(list) > 0 {
		return list[0], true
	}
	v, ok := m["default"]
	return v, ok
}

// merged merges the members of allOf's schemas into one schema.
func merged(m map[string]any, list []any) map[string]any {
	all, properties, required := map[string]any{}, map[string]any{}, []any{}
	for _, part := range append([]any{m}, list...) {
		p, _ := part.(map[string]any)
		for k, v := range p {
			all[k] = v
		}
		inner, _ := p["properties"].(map[string]any)
		for k, v := range inner {
			properties[k] = v
		}
		names, _ := p["required"].([]any)
		required = append(required, names...)
	}
	delete(all, "allOf")
	if len(properties) > 0 {
		all["properties"], all["required"] = properties, required
	}
	return all
}

func (g *generator) typed(m map[string]any, depth int) any {
	switch typeName(m) {
	case "string":
		return str(m)
	case "integer", "number":
		return num(m)
	case "boolean":
		return true
	case "null":
		return nil
	case "array":
		return g.list(m, depth)
	}
	return g.object(m, depth)
}

// typeName returns the schema's type: the first of several, or a guess if it has none.
func typeName(m map[string]any) string {
	switch t := m["type"].(type) {
	case string:
		return t
	case []any:
		if len(t) > 0 {
			s, _ := t[0].(string)
			return s
		}
	}
	if _, ok := m["items"]; ok {
		return "array"
	}
	return "object"
}

// object returns an object with the required members only.
func (g *generator) object(m map[string]any, depth int) any {
	out := map[string]any{}
	properties, _ := m["properties"].(map[string]any)
	required, _ := m["required"].([]any)
	for _, name := range required {
		if s, ok := name.(string); ok && g.budget > 0 {
			out[s] = g.value(properties[s], depth+1)
		}
	}
	return out
}

func (g *generator) list(m map[string]any, depth int) any {
	out := []any{}
	n, _ := m["minItems"].(float64)
	for range min(int(n), maxItems) {
		out = append(out, g.value(m["items"], depth+1))
	}
	return out
}

// resolve follows a local reference such as "#/$defs/step".
func (g *generator) resolve(ref string) any {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := g.root
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if name == "" {
			continue
		}
		m, _ := at.(map[string]any)
		at = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	return at
}

func str(m map[string]any) any {
	s := "demo"
	switch m["format"] {
	case "date-time":
		s = "2026-01-01T00:00:00Z"
	case "date":
		s = "2026-01-01"
	case "time":
		s = "00:00:00Z"
	case "email":
		s = "demo@example.com"
	case "uri":
		s = "https://example.com/"
	case "uuid":
		s = "00000000-0000-4000-8000-000000000000"
	}
	if n, ok := m["minLength"].(float64); ok && len(s) < int(n) {
		s += strings.Repeat("o", min(int(n), maxText)-len(s))
	}
	if n, ok := m["maxLength"].(float64); ok && int(n) >= 0 {
		s = clip(s, int(n))
	}
	return s
}

func num(m map[string]any) any {
	lowest, bounded := m["minimum"].(float64)
	if above, ok := m["exclusiveMinimum"].(float64); ok {
		lowest, bounded = above+1, true
	}
	if highest, ok := m["maximum"].(float64); ok && !bounded && highest < 1 {
		return highest
	}
	if below, ok := m["exclusiveMaximum"].(float64); ok && !bounded && below <= 1 {
		return below - 1
	}
	if step, ok := m["multipleOf"].(float64); ok && !bounded {
		return step
	}
	if bounded {
		return lowest
	}
	return 1
}
