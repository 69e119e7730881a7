package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// object is a JSON object.
type object = map[string]any

const modulePath = "github.com/penstock/penstock"

// schemas are the components that types of Go become, with the comments on their fields.
type schemas struct {
	root  string // of the module
	found object
	// names has the type behind each name, since two packages may use one.
	names map[string]reflect.Type
	// comments are those of the packages that were read, by directory, then type and field.
	comments map[string]map[string]string
}

func newSchemas(root string) *schemas {
	return &schemas{root: root, found: object{}, names: map[string]reflect.Type{}, comments: map[string]map[string]string{}}
}

// of returns the schema of a type: a reference for one with a name.
func (s *schemas) of(t reflect.Type) (object, error) {
	if known := special(t); known != nil {
		return known, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		return s.structure(t)
	case reflect.Slice, reflect.Array:
		items, err := s.of(t.Elem())
		return object{"type": "array", "items": items}, err
	case reflect.Map:
		values, err := s.of(t.Elem())
		return object{"type": "object", "additionalProperties": values}, err
	case reflect.Interface:
		return object{}, nil
	case reflect.String:
		return object{"type": "string"}, nil
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer"}, nil
	}
	return nil, fmt.Errorf("the type %s has no schema", t)
}

// special are the types that write themselves as JSON.
func special(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[llm.Millis]():
		return object{"type": "number", "description": "milliseconds"}
	case reflect.TypeFor[json.Number]():
		return object{"type": "number"}
	case reflect.TypeFor[json.RawMessage]():
		return object{}
	case reflect.TypeFor[ledger.Sums](), reflect.TypeFor[ledger.Row]():
		return object{"type": "object", "description": "sums by their names, and in rows the dimensions that were asked for",
			"properties": object{"requests": object{"type": "integer"}, "cost_usd": object{"type": "number"}}, "required": []string{"requests"}}
	}
	return nil
}

func (s *schemas) structure(t reflect.Type) (object, error) {
	if t.Name() == "" {
		return s.fields(t)
	}
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if other, ok := s.names[name]; ok && other != t {
		pkg := filepath.Base(t.PkgPath())
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	ref := object{"$ref": "#/components/schemas/" + name}
	if s.names[name] == t {
		return ref, nil
	}
	s.names[name] = t
	fields, err := s.fields(t)
	if err != nil {
		return nil, err
	}
	if text := s.comment(t, ""); text != "" {
		fields["description"] = text
	}
	s.found[name] = fields
	return ref, nil
}

func (s *schemas) fields(t reflect.Type) (object, error) {
	properties, required := object{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || tag == "-" || f.Anonymous && tag == "" || len(f.Index) > 1 && promotedAway(t, f) {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		schema, err := s.of(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		optional := strings.Contains(options, "omit")
		if strings.Contains(options, "string") {
			schema = object{"type": "string"}
		}
		if nullable(f.Type) && !optional {
			schema = object{"anyOf": []any{schema, object{"type": "null"}}}
		}
		if text := s.comment(owner(t, f), f.Name); text != "" && len(schema) > 0 {
			schema["description"] = text
		}
		properties[tag] = schema
		if !optional {
			required = append(required, tag)
		}
	}
	out := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out, nil
}

// nullable reports whether a field can be encoded as null.
func nullable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return t != reflect.TypeFor[json.RawMessage]()
	}
	return false
}

// promotedAway reports whether a field comes from an embedded struct that has a name of its own.
func promotedAway(t reflect.Type, f reflect.StructField) bool {
	for i := 1; i < len(f.Index); i++ {
		if tag, _, _ := strings.Cut(t.FieldByIndex(f.Index[:i]).Tag.Get("json"), ","); tag != "" {
			return true
		}
	}
	return false
}

// owner is the struct that declares a field, which may be embedded.
func owner(t reflect.Type, f reflect.StructField) reflect.Type {
	if len(f.Index) == 1 {
		return t
	}
	inner := t.FieldByIndex(f.Index[:len(f.Index)-1]).Type
	if inner.Kind() == reflect.Pointer {
		return inner.Elem()
	}
	return inner
}

// comment returns the comment on a field, or with an empty field on a type.
func (s *schemas) comment(t reflect.Type, field string) string {
	dir := strings.TrimPrefix(t.PkgPath(), modulePath)
	texts := s.comments[dir]
	if texts == nil {
		texts = map[string]string{}
		s.comments[dir] = texts
		sources, _ := filepath.Glob(filepath.Join(s.root, dir, "*.go")) // the pattern is a good one
		for _, name := range sources {
			if f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments); err == nil {
				fileComments(texts, f)
			}
		}
	}
	return texts[t.Name()+"."+field]
}

func fileComments(texts map[string]string, file *ast.File) {
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range g.Specs {
			t, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			texts[t.Name.Name+"."] = plain(g.Doc)
			st, ok := t.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range st.Fields.List {
				for _, name := range f.Names {
					texts[t.Name.Name+"."+name.Name] = plain(f.Doc)
				}
			}
		}
	}
}

func plain(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
