package cohere

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// answerFormat is how the answer is kept to the format that the request asks for.
type answerFormat struct {
	// json asks for a JSON object, schema holds it to a schema as Cohere takes it.
	json   bool
	schema []byte
	// instruct asks for it in words.
	instruct bool
}

// planFormat decides on the format. Cohere holds no answer to a format beside tools or
// documents, and to a schema only if that is in its subset; then it is asked for in words.
func (r *request) planFormat() {
	r.format = answerFormat{schema: r.format.schema[:0]}
	schema := r.in.AnswerSchema()
	if schema.Null() && !r.in.WantsJSON() {
		return
	}
	if len(r.functions) > 0 || canonical.Filled(r.in.Documents) || r.attachesFiles() {
		r.format.instruct = true
		r.Drop("response_format")
		return
	}
	r.format.json = true
	if schema.Null() {
		return
	}
	body := r.B
	r.B = r.format.schema
	fits := r.writeSchema(schema)
	r.format.schema, r.B = r.B, body
	if !fits {
		r.format.instruct = true
		r.Drop("response_format")
	}
}

// attachesFiles reports whether a message has a file.
func (r *request) attachesFiles() bool {
	for i := range r.in.Messages {
		for v := range r.in.Messages[i].Content.Items {
			switch string(canonical.Text(v.Member("type"))) {
			case "file", "input_file":
				return true
			}
		}
	}
	return false
}

// writeInstruction asks in words for the format that can't be asked for otherwise.
func (r *request) writeInstruction() {
	if !r.format.instruct {
		return
	}
	r.Literal(`{"role":"system","content":"Respond with one valid JSON object and nothing else.`)
	if schema := r.in.AnswerSchema(); !schema.Null() {
		r.Raw(" It must satisfy this JSON schema: ")
		r.B = penstock.AppendInside(r.B, schema)
	}
	r.Raw(`"}`)
}

// writeFormat writes response_format.
func (r *request) writeFormat() error {
	if !r.format.json {
		return nil
	}
	r.Literal(`"response_format":{"type":"json_object"`)
	if len(r.format.schema) > 0 {
		r.MemberValue("json_schema", r.format.schema)
	}
	r.Byte('}')
	return nil
}
