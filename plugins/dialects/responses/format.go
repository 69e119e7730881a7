package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeText writes the format of the answer and its verbosity. A request's own "text" goes out
// as it came.
func (r *request) writeText() error {
	if !r.own.text.Null() {
		r.MemberValue("text", r.own.text)
		return nil
	}
	mark := len(r.B)
	r.Name("text")
	r.Open('{')
	start := len(r.B)
	r.writeFormat()
	r.MemberValue("verbosity", r.own.verbosity)
	if len(r.B) == start {
		r.B = r.B[:mark]
		return nil
	}
	r.Close('}')
	return nil
}

// writeFormat writes response_format, whose schema stands one level higher in this API.
func (r *request) writeFormat() {
	schema := r.in.AnswerSchema()
	if schema.Null() {
		if r.in.WantsJSON() {
			r.MemberLiteral("format", `{"type":"json_object"}`)
		}
		return
	}
	about := r.in.ResponseFormat.Member("json_schema")
	r.Name("format")
	r.Literal(`{"type":"json_schema","name":`)
	if name := about.Member("name"); len(canonical.Inside(name)) > 0 {
		r.Value(name)
	} else {
		r.Literal(`"response"`)
	}
	r.MemberValue("description", about.Member("description"))
	r.MemberValue("schema", schema)
	r.MemberValue("strict", about.Member("strict"))
	r.Close('}')
}
