package policy

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of a settings file, beside maxFileBytes.
const (
	// maxSettings bounds the values of one file, those behind aliases included, so that a
	// small file cannot expand to a huge one.
	maxSettings = 200_000
	// maxSettingsDepth bounds how deep values may be nested.
	maxSettingsDepth = 32
	// maxSettingsName bounds a name or text, in bytes, so that it fits into a scope.
	maxSettingsName = 128
	// maxSettingsFaults bounds the faults of one file.
	maxSettingsFaults = 100
)

// place is where a value begins in its file, from 1.
type place struct{ row, col int }

func (p *place) setPlace(n *yaml.Node) { p.row, p.col = n.Line, n.Column }

// placed are the types that keep their place.
type placed interface{ setPlace(n *yaml.Node) }

// notation is a type with a notation of its own. schema describes it as JSON Schema.
type notation interface {
	read(r *settingsReader, path string, n *yaml.Node)
	schema() map[string]any
}

// keyNotation is a type of the names of a mapping.
type keyNotation interface{ check() error }

// settingsReader reads YAML into the types of the settings. It continues after a fault, so
// that all of them are reported.
type settingsReader struct {
	file   string
	faults Faults
	nodes  int
	depth  int
	// fields are the members of types that have been met.
	fields map[reflect.Type][]reflect.StructField
}

// readSettings reads one settings file into out, a pointer to its type.
func readSettings(t text, out any) Faults {
	src := bytes.TrimPrefix(t.bytes, byteOrderMark)
	if !utf8.Valid(src) {
		row, col := rowCol(src, invalidAt(src))
		return Faults{{File: t.name, Row: row, Col: col, Message: "not valid UTF-8", Hint: "save the file as UTF-8"}}
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(src))
	switch err := d.Decode(&doc); {
	case err == io.EOF: // an empty file sets nothing
		return nil
	case err != nil:
		return Faults{yamlFault(t.name, err)}
	}
	if d.Decode(new(yaml.Node)) != io.EOF {
		return Faults{{File: t.name, Message: "has more than one YAML document: only the first would be read", Hint: "remove the line --- and merge the documents"}}
	}
	r := &settingsReader{file: t.name}
	if top := doc.Content[0]; !isNull(top) {
		r.value("", top, reflect.ValueOf(out).Elem())
	}
	return r.faults
}

// invalidAt returns the offset of the first byte that is not UTF-8.
func invalidAt(src []byte) int {
	at := 0
	for at < len(src) {
		c, size := utf8.DecodeRune(src[at:])
		if c == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

func (r *settingsReader) fault(n *yaml.Node, path, hint, format string, args ...any) {
	if len(r.faults) == maxSettingsFaults {
		return
	}
	message := fmt.Sprintf(format, args...)
	if path != "" {
		message = path + ": " + message
	}
	r.faults = append(r.faults, Fault{File: r.file, Row: n.Line, Col: n.Column, Message: message, Hint: hint})
}

// value reads n into v, which is settable. After a fault v may be incomplete.
func (r *settingsReader) value(path string, n *yaml.Node, v reflect.Value) {
	n, ok := r.enter(path, n)
	if !ok {
		return
	}
	defer func() { r.depth-- }()
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if p, ok := v.Addr().Interface().(placed); ok {
		p.setPlace(n)
	}
	if own, ok := v.Addr().Interface().(notation); ok {
		own.read(r, path, n)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		r.structure(path, n, v)
	case reflect.Map:
		r.mapping(path, n, v)
	case reflect.Slice:
		r.sequence(path, n, v)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			r.fault(n, path, "", "must be true or false, not %s", describeNode(n))
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.String:
		if s, ok := r.label(path, n); ok {
			v.SetString(s)
		}
	}
}

// enter follows aliases and checks the bounds. The caller lowers depth afterwards.
func (r *settingsReader) enter(path string, n *yaml.Node) (*yaml.Node, bool) {
	for range maxSettingsDepth {
		if n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	r.nodes++
	switch {
	case r.nodes > maxSettings || r.depth >= maxSettingsDepth || n.Kind == yaml.AliasNode:
		if r.nodes <= maxSettings+1 {
			r.fault(n, path, "", "there are too many values here, or they are too deeply nested")
		}
		return nil, false
	case n.Style&yaml.TaggedStyle != 0:
		r.fault(n, path, "remove the tag "+n.Tag, "YAML tags are not supported")
		return nil, false
	case isNull(n):
		r.fault(n, path, "write a value, or remove the line", "has no value")
		return nil, false
	}
	r.depth++
	return n, true
}

// structure reads a mapping whose members v declares.
func (r *settingsReader) structure(path string, n *yaml.Node, v reflect.Value) {
	fields := r.fieldsOf(v.Type())
	var known []string
	for _, f := range fields {
		known = append(known, f.Tag.Get("yaml"))
	}
	given := make(map[string]bool)
	r.members(path, n, func(name string, key, value *yaml.Node) {
		for _, f := range fields {
			if f.Tag.Get("yaml") == name {
				given[name] = true
				before := len(r.faults)
				r.value(join(path, name), value, v.FieldByIndex(f.Index))
				if enum := strings.Fields(f.Tag.Get("enum")); len(r.faults) == before && len(enum) > 0 {
					r.enum(join(path, name), value, enum)
				}
				return
			}
		}
		hint := ""
		if near := nearest(name, known); near != "" {
			hint = "did you mean " + near + "?"
		} else {
			hint = "known here are " + strings.Join(known, ", ")
		}
		r.fault(key, join(path, name), hint, "unknown setting")
	})
	for _, f := range fields {
		if name := f.Tag.Get("yaml"); f.Tag.Get("required") != "" && !given[name] && n.Kind == yaml.MappingNode {
			r.fault(n, join(path, name), "", "missing")
		}
	}
}

func (r *settingsReader) enum(path string, n *yaml.Node, known []string) {
	for _, k := range known {
		if n.Value == k {
			return
		}
	}
	hint := ""
	if near := nearest(n.Value, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	r.fault(n, path, hint, "must be one of %s, not %q", strings.Join(known, ", "), n.Value)
}

func (r *settingsReader) fieldsOf(t reflect.Type) []reflect.StructField {
	if r.fields == nil {
		r.fields = make(map[reflect.Type][]reflect.StructField)
	}
	if r.fields[t] == nil {
		r.fields[t] = membersOf(t)
	}
	return r.fields[t]
}

// membersOf returns the declared members of a type, those of embedded ones included.
func membersOf(t reflect.Type) (fields []reflect.StructField) {
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("yaml") != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// members calls read for each member of a mapping. A name that is given twice is a fault.
func (r *settingsReader) members(path string, n *yaml.Node, read func(name string, key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fault(n, path, "write it as a mapping: name: value", "must be a mapping, not %s", describeNode(n))
		return
	}
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name, ok := r.name(path, key)
		switch {
		case !ok:
		case first[name] != nil:
			r.fault(key, join(path, name), "delete one of the two", "is given twice, first in row %d", first[name].Line)
		default:
			first[name] = key
			read(name, key, value)
		}
	}
}

// name reads the name of a member. Numbers and the like are names as they are written.
func (r *settingsReader) name(path string, n *yaml.Node) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Style&yaml.TaggedStyle != 0:
		r.fault(n, path, "", "a name must be text")
	case n.Tag == "!!merge":
		r.fault(n, path, "repeat the members, or put them under defaults", "merge keys (<<) are not supported")
	case !isName(n.Value) || isNull(n):
		r.fault(n, path, "", "a name must have 1 to %d bytes and no control characters", maxSettingsName)
	default:
		return n.Value, true
	}
	return "", false
}

// mapping reads a mapping with names that the user chooses.
func (r *settingsReader) mapping(path string, n *yaml.Node, v reflect.Value) {
	t := v.Type()
	v.Set(reflect.MakeMap(t))
	r.members(path, n, func(name string, key, value *yaml.Node) {
		k := reflect.ValueOf(name).Convert(t.Key())
		if c, ok := k.Interface().(keyNotation); ok {
			if err := c.check(); err != nil {
				r.fault(key, join(path, name), "", "%v", err)
				return
			}
		}
		e := reflect.New(t.Elem()).Elem()
		if isNull(value) && e.Kind() == reflect.Pointer && e.Type().Elem().Kind() == reflect.Struct {
			if _, own := reflect.New(e.Type().Elem()).Interface().(notation); !own { // "research:" alone is a name without settings
				e.Set(reflect.New(e.Type().Elem()))
				e.Interface().(placed).setPlace(key)
				v.SetMapIndex(k, e)
				return
			}
		}
		before := len(r.faults)
		if r.value(join(path, name), value, e); len(r.faults) == before {
			v.SetMapIndex(k, e)
		}
	})
}

func (r *settingsReader) sequence(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, path, "begin each entry with a dash: - …", "must be a list, not %s", describeNode(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, len(n.Content))) // which an empty list is, too
	for i, item := range n.Content {
		e := reflect.New(v.Type().Elem()).Elem()
		before := len(r.faults)
		if r.value(fmt.Sprintf("%s[%d]", path, i), item, e); len(r.faults) == before {
			v.Set(reflect.Append(v, e))
		}
	}
}

// label reads a text of one line that is not empty.
func (r *settingsReader) label(path string, n *yaml.Node) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.fault(n, path, "", "must be text, not %s", describeNode(n))
	case n.Tag != "!!str":
		r.fault(n, path, "put it in quotes if it is meant as text", "must be text, not %s", describeNode(n))
	case !isName(n.Value):
		r.fault(n, path, "", "must have 1 to %d bytes and no control characters", maxSettingsName)
	default:
		return n.Value, true
	}
	return "", false
}

func isName(s string) bool {
	return s != "" && len(s) <= maxSettingsName && !strings.ContainsFunc(s, unicode.IsControl)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func isNumber(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float")
}

func describeNode(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNumber(n):
		return "the number " + n.Value
	case n.Tag == "!!bool":
		return n.Value
	case n.Tag == "!!timestamp":
		return "the date " + n.Value
	}
	return fmt.Sprintf("the text %.40q", n.Value)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
