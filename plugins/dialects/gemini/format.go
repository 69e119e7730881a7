package gemini

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// formatPlan is the form that the answer must have.
type formatPlan struct {
	// json asks for JSON, which satisfies the schema if there is one.
	json   bool
	schema canonical.Value
	// words says that the model can only be told in words.
	words bool
}

// planFormat reads response_format.
func (r *request) planFormat() {
	f := &r.format
	f.schema = r.in.AnswerSchema()
	f.json = r.in.WantsJSON() || !f.schema.Null()
}

// writeFormat writes the form of the answer, unless tools keep an older model from it.
func (r *request) writeFormat() {
	f := &r.format
	if !f.json || f.words {
		return
	}
	r.MemberLiteral("responseMimeType", `"application/json"`)
	if f.schema.Kind() == '{' {
		r.Name("responseJsonSchema")
		r.writeSchema(f.schema, false, "response_format")
	}
}

// writeFormatInstruction says in words what response_format asks of a model that takes no
// schema beside tools.
func (r *request) writeFormatInstruction() {
	f := &r.format
	f.words = f.json && (r.mayCall() || r.others > 0) && !r.model.combines()
	if !f.words {
		return
	}
	r.Drop("response_format")
	r.Literal(`{"text":"Respond with one valid JSON object and nothing else`)
	if r.mayCall() {
		r.Raw(", unless you call a function")
	}
	r.Byte('.')
	if !f.schema.Null() {
		r.Raw(" It must satisfy this JSON schema: ")
		r.B = penstock.AppendInside(r.B, f.schema)
	}
	r.Raw(`"}`)
}
