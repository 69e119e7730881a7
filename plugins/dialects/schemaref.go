package dialects

import "bytes"

// schemas finds its way in a schema by its references.
type schemas struct {
	root value
	// known are what references point to, its definitions from the start.
	known map[string]value
	// inlined counts the references in whose place the schema itself was put, gathered the
	// schemas that were put together: a small schema can multiply by either.
	inlined, gathered int
}

// The bounds of that.
const (
	maxInlined  = 100
	maxGathered = 300
)

// definition reports whether a reference names one of the schema's own definitions.
func (s *schemas) definition(ref []byte) bool {
	for _, place := range [...]string{"#/$defs/", "#/definitions/"} {
		if name, ok := bytes.CutPrefix(ref, []byte(place)); ok {
			return bytes.IndexByte(name, '/') < 0
		}
	}
	return false
}

// resolve is what a reference within the schema points to; nil when there is no such
// thing. It is looked up once.
func (s *schemas) resolve(ref []byte) value {
	if s.known == nil {
		s.learn()
	}
	v, ok := s.known[string(ref)]
	if !ok {
		v = s.follow(ref)
		s.known[string(ref)] = v
	}
	return v
}

// learn looks the schema's definitions up in one pass: a large schema refers to hundreds.
func (s *schemas) learn() {
	s.known = map[string]value{}
	for _, place := range [...]string{"$defs", "definitions"} {
		for key, v := range s.root.Member(place).Members {
			if bytes.IndexByte(key, '~') < 0 && bytes.IndexByte(key, '/') < 0 {
				s.known["#/"+place+"/"+string(key)] = v
			}
		}
	}
}

// follow goes the way of a reference step by step.
func (s *schemas) follow(ref []byte) value {
	path, ok := bytes.CutPrefix(ref, []byte("#"))
	if !ok {
		return nil
	}
	v := s.root
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
func child(v value, step []byte) value {
	if v.Kind() == '{' {
		return v.Member(string(step))
	}
	i, rest := smallIndex(step)
	if len(rest) > 0 || len(step) == 0 {
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

// recursive reports whether the schema refers to itself, or to what is not in it.
func (s *schemas) recursive() bool { return s.loops(s.root, map[string]bool{}, 0) }

// loops walks through a schema; seen holds the references on the way, true, and those
// known to be good, false.
func (s *schemas) loops(v value, seen map[string]bool, depth int) bool {
	if depth > 4*maxSchemaDepth {
		return true
	}
	for item := range v.Items {
		if s.loops(item, seen, depth+1) {
			return true
		}
	}
	for key, member := range v.Members {
		ref := text(member)
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

func (s *schemas) loopsAt(ref []byte, seen map[string]bool, depth int) bool {
	name := string(ref)
	if open, known := seen[name]; known {
		return open
	}
	target := s.resolve(ref)
	if target.Kind() != '{' {
		return true
	}
	seen[name] = true
	defer func() { seen[name] = false }()
	return s.loops(target, seen, depth+1)
}
