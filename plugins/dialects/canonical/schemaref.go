package canonical

import "bytes"

// Resolver follows the references within a schema.
type Resolver struct {
	// Root is the whole schema.
	Root Value
	// known are what references point to, the definitions from the start.
	known map[string]Value
	// inlined counts the references that were replaced by their schema, merged the schemas
	// that were merged: a small schema can multiply by either.
	inlined, merged int
}

// The bounds of that, and how deep schemas may be nested.
const (
	maxInlined     = 100
	maxMerged      = 300
	maxSchemaDepth = 256
)

// IsDefinition reports whether a reference names one of the schema's own definitions.
func (s *Resolver) IsDefinition(ref []byte) bool {
	for _, path := range [...]string{"#/$defs/", "#/definitions/"} {
		if name, ok := bytes.CutPrefix(ref, []byte(path)); ok {
			return bytes.IndexByte(name, '/') < 0
		}
	}
	return false
}

// Inline is Resolve for a reference that is to be replaced by its schema. It reports false
// after too many of them.
func (s *Resolver) Inline(ref []byte) (Value, bool) {
	if s.inlined++; s.inlined > maxInlined {
		return nil, false
	}
	return s.Resolve(ref), true
}

// Resolve returns what a reference within the schema points to, nil when there is no such
// thing. Each is looked up once.
func (s *Resolver) Resolve(ref []byte) Value {
	if s.known == nil {
		s.indexDefinitions()
	}
	v, ok := s.known[string(ref)]
	if !ok {
		v = s.follow(ref)
		s.known[string(ref)] = v
	}
	return v
}

// indexDefinitions looks the definitions up in one pass: a large schema has hundreds.
func (s *Resolver) indexDefinitions() {
	s.known = map[string]Value{}
	for _, list := range [...]string{"$defs", "definitions"} {
		for key, v := range s.Root.Member(list).Members {
			if bytes.IndexByte(key, '~') < 0 && bytes.IndexByte(key, '/') < 0 {
				s.known["#/"+list+"/"+string(key)] = v
			}
		}
	}
}

// follow looks a reference up step by step.
func (s *Resolver) follow(ref []byte) Value {
	path, ok := bytes.CutPrefix(ref, []byte("#"))
	if !ok {
		return nil
	}
	v := s.Root
	for len(path) > 0 {
		if path, ok = bytes.CutPrefix(path, []byte("/")); !ok {
			return nil
		}
		var step []byte
		if i := bytes.IndexByte(path, '/'); i >= 0 {
			step, path = path[:i], path[i:]
		} else {
			step, path = path, nil
		}
		v = child(v, unescapePointer(step))
	}
	return v
}

// child is a member of an object, or an element of a list by its number.
func child(v Value, step []byte) Value {
	if v.Kind() == '{' {
		return v.Member(string(step))
	}
	i, rest := SmallIndex(step)
	if rest == nil || len(rest) > 0 { // not a number, or not only that
		return nil
	}
	n := int64(0)
	for item := range v.Items {
		if n == i {
			return item
		}
		n++
	}
	return nil
}

func unescapePointer(step []byte) []byte {
	if bytes.IndexByte(step, '~') < 0 {
		return step
	}
	step = bytes.ReplaceAll(step, []byte("~1"), []byte("/"))
	return bytes.ReplaceAll(step, []byte("~0"), []byte("~"))
}

// Recursive reports whether the schema refers to itself, or to what is not in it.
func (s *Resolver) Recursive() bool { return s.loops(s.Root, map[string]bool{}, 0) }

// loops walks through a schema. Seen holds the references on the way to v as true, and
// those that are known to end as false.
func (s *Resolver) loops(v Value, seen map[string]bool, depth int) bool {
	if depth > maxSchemaDepth {
		return true
	}
	for item := range v.Items {
		if s.loops(item, seen, depth+1) {
			return true
		}
	}
	for key, member := range v.Members {
		ref := Text(member)
		if string(key) != "$ref" || ref == nil {
			if s.loops(member, seen, depth+1) {
				return true
			}
			continue
		}
		if s.loopsAt(ref, seen, depth) {
			return true
		}
	}
	return false
}

func (s *Resolver) loopsAt(ref []byte, seen map[string]bool, depth int) bool {
	name := string(ref)
	if open, known := seen[name]; known {
		return open
	}
	target := s.Resolve(ref)
	if target.Kind() != '{' {
		return true
	}
	seen[name] = true
	defer func() { seen[name] = false }()
	return s.loops(target, seen, depth+1)
}

// LoopsAtRoot reports whether the schema's own reference leads to another one, or to what is
// not in it.
func (s *Resolver) LoopsAtRoot(n *Schema) bool {
	ref := Text(n.Ref)
	if ref == nil {
		return false
	}
	target := s.Resolve(ref)
	return target.Kind() != '{' || !target.Member("$ref").Null()
}
