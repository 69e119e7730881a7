package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// maxNodes bounds how many values are read, aliases followed, so that a small file
	// cannot stand for a huge one.
	maxNodes = 200_000
	// maxFaults bounds how many faults are collected: nobody reads more.
	maxFaults = 1000
	// maxDepth bounds how deep values may be nested.
	maxDepth = 64
)

// decoder reads a syntax tree into Go values by their "yaml" tags. Unlike a general
// decoder it goes on after a fault, so that all of them are reported at once.
type decoder struct {
	source
	faults  Faults
	anchors map[string]ast.Node
	nodes   int
	depth   int
	dir     string
	getenv  func(string) string
	// hidden are the values of settings that do not exist: a misspelt one may well be
	// a credential, and is not shown.
	hidden []ast.Node
	// checking is set once everything is read.
	checking bool
	// corrected holds paths that a misspelt member was probably meant to be: they are
	// not also reported as missing.
	corrected map[string]bool
}

// value reads n into v, which is settable. Faults leave v as it was.
func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	n, ok := d.enter(path, n)
	if !ok {
		return
	}
	defer func() { d.depth-- }()
	if d.special(path, n, v) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh.Interface())
		before := len(d.faults)
		d.value(path, n, fresh.Elem())
		if len(d.faults) == before {
			v.Set(fresh)
		}
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Map:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.sequence(path, n, v)
	default:
		d.scalar(path, n, v)
	}
}

// enter notes where a value stands, follows anchors and aliases, and keeps to the
// bounds.
func (d *decoder) enter(path string, n ast.Node) (ast.Node, bool) {
	d.nodes++
	if d.nodes > maxNodes || d.depth >= maxDepth {
		if d.nodes <= maxNodes+1 {
			d.fault(path, n, "", "there is too much nested here")
		}
		return nil, false
	}
	n, ok := d.resolve(path, n)
	if ok {
		d.depth++
	}
	return n, ok
}

// resolve follows anchors and aliases to the value they stand for.
func (d *decoder) resolve(path string, n ast.Node) (ast.Node, bool) {
	if _, seen := d.at[path]; !seen && n != nil {
		d.at[path] = placeOf(n)
	}
	for range maxDepth {
		switch x := n.(type) {
		case *ast.AnchorNode:
			n = x.Value
		case *ast.AliasNode:
			name := x.Value.GetToken().Value
			target, ok := d.anchors[name]
			if !ok {
				d.fault(path, x, "", "there is no anchor &%s above", name)
				return nil, false
			}
			n = target
		case *ast.TagNode:
			d.fault(path, x, "leave the tag out", "YAML tags are not understood")
			return nil, false
		case nil:
			d.fault(path, nil, "", "has no value")
			return nil, false
		default:
			return unsplit(n), true
		}
	}
	d.fault(path, n, "", "the anchor stands for itself")
	return nil, false
}

// special reads the types that have a form of their own.
func (d *decoder) special(path string, n ast.Node, v reflect.Value) bool {
	switch out := v.Addr().Interface().(type) {
	case *Secret:
		d.secret(path, n, out)
	case *Target:
		d.target(path, n, out)
	case *Object:
		d.object(path, n, out)
	case *Capabilities:
		d.capabilities(path, n, out)
	case *llm.Dialect:
		d.dialect(path, n, out)
	case *OnError:
		d.onError(path, n, out)
	case *time.Duration:
		if s, ok := d.text(path, n); ok {
			dur, err := parseDuration(s)
			d.assign(path, n, err, func() { *out = dur })
		}
	case *Dollars:
		if number(n) == "" {
			d.fault(path, n, "write US dollars per million tokens, such as 0.25", "must be a number, not %s", kindOf(n))
			return true
		}
		d.assign(path, n, out.set(number(n)), func() {})
	case text:
		if s, ok := d.text(path, n); ok {
			d.assign(path, n, out.set(s), func() {})
		}
	default:
		return false
	}
	return true
}

// assign runs set, or reports err.
func (d *decoder) assign(path string, n ast.Node, err error, set func()) {
	if err == nil {
		set()
		return
	}
	d.faultErr(path, n, err)
}

// structure reads a mapping whose members are known.
func (d *decoder) structure(path string, n ast.Node, v reflect.Value) {
	setDefaults(v.Addr().Interface())
	members, ok := d.members(path, n, knownNamesOf(v.Type()))
	for _, f := range reflect.VisibleFields(v.Type()) {
		name := f.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		field := v.FieldByIndex(f.Index)
		if name == theRest {
			d.named(path, without(members, fieldNames(v.Type())), field)
			continue
		}
		allDefault(field)
		if value, given := members[name]; given {
			d.value(Path(path, name), value, field)
			continue
		}
		if ok && strings.HasPrefix(f.Tag.Get("jsonschema"), "required") && !d.corrected[Path(path, name)] {
			d.fault(path, n, "", "%s is missing", name)
		}
	}
}

// allDefault fills a part of the configuration, and the parts of it, with what it means
// to leave them out. Other values are left alone.
func allDefault(v reflect.Value) {
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[Secret]() {
		return
	}
	setDefaults(v.Addr().Interface())
	for i := range v.NumField() {
		if f := v.Field(i); f.CanSet() {
			allDefault(f)
		}
	}
}

// mapping reads a mapping whose members have names of the user's choice.
func (d *decoder) mapping(path string, n ast.Node, v reflect.Value) {
	if members, ok := d.members(path, n, nil); ok {
		d.named(path, members, v)
	}
}

// named reads members that have names of the user's choice.
func (d *decoder) named(path string, members map[string]ast.Node, v reflect.Value) {
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	for name, node := range members {
		elem := reflect.New(v.Type().Elem()).Elem()
		allDefault(elem)
		if isNull(node) {
			d.at[Path(path, name)] = d.keyPlace(path, name) // a null has no place worth showing
		}
		d.value(Path(path, name), node, elem)
		v.SetMapIndex(reflect.ValueOf(name), elem)
	}
}

// sequence reads a list.
func (d *decoder) sequence(path string, n ast.Node, v reflect.Value) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fault(path, n, "put it in brackets: [ … ]", "must be a list, not %s", kindOf(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values))
	for i, item := range list.Values {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, out.Index(i))
	}
	v.Set(out)
}

// fault reports a fault at n, or at the path when n is nil.
func (d *decoder) fault(path string, n ast.Node, hint, format string, args ...any) {
	if len(d.faults) >= maxFaults || d.checking && d.faulty(path) {
		return // what could not be read is not also out of range
	}
	p := d.find(path)
	if n != nil && n.GetToken() != nil {
		p = placeOf(n)
	}
	d.faults = append(d.faults, d.faultAt(p, path, hint, fmt.Sprintf(format, args...)))
}

// faultErr reports an error that may carry a hint.
func (d *decoder) faultErr(path string, n ast.Node, err error) {
	hint := ""
	var h *hinted
	if errors.As(err, &h) {
		hint = h.hint
	}
	d.fault(path, n, hint, "%s", err)
}
