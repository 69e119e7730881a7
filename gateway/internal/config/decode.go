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
	// maxNodes bounds how many values are read, those behind aliases included, so that a
	// small file cannot expand to a huge one.
	maxNodes = 200_000
	// maxFaults bounds how many faults are collected: nobody reads more.
	maxFaults = 1000
	// maxDepth bounds how deep values may be nested.
	maxDepth = 64
)

// decoder reads a syntax tree into Go values by their "yaml" tags. Unlike a general
// decoder it continues after a fault, so that all of them are reported at once.
type decoder struct {
	source
	faults  Faults
	anchors map[string]ast.Node
	nodes   int
	depth   int
	dir     string
	getenv  func(string) string
	// hidden are the values of unknown settings. They are not shown: a misspelt setting may
	// be a credential.
	hidden []ast.Node
	// checking is set when everything has been read.
	checking bool
	// corrected holds the paths that misspelt members were probably meant to be. They are
	// not also reported as missing.
	corrected map[string]bool
}

// value reads n into v, which is settable. After a fault v is unchanged.
func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	n, ok := d.enter(path, n)
	if !ok {
		return
	}
	defer func() { d.depth-- }()
	if d.custom(path, n, v) {
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

// enter notes a value's position, follows anchors and aliases, and checks the bounds. The
// caller lowers depth afterwards.
func (d *decoder) enter(path string, n ast.Node) (ast.Node, bool) {
	d.nodes++
	if d.nodes > maxNodes || d.depth >= maxDepth {
		if d.nodes <= maxNodes+1 {
			d.fault(path, n, "", "there are too many values here, or they are too deeply nested")
		}
		return nil, false
	}
	n, ok := d.resolve(path, n)
	if ok {
		d.depth++
	}
	return n, ok
}

// resolve follows anchors and aliases to their value.
func (d *decoder) resolve(path string, n ast.Node) (ast.Node, bool) {
	if _, seen := d.at[path]; !seen && n != nil {
		d.at[path] = positionOf(n)
	}
	for range maxDepth {
		switch x := n.(type) {
		case *ast.AnchorNode:
			n = x.Value
		case *ast.AliasNode:
			name := x.Value.GetToken().Value
			target, ok := d.anchors[name]
			if !ok {
				d.fault(path, x, "", "unknown anchor &%s: none precedes it", name)
				return nil, false
			}
			n = target
		case *ast.TagNode:
			d.fault(path, x, "remove the tag", "YAML tags are not supported")
			return nil, false
		case nil:
			d.fault(path, nil, "", "has no value")
			return nil, false
		default:
			return rejoin(n), true
		}
	}
	d.fault(path, n, "", "the anchor refers to itself")
	return nil, false
}

// custom reads the types that have their own notation. It reports whether v is one.
func (d *decoder) custom(path string, n ast.Node, v reflect.Value) bool {
	switch out := v.Addr().Interface().(type) {
	case *Secret:
		d.secret(path, n, out)
	case *Target:
		d.shorthand(path, n, out, &out.Target)
	case *APIKey:
		d.shorthand(path, n, out, &out.Key)
	case *Similar:
		d.shorthand(path, n, out, &out.Mode)
	case *Ledger:
		d.shorthand(path, n, out, &out.URL)
	case *Retention:
		d.shorthand(path, n, out, &out.Records)
	case *DecisionLog:
		d.shorthand(path, n, out, &out.File)
	case *Mask:
		d.shorthand(path, n, out, &out.Path)
	case *Policies:
		d.shorthand(path, n, out, &out.Folder)
	case *Object:
		d.object(path, n, out)
	case *Capabilities:
		d.capabilities(path, n, out)
	case *OneOf, *Endpoints, *Dialects, *OneOrMore, *ClaimValues:
		d.oneOrMore(path, n, v)
	case *llm.Dialect:
		d.dialect(path, n, out)
	case *ClaimValue:
		d.claimValue(path, n, out)
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

// assign runs set, or adds a fault for err.
func (d *decoder) assign(path string, n ast.Node, err error, set func()) {
	if err == nil {
		set()
		return
	}
	d.faultErr(path, n, err)
}

// structure reads a mapping into a struct.
func (d *decoder) structure(path string, n ast.Node, v reflect.Value) {
	setDefaults(v.Addr().Interface())
	members, ok := d.members(path, n, knownNamesOf(v.Type()))
	for _, f := range reflect.VisibleFields(v.Type()) {
		name := f.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		field := v.FieldByIndex(f.Index)
		if name == otherMembers {
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

// allDefault sets the defaults of a part of the configuration, and of the parts of it.
// Values that are not structs stay as they are.
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

// mapping reads a mapping with names that the user chooses into a map.
func (d *decoder) mapping(path string, n ast.Node, v reflect.Value) {
	if members, ok := d.members(path, n, nil); ok {
		d.named(path, members, v)
	}
}

// named reads members with names that the user chooses into a map.
func (d *decoder) named(path string, members map[string]ast.Node, v reflect.Value) {
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	for name, node := range members {
		elem := reflect.New(v.Type().Elem()).Elem()
		allDefault(elem)
		if isNull(node) {
			d.at[Path(path, name)] = d.keyPosition(path, name) // point at the name: a null may have no text
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

// fault adds a fault at n, or at the path when n is nil.
func (d *decoder) fault(path string, n ast.Node, hint, format string, args ...any) {
	if len(d.faults) >= maxFaults || d.checking && d.faulty(path) {
		return // a value that could not be read is not also out of range
	}
	p := d.find(path)
	if n != nil && n.GetToken() != nil {
		p = positionOf(n)
	}
	d.faults = append(d.faults, d.faultAt(p, path, hint, fmt.Sprintf(format, args...)))
}

// faultErr adds a fault for an error, which may have a hint.
func (d *decoder) faultErr(path string, n ast.Node, err error) {
	hint := ""
	var h *hintedError
	if errors.As(err, &h) {
		hint = h.hint
	}
	d.fault(path, n, hint, "%s", err)
}
