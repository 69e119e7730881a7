package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// Reference returns the reference of the configuration file as Markdown: every setting with its
// values, default and description, from the types that the schema is made from.
func Reference() ([]byte, error) {
	lookup, err := comments()
	if err != nil {
		return nil, fmt.Errorf("read the comments on settings: %w", err)
	}
	r := &referencePage{lookup: lookup, written: map[reflect.Type]string{}}
	r.WriteString("# Configuration reference\n\nEvery setting of `penstock.yaml`. `penstock check` reports faults with their line; `penstock schema` prints the JSON Schema for editors, and\n" +
		"`penstock init` writes a commented file to start from. A reload applies changes unless it says that a setting needs a restart. This page is generated.\n")
	r.section("", reflect.TypeFor[Config]())
	return []byte(r.String()), nil
}

// referencePage writes sections.
type referencePage struct {
	strings.Builder
	lookup func(reflect.Type, string) string
	// written are the paths of the sections that are there, by their types: each is written once.
	written map[reflect.Type]string
}

// section writes the table of a part of the configuration, and then the parts of it.
func (r *referencePage) section(path string, t reflect.Type) {
	if path != "" {
		fmt.Fprintf(r, "\n## `%s`\n", path)
	}
	r.WriteString("\n| setting | values | default | |\n|---|---|---|---|\n")
	v := reflect.New(t)
	allDefault(v.Elem())
	type part struct {
		path string
		of   reflect.Type
	}
	var parts []part
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		at, of := memberPath(path, name, f.Type)
		values := valuesOf(f.Type)
		if of != nil && r.written[of] == "" {
			r.written[of] = at
			parts = append(parts, part{at, of})
		}
		if of != nil {
			values = "see `" + r.written[of] + "`"
		}
		if name == otherMembers {
			name = "NAME"
		}
		fmt.Fprintf(r, "| `%s` | %s | %s | %s |\n", name, cell(values), cell(defaultOf(f, v.Elem().Field(i))), cell(r.lookup(t, f.Name)))
	}
	for _, p := range parts {
		r.section(p.path, p.of)
	}
}

// memberPath returns the path of a member, and the type of its own section if it has one.
func memberPath(path, name string, t reflect.Type) (at string, of reflect.Type) {
	at = name
	if path != "" {
		at = path + "." + name
	}
	if name == otherMembers {
		at = path
	}
	for schemaOf(t) == nil {
		switch t.Kind() {
		case reflect.Pointer:
			t = t.Elem()
		case reflect.Slice:
			at, t = at+"[]", t.Elem()
		case reflect.Map:
			at, t = at+".NAME", t.Elem()
		case reflect.Struct:
			return at, t
		default:
			return at, nil
		}
	}
	return at, nil
}

// valuesOf describes what a setting takes.
func valuesOf(t reflect.Type) string {
	if s := schemaOf(t); s != nil {
		return describe(s)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return valuesOf(t.Elem())
	case reflect.Slice:
		return "list: " + valuesOf(t.Elem())
	case reflect.Map:
		return "by name: " + valuesOf(t.Elem())
	case reflect.Bool:
		return "`true`, `false`"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number"
	}
	return "text"
}

// describe describes a value that has its own notation.
func describe(s *jsonschema.Schema) string {
	var words []string
	for _, of := range s.OneOf {
		if text := describe(of); text != "" {
			words = append(words, text)
		}
	}
	for _, v := range s.Enum {
		words = append(words, fmt.Sprintf("`%v`", v))
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, ", ")
	case len(s.Examples) > 0:
		return fmt.Sprintf("such as `%v`", s.Examples[0])
	case s.Type == "array" && s.Items != nil:
		return "list: " + describe(s.Items)
	case s.Type == "object":
		return "mapping"
	case s.Type == "string":
		return "text"
	}
	return s.Type
}

// defaultOf formats the default of a setting; empty for none.
func defaultOf(f reflect.StructField, v reflect.Value) string {
	if strings.HasPrefix(f.Tag.Get("jsonschema"), "required") {
		return "required"
	}
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[Span]() || v.IsZero() || !v.CanInterface() {
		return ""
	}
	switch d := v.Interface().(type) {
	case time.Duration:
		return "`" + formatDuration(d) + "`"
	case Span:
		return "`" + formatDuration(d.Min) + ".." + formatDuration(d.Max) + "`"
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return strings.Trim(fmt.Sprintf("`%v`", v.Interface()), "[]")
	}
	return fmt.Sprintf("`%v`", v.Interface())
}

// formatDuration formats a duration as it is written in a file.
func formatDuration(d time.Duration) string {
	switch {
	case d%year == 0:
		return fmt.Sprintf("%dy", d/year)
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	if short, whole := strings.CutSuffix(text, "m0s"); whole {
		text = short + "m"
	}
	if short, whole := strings.CutSuffix(text, "h0m"); whole {
		text = short + "h"
	}
	return text
}

// cell escapes what would end a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
