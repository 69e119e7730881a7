package dialects

// emptyParameters are those of a function without any.
const emptyParameters = `{"type":"object","properties":{}}`

// writeSchema writes the parameters of a function. Anthropic wants them to be of type
// object, even if there are none, and takes neither a choice nor a reference in its place.
func (r *request) writeSchema(parameters value) {
	if parameters.Kind() != '{' || !filled(parameters) {
		r.literal(emptyParameters)
		return
	}
	n := readSchema(parameters)
	n.notes = choiceNotes(&n)
	if n.chooses() || n.ref != nil {
		if r.writeMerged(&n) {
			return
		}
	} else if string(text(n.typ)) == "object" {
		r.value(parameters)
		return
	}
	n.note("allOf", n.allOf)
	n.note("$ref", n.ref)
	r.open('{')
	r.memberLiteral("type", `"object"`)
	writeDescription(&r.writer, n.description, n.notes)
	r.writeMembersBut(parameters, func(key string) bool { return mergedMember(key) && key != "properties" && key != "required" })
	r.close('}')
}

// chooses reports whether a schema is put together from others.
func (n *schemaNode) chooses() bool {
	return n.anyOf.Kind() == '[' || n.oneOf.Kind() == '[' || n.allOf.Kind() == '['
}

// writeMerged writes a choice of schemas as one object with the properties of all; what
// belongs together is said in the description. It reports false, having written nothing,
// when the choice is not one of objects.
func (r *request) writeMerged(n *schemaNode) bool {
	s := schemas{root: n.whole}
	var o shape
	if s.recursiveRoot(n) || !s.gather(&o, n.whole, 0) {
		return false
	}
	whole, notes := n.whole, n.notes
	if ref := text(n.ref); ref != nil {
		target := readSchema(s.resolve(ref))
		whole, notes = target.whole, choiceNotes(&target)
		n.description = or(n.description, target.description)
	}
	r.open('{')
	r.memberLiteral("type", `"object"`)
	writeDescription(&r.writer, n.description, notes)
	r.writeProperties(&o)
	writeNames(&r.writer, o.required)
	r.writeMembersBut(whole, mergedMember)
	if n.ref != nil {
		r.memberValue("$defs", n.defs)
		r.memberValue("definitions", n.definitions)
	}
	r.close('}')
	return true
}

// recursiveRoot reports whether the schema's own reference leads back to it.
func (s *schemas) recursiveRoot(n *schemaNode) bool {
	ref := text(n.ref)
	if ref == nil {
		return false
	}
	target := s.resolve(ref)
	return target.Kind() != '{' || !target.Member("$ref").Null()
}

// mergedMember reports whether a member is written by writeMerged itself.
func mergedMember(key string) bool {
	switch key {
	case "type", "description", "properties", "required", "anyOf", "oneOf", "allOf", "$ref":
		return true
	}
	return false
}

func choiceNotes(n *schemaNode) (notes []other) {
	for _, choice := range [...]other{{[]byte("anyOf"), n.anyOf}, {[]byte("oneOf"), n.oneOf}} {
		if filled(choice.value) {
			notes = append(notes, choice)
		}
	}
	return notes
}

func (r *request) writeProperties(o *shape) {
	r.name("properties")
	r.open('{')
	for _, p := range o.properties {
		r.text(p.key)
		r.close(':')
		if len(p.schemas) == 1 {
			r.value(p.schemas[0])
			continue
		}
		r.open('{')
		r.name("anyOf")
		r.open('[')
		for _, v := range p.schemas {
			r.value(v)
		}
		r.close(']')
		r.close('}')
	}
	r.close('}')
}

// writeMembersBut writes the members of an object whose names skip does not name.
func (r *request) writeMembersBut(object value, skip func(string) bool) {
	for key, v := range object.Members {
		if !skip(string(key)) {
			r.text(key)
			r.close(':')
			r.value(v)
		}
	}
}
