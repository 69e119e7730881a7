package decisionlog

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Mask erases or replaces a part of every line, as OPA's masking does: what was erased is
// listed under erased, what was replaced under masked.
type Mask struct {
	// Path is a JSON pointer into input, result or custom, such as /input/request/tags/email.
	Path string
	// Replace is put in its place; nil erases it.
	Replace *string
}

// alwaysErased returns the masks of what is never logged.
func alwaysErased() []Mask {
	return []Mask{{Path: "/input/request/ip"}, {Path: "/input/request/metadata"}}
}

// apply masks a line. A path that the line does not have changes nothing: unlike OPA's, a
// replacement adds no members.
func (m *Mask) apply(out *line) error {
	parts := strings.Split(m.Path[1:], "/")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	document := map[string]*any{"input": &out.Input, "result": &out.Result, "custom": &out.Custom}[parts[0]]
	if *document == nil {
		return nil
	}
	if err := plain(document); err != nil {
		return err
	}
	switch {
	case m.Replace == nil && erase(document, parts[1:]):
		out.Erased = append(out.Erased, m.Path)
	case m.Replace != nil && replace(document, parts[1:], *m.Replace):
		out.Masked = append(out.Masked, m.Path)
	}
	return nil
}

// plain makes a document of maps and slices, once. Numbers keep their text.
func plain(document *any) error {
	switch (*document).(type) {
	case map[string]any, []any, string:
		return nil
	}
	text, err := json.Marshal(*document)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	*document = nil
	return d.Decode(document)
}

// erase removes what is at a path, and reports whether there was anything.
func erase(at *any, path []string) bool {
	if len(path) == 0 {
		*at = nil
		return true
	}
	switch v := (*at).(type) {
	case map[string]any:
		member, ok := v[path[0]]
		if !ok {
			return false
		}
		if len(path) == 1 {
			delete(v, path[0])
			return true
		}
		ok = erase(&member, path[1:])
		v[path[0]] = member
		return ok
	case []any:
		i, ok := index(path[0], len(v))
		if !ok {
			return false
		}
		if len(path) == 1 {
			*at = slices.Delete(v, i, i+1)
			return true
		}
		return erase(&v[i], path[1:])
	}
	return false
}

// replace sets what is at a path, and reports whether there was anything.
func replace(at *any, path []string, value string) bool {
	if len(path) == 0 {
		*at = value
		return true
	}
	switch v := (*at).(type) {
	case map[string]any:
		member, ok := v[path[0]]
		if ok = ok && replace(&member, path[1:], value); ok {
			v[path[0]] = member
		}
		return ok
	case []any:
		i, ok := index(path[0], len(v))
		return ok && replace(&v[i], path[1:], value)
	}
	return false
}

func index(text string, length int) (int, bool) {
	i, err := strconv.Atoi(text)
	return i, err == nil && i >= 0 && i < length
}
