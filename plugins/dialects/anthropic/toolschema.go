package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// emptyParameters are those of a function without any.
const emptyParameters = `{"type":"object","properties":{}}`

// writeSchema writes the parameters of a function. Anthropic wants them to be of type object,
// even if there are none, and takes neither a choice nor a reference instead.
func (r *request) writeSchema(parameters canonical.Value) {
	if parameters.Kind() != '{' || !canonical.Filled(parameters) {
		r.Literal(emptyParameters)
		return
	}
	n := canonical.ReadSchema(parameters)
	n.Notes = n.ChoiceNotes()
	if n.Combines() || n.Ref != nil {
		if r.writeMerged(&n) {
			return
		}
	} else if string(canonical.Text(n.Type)) == "object" {
		r.Value(parameters)
		return
	}
	n.Note("allOf", n.AllOf)
	n.Note("$ref", n.Ref)
	r.Open('{')
	r.MemberLiteral("type", `"object"`)
	canonical.WriteDescription(&r.Writer, n.Description, n.Notes)
	r.writeMembersBut(parameters, func(key string) bool { return mergedMember(key) && key != "properties" && key != "required" })
	r.Close('}')
}

// writeMerged writes a choice of schemas as one object with the properties of all, and the
// choice itself into the description. It reports false, having written nothing, when the
// choice is not one of objects.
func (r *request) writeMerged(n *canonical.Schema) bool {
	refs := canonical.Resolver{Root: n.Whole}
	if refs.LoopsAtRoot(n) {
		return false
	}
	o, ok := refs.Merge(n.Whole)
	if !ok {
		return false
	}
	whole, notes := n.Whole, n.Notes
	if ref := canonical.Text(n.Ref); ref != nil {
		target := canonical.ReadSchema(refs.Resolve(ref))
		whole, notes = target.Whole, target.ChoiceNotes()
		n.Description = canonical.Or(n.Description, target.Description)
	}
	r.Open('{')
	r.MemberLiteral("type", `"object"`)
	canonical.WriteDescription(&r.Writer, n.Description, notes)
	r.writeProperties(&o)
	writeRequired(&r.Writer, o.Required)
	r.writeMembersBut(whole, mergedMember)
	if n.Ref != nil {
		r.MemberValue("$defs", n.Defs)
		r.MemberValue("definitions", n.Definitions)
	}
	r.Close('}')
	return true
}

// mergedMember reports whether writeMerged writes a member itself.
func mergedMember(key string) bool {
	switch key {
	case "type", "description", "properties", "required", "anyOf", "oneOf", "allOf", "$ref":
		return true
	}
	return false
}

func (r *request) writeProperties(o *canonical.Object) {
	r.Name("properties")
	r.Open('{')
	for _, p := range o.Properties {
		r.Key(p.Key)
		if len(p.Schemas) == 1 {
			r.Value(p.Schemas[0])
			continue
		}
		r.Open('{')
		r.Name("anyOf")
		r.Open('[')
		for _, v := range p.Schemas {
			r.Value(v)
		}
		r.Close(']')
		r.Close('}')
	}
	r.Close('}')
}

// writeMembersBut writes the members of an object whose names skip does not report.
func (r *request) writeMembersBut(object canonical.Value, skip func(string) bool) {
	for key, v := range object.Members {
		if !skip(string(key)) {
			r.Key(key)
			r.Value(v)
		}
	}
}
