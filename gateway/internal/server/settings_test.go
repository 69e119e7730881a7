package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/config"
)

// settings collects the fields of the configuration and of everything in it, as
// Type.Field.
func settings(t reflect.Type, into map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		settings(t.Elem(), into)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name := t.Name() + "." + f.Name
			if tag := f.Tag.Get("yaml"); tag == "" || tag == "-" || into[name] {
				continue
			}
			into[name] = true
			settings(f.Type, into)
		}
	}
}

// read returns the names of all fields that the sources read, except those that only fill
// in defaults and check for faults.
func read(t *testing.T, patterns ...string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || slices.Contains([]string{"defaults.go", "check.go", "decode.go"}, filepath.Base(file)) {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					names[s.Sel.Name] = true
				}
				return true
			})
		}
	}
	return names
}

// TestEverySettingIsRead checks that every setting is used. It compares names, so it does
// not notice an unused setting with the name of another field.
func TestEverySettingIsRead(t *testing.T) {
	all := map[string]bool{}
	settings(reflect.TypeFor[config.Config](), all)
	used := read(t, "*.go", "../routes/*.go", "../config/*.go")
	for name := range all {
		if _, field, _ := strings.Cut(name, "."); !used[field] {
			t.Errorf("nothing reads the setting %s", name)
		}
	}
	if len(all) < 40 {
		t.Errorf("only %d settings were found", len(all))
	}
}
