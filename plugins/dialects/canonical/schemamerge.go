package canonical

import "bytes"

// Object is an object whose schema is merged from several.
type Object struct {
	Properties []Property
	Required   [][]byte
}

// Property is a property with its schemas, of which any may hold.
type Property struct {
	Key     []byte
	Schemas []Value
}

// maxMergeDepth bounds how deep the choices that are merged are nested.
const maxMergeDepth = 8

// Merge makes one object of a schema: all of allOf, and of a choice every
// property, of which those are required that each branch requires. It reports false for
// what is not an object, or too large.
func (s *Resolver) Merge(v Value) (o Object, ok bool) {
	ok = s.merge(&o, v, 0)
	return o, ok
}

func (s *Resolver) merge(o *Object, v Value, depth int) bool {
	s.merged++
	n := ReadSchema(v)
	if ref := Text(n.Ref); ref != nil {
		n = ReadSchema(s.Resolve(ref))
	}
	if t := n.Types(); depth > maxMergeDepth || s.merged > maxMerged || t != 0 && t&ObjectType == 0 {
		return false
	}
	for key, p := range n.Properties.Members {
		o.add(key, p)
	}
	for name := range n.Required.Items {
		o.require(Text(name))
	}
	for part := range n.AllOf.Items {
		if !s.merge(o, part, depth+1) {
			return false
		}
	}
	return s.mergeChoice(o, n.AnyOf, depth) && s.mergeChoice(o, n.OneOf, depth)
}

func (s *Resolver) mergeChoice(o *Object, list Value, depth int) bool {
	var common [][]byte
	first := true
	for branch := range list.Items {
		if string(Text(branch.Member("type"))) == "null" {
			continue
		}
		var one Object
		if !s.merge(&one, branch, depth+1) {
			return false
		}
		for _, p := range one.Properties {
			for _, v := range p.Schemas {
				o.add(p.Key, v)
			}
		}
		if first {
			common, first = one.Required, false
		} else {
			common = intersection(common, one.Required)
		}
	}
	for _, name := range common {
		o.require(name)
	}
	return true
}

func (o *Object) add(key []byte, v Value) {
	for i := range o.Properties {
		p := &o.Properties[i]
		if !bytes.Equal(p.Key, key) {
			continue
		}
		for _, had := range p.Schemas {
			if bytes.Equal(had, v) {
				return
			}
		}
		p.Schemas = append(p.Schemas, v)
		return
	}
	o.Properties = append(o.Properties, Property{Key: key, Schemas: []Value{v}})
}

func (o *Object) require(name []byte) {
	if name != nil && !contains(o.Required, name) {
		o.Required = append(o.Required, name)
	}
}

func contains(names [][]byte, name []byte) bool {
	for _, n := range names {
		if bytes.Equal(n, name) {
			return true
		}
	}
	return false
}

func intersection(a, b [][]byte) (both [][]byte) {
	for _, name := range a {
		if contains(b, name) {
			both = append(both, name)
		}
	}
	return both
}
