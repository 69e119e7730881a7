package dialects

import "bytes"

// shape is an object whose schema is put together from several.
type shape struct {
	properties []property
	required   [][]byte
}

// property is a property with its schemas, of which any may hold.
type property struct {
	key     []byte
	schemas []value
}

// maxShapeDepth bounds how deep choices stand within each other.
const maxShapeDepth = 8

// gather adds what a schema says of an object: all of allOf, and of a choice every
// property, of which those are required that each branch requires. It reports false for
// what is no object.
func (s *schemas) gather(o *shape, v value, depth int) bool {
	s.gathered++
	n := readSchema(v)
	if ref := text(n.ref); ref != nil {
		n = readSchema(s.resolve(ref))
	}
	if t := n.types(); depth > maxShapeDepth || s.gathered > maxGathered || t != 0 && t&objectType == 0 {
		return false
	}
	for key, p := range n.properties.Members {
		o.add(key, p)
	}
	for name := range n.required.Items {
		o.require(text(name))
	}
	for part := range n.allOf.Items {
		if !s.gather(o, part, depth+1) {
			return false
		}
	}
	return s.gatherChoice(o, n.anyOf, depth) && s.gatherChoice(o, n.oneOf, depth)
}

func (s *schemas) gatherChoice(o *shape, list value, depth int) bool {
	var common [][]byte
	first := true
	for branch := range list.Items {
		if string(text(branch.Member("type"))) == "null" {
			continue
		}
		var one shape
		if !s.gather(&one, branch, depth+1) {
			return false
		}
		for _, p := range one.properties {
			for _, v := range p.schemas {
				o.add(p.key, v)
			}
		}
		if first {
			common, first = one.required, false
		} else {
			common = intersection(common, one.required)
		}
	}
	for _, name := range common {
		o.require(name)
	}
	return true
}

func (o *shape) add(key []byte, v value) {
	for i := range o.properties {
		p := &o.properties[i]
		if !bytes.Equal(p.key, key) {
			continue
		}
		for _, had := range p.schemas {
			if bytes.Equal(had, v) {
				return
			}
		}
		p.schemas = append(p.schemas, v)
		return
	}
	o.properties = append(o.properties, property{key: key, schemas: []value{v}})
}

func (o *shape) require(name []byte) {
	if name != nil && !contains(o.required, name) {
		o.required = append(o.required, name)
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
