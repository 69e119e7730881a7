package ollama

// writeFormat writes the format of the answer: any JSON, or a schema.
func (r *request) writeFormat() error {
	schema := r.in.AnswerSchema()
	switch {
	case !r.own.format.Null():
		r.MemberValue("format", r.own.format)
	case !schema.Null():
		r.MemberValue("format", schema)
	case r.in.WantsJSON():
		r.MemberLiteral("format", `"json"`)
	}
	return nil
}
