package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// members returns a mapping's members: its own, and those that "<<" merges in where it has
// none of that name. If known is not nil, other names are faults. A null is an empty
// mapping; ok is false if n is not a mapping.
func (d *decoder) members(path string, n ast.Node, known []string) (members map[string]ast.Node, ok bool) {
	if isNull(n) {
		return nil, true
	}
	m, isMap := n.(ast.MapNode)
	if !isMap {
		d.fault(path, n, "", "must be a mapping (name: value), not %s", kindOf(n))
		return nil, false
	}
	members = map[string]ast.Node{}
	lines := map[string]int{}
	var merges []ast.Node
	for it := m.MapRange(); it.Next(); {
		key := it.Key()
		if _, merge := key.(*ast.MergeKeyNode); merge {
			merges = append(merges, it.Value())
			continue
		}
		name, named := keyText(key)
		switch first := lines[name]; {
		case !named:
			d.fault(path, key, "", "the name of a setting must be text, not %s", kindOf(key))
			continue
		case first != 0:
			d.fault(Path(path, name), key, "keep one of them", "is given twice, first on line %d", first)
			continue
		}
		lines[name] = positionOf(key).line
		d.at[Path(path, name)+keySuffix] = positionOf(key)
		if known != nil && !slices.Contains(known, name) {
			d.unknown(path, name, key, known)
			d.hidden = append(d.hidden, it.Value())
			continue
		}
		members[name] = it.Value()
	}
	for _, node := range merges {
		d.merge(path, node, known, members)
	}
	return members, true
}

// keySuffix marks the positions of names, as opposed to their values. No path ends with it.
const keySuffix = "\x00key"

// keyPosition returns the position of a member's name.
func (d *decoder) keyPosition(path, name string) position { return d.at[Path(path, name)+keySuffix] }

// merge adds the members of a mapping that "<<" refers to. Existing ones stay.
func (d *decoder) merge(path string, n ast.Node, known []string, into map[string]ast.Node) {
	n, ok := d.enter(path, n)
	if !ok {
		return
	}
	defer func() { d.depth-- }()
	more, ok := d.members(path, n, known)
	if !ok {
		return
	}
	for name, node := range more {
		if _, own := into[name]; !own {
			into[name] = node
		}
	}
}

// unknown adds a fault for a member that does not exist.
func (d *decoder) unknown(path, name string, key ast.Node, known []string) {
	if near := nearest(name, known); near != "" {
		d.corrected[Path(path, near)] = true
	}
	where := "here"
	if path != "" {
		where = "in " + path
	}
	if section, planned := plannedSettings[name]; planned && section == topOf(path) {
		d.fault(Path(path, name), key, "leave it out", "not available in this version")
		return
	}
	d.fault(Path(path, name), key, DidYouMean(name, known), "there is no setting %q %s", name, where)
}

// plannedSettings are settings of later versions, with the section they belong to.
var plannedSettings = map[string]string{
	"stream": "models", "sticky": "models", "metrics": "",
}

// topOf returns the first element of a path.
func topOf(path string) string {
	for parent(path) != "" {
		path = parent(path)
	}
	return path
}

// keyText returns a mapping key as text.
func keyText(key ast.Node) (string, bool) {
	if k, ok := key.(*ast.MappingKeyNode); ok {
		key = k.Value
	}
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return k.GetToken().Value, true
	}
	return "", false
}

// fieldNames returns the settings of a part of the configuration.
func fieldNames(t reflect.Type) []string {
	names := []string{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// knownNamesOf returns the names that members may have; nil for all, when there is a field
// for other members.
func knownNamesOf(t reflect.Type) []string {
	names := fieldNames(t)
	if slices.Contains(names, otherMembers) {
		return nil
	}
	return names
}

// without returns the members that do not have these names.
func without(members map[string]ast.Node, names []string) map[string]ast.Node {
	rest := maps.Clone(members)
	maps.DeleteFunc(rest, func(name string, _ ast.Node) bool { return slices.Contains(names, name) })
	return rest
}

// secret reads a reference and resolves it. The address of a proxy or of the cache's server
// may also be plain text if it has no credentials, and so may a header's value, unless the header is named like a credential.
func (d *decoder) secret(path string, n ast.Node, out *Secret) {
	ref, ok := d.text(path, n)
	if !ok {
		return
	}
	isRef := strings.HasPrefix(ref, "env:") || strings.HasPrefix(ref, "file:")
	if inHeaders(path) && !isRef && !credential.MatchString(lastMember(path)+": x") {
		*out = newSecret("[redacted]", ref)
		return
	}
	if (lastMember(path) == "proxy" || path == "cache.store") && !isRef && !strings.Contains(ref, "@") {
		*out = newSecret(ref, ref) // not a secret
		return
	}
	s, err := resolve(ref, d.dir, d.getenv, isPublicKey(path))
	d.assign(path, n, err, func() { *out = s })
}

func inHeaders(path string) bool { return strings.HasSuffix(parent(path), ".headers") }

func lastMember(path string) string { return strings.Trim(path[len(parent(path)):], `.[]"`) }

// shorthand reads a mapping into out, or a single value into its main member: a target as
// "provider/model", the ledger as its address.
func (d *decoder) shorthand(path string, n ast.Node, out, main any) {
	setDefaults(out)
	if _, isMap := n.(ast.MapNode); isMap {
		d.structure(path, n, reflect.ValueOf(out).Elem())
		return
	}
	d.value(path, n, reflect.ValueOf(main).Elem())
}

// written returns the path of a section's main setting as the file has it: that of the section
// where shorthand was used.
func (d *decoder) written(section, name string) string {
	if _, given := d.at[Path(section, name)]; given {
		return Path(section, name)
	}
	return section
}

// oneOrMore reads a list, or one element without brackets around it.
func (d *decoder) oneOrMore(path string, n ast.Node, list reflect.Value) {
	if _, isList := n.(*ast.SequenceNode); isList {
		d.sequence(path, n, list)
		return
	}
	before := len(d.faults)
	one := reflect.MakeSlice(list.Type(), 1, 1)
	d.value(path, n, one.Index(0))
	if len(d.faults) == before {
		list.Set(one)
	}
}

// capabilities reads a list of feature names.
func (d *decoder) capabilities(path string, n ast.Node, out *Capabilities) {
	var names []string
	d.sequence(path, n, reflect.ValueOf(&names).Elem())
	all := llm.Features(^uint32(0)).Names()
	for i, name := range names {
		bit := slices.Index(all, name)
		if bit < 0 {
			d.fault(fmt.Sprintf("%s[%d]", path, i), nil, DidYouMean(name, all), "there is no capability %q", name)
			continue
		}
		*out |= 1 << bit
	}
}

// dialect reads the name of a wire format, which checkDialect checks: it may be a plugin.
func (d *decoder) dialect(path string, n ast.Node, out *llm.Dialect) {
	if s, ok := d.text(path, n); ok {
		*out = llm.Dialect(s)
	}
}

// object reads the settings of a router or plugin as JSON.
func (d *decoder) object(path string, n ast.Node, out *Object) {
	if _, isMap := n.(ast.MapNode); !isMap {
		d.fault(path, n, "", "must be a mapping (name: value), not %s", kindOf(n))
		return
	}
	before := len(d.faults)
	v := d.json(path, n)
	if len(d.faults) > before {
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		d.fault(path, n, "", "cannot be written as JSON: %v", err)
		return
	}
	*out = b
}

// json converts a node to a value that encoding/json writes as the same.
func (d *decoder) json(path string, n ast.Node) any {
	n, ok := d.enter(path, n)
	if !ok {
		return nil
	}
	defer func() { d.depth-- }()
	switch x := n.(type) {
	case *ast.NullNode:
		return nil
	case *ast.BoolNode:
		return x.Value
	case *ast.IntegerNode:
		return x.Value
	case *ast.InfinityNode, *ast.NanNode:
		d.fault(path, n, "", "must be a finite number, not %s", kindOf(n))
		return nil
	case *ast.FloatNode:
		if num := number(n); json.Valid([]byte(num)) {
			return json.Number(num)
		}
		return x.Value
	case *ast.SequenceNode:
		list := make([]any, len(x.Values))
		for i, item := range x.Values {
			list[i] = d.json(fmt.Sprintf("%s[%d]", path, i), item)
		}
		return list
	case ast.MapNode:
		members, _ := d.members(path, n, nil)
		out := make(map[string]any, len(members))
		for name, node := range members {
			out[name] = d.json(Path(path, name), node)
		}
		return out
	}
	s, _ := d.text(path, n)
	return s
}

// MarshalJSON writes the object as it is; nil is null.
func (o Object) MarshalJSON() ([]byte, error) {
	if o == nil {
		return []byte("null"), nil
	}
	return bytes.Clone(o), nil
}
