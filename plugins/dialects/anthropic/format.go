package anthropic

import (
	penstock "github.com/penstock/penstock/sdk/go"
)

// jsonInstruction asks for what response_format's json_object means; Anthropic has no such
// mode.
const jsonInstruction = `{"type":"text","text":"Respond with one valid JSON object and nothing else."}`

// planFormat rewrites the schema of response_format as Anthropic takes it. Where it takes
// none, the schema goes into the system prompt.
func (r *request) planFormat() error {
	r.format = r.format[:0]
	schema := r.in.AnswerSchema()
	if schema.Null() || !r.in.OutputConfig.Null() {
		return nil
	}
	if r.model.structured() {
		body := r.B
		r.B = r.format
		r.writeStrict(schema, false)
		r.format, r.B = r.B, body
	}
	if len(r.format) == 0 {
		r.Drop("response_format")
	}
	return nil
}

// writeFormatInstruction asks in the system prompt for what response_format asks, when there
// is no parameter for it.
func (r *request) writeFormatInstruction() {
	switch schema := r.in.AnswerSchema(); {
	case len(r.format) > 0, !r.in.OutputConfig.Member("format").Null():
	case schema.Null():
		if r.in.WantsJSON() {
			r.Literal(jsonInstruction)
		}
	default:
		r.Open('{')
		r.MemberLiteral("type", `"text"`)
		r.MemberLiteral("text", `"Respond with one JSON object and nothing else. It must satisfy this JSON schema: `)
		r.B = penstock.AppendInside(r.B, schema)
		r.Byte('"')
		r.Close('}')
	}
}

// writeOutputConfig writes the effort and the schema of the answer. A request's own
// output_config goes out as it came.
func (r *request) writeOutputConfig() {
	if !r.in.OutputConfig.Null() {
		r.MemberValue("output_config", r.in.OutputConfig)
		return
	}
	if r.plan.effort == "" && len(r.format) == 0 {
		return
	}
	r.Name("output_config")
	r.Open('{')
	if r.plan.effort != "" {
		r.MemberText("effort", []byte(r.plan.effort))
	}
	if len(r.format) > 0 {
		r.Name("format")
		r.Open('{')
		r.MemberLiteral("type", `"json_schema"`)
		r.MemberValue("schema", r.format)
		r.Close('}')
	}
	r.Close('}')
}
