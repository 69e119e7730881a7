package canonical

// maxInlinedSize bounds a schema whose references are replaced, in bytes beyond four times
// its own size.
const maxInlinedSize = 64 << 10

// WriteInlined writes the schema with every reference replaced by what it refers to, and
// without definitions. It reports false, having written a part, for a schema that grows too
// large. The schema must not be Recursive.
func (s *Resolver) WriteInlined(w *Writer) bool {
	i := inliner{Resolver: s, w: w, limit: len(w.B) + maxInlinedSize + 4*len(s.Root)}
	i.schema(s.Root)
	return !i.full
}

// inliner is one run of WriteInlined.
type inliner struct {
	*Resolver
	w     *Writer
	limit int
	full  bool
}

func (i *inliner) schema(v Value) {
	if i.full = i.full || len(i.w.B) > i.limit; i.full {
		return
	}
	if v.Kind() != '{' {
		i.w.Value(v)
		return
	}
	i.w.Open('{')
	i.members([]Value{v})
	i.w.Close('}')
}

// members writes the members of the last of these schemas, but those that one before it has
// as well: each is what the one before it refers to.
func (i *inliner) members(chain []Value) {
	v, outer := chain[len(chain)-1], chain[:len(chain)-1]
	var ref Value
	for key, member := range v.Members {
		switch name := string(key); {
		case name == "$ref" && member.Kind() == '"':
			ref = member
		case name == "$defs" || name == "definitions" || has(outer, name):
		default:
			i.w.Key(key)
			i.member(name, member)
		}
	}
	if ref == nil {
		return
	}
	target, ok := i.Inline(Text(ref))
	if i.full = i.full || !ok; !i.full {
		i.members(append(chain, target))
	}
}

// has reports whether one of these objects has a member.
func has(objects []Value, name string) bool {
	for _, o := range objects {
		if !o.Member(name).Null() {
			return true
		}
	}
	return false
}

// member writes the value of a member, in which schemas may stand.
func (i *inliner) member(name string, v Value) {
	switch {
	case v.Kind() == '{' && (name == "properties" || name == "patternProperties" || name == "dependentSchemas"):
		i.w.Open('{')
		for key, schema := range v.Members {
			i.w.Key(key)
			i.schema(schema)
		}
		i.w.Close('}')
	case v.Kind() == '[' && (name == "anyOf" || name == "oneOf" || name == "allOf" || name == "prefixItems" || name == "items"):
		i.w.Open('[')
		for schema := range v.Items {
			i.schema(schema)
		}
		i.w.Close(']')
	case v.Kind() == '{' && (name == "items" || name == "additionalProperties" || name == "not" || name == "contains"):
		i.schema(v)
	default:
		i.w.Value(v)
	}
}
