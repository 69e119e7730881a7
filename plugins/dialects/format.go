package dialects

import penstock "github.com/penstock/penstock/sdk/go"

// jsonInstruction asks for what response_format's json_object means; Anthropic has
// no such mode.
const jsonInstruction = `{"type":"text","text":"Respond with one valid JSON object and nothing else."}`

// planFormat puts the schema that response_format constrains the answer to into the form
// that Anthropic takes. Where there is none, the model has to be told in words.
func (r *request) planFormat() error {
	r.format = r.format[:0]
	schema := r.answerSchema()
	if schema.Null() || !r.said.outputConfig.Null() {
		return nil
	}
	if r.family.structured() {
		body := r.b
		r.b = r.format
		r.writeStrict(schema, false)
		r.format, r.b = r.b, body
	}
	if len(r.format) == 0 {
		r.drop("response_format")
	}
	return nil
}

// answerSchema is the schema of response_format; nil when it has none. Some services take
// one beside json_object, and clients that are used to them send it there.
func (r *request) answerSchema() value {
	switch format := r.said.responseFormat; string(text(format.Member("type"))) {
	case "json_schema":
		return format.Member("json_schema", "schema")
	case "json_object":
		return format.Member("schema")
	}
	return nil
}

// writeFormatInstruction says in words what response_format asks of a model that
// has no parameter for it.
func (r *request) writeFormatInstruction() {
	switch schema := r.answerSchema(); {
	case len(r.format) > 0:
	case schema.Null():
		if string(text(r.said.responseFormat.Member("type"))) == "json_object" {
			r.literal(jsonInstruction)
		}
	default:
		r.open('{')
		r.memberLiteral("type", `"text"`)
		r.memberLiteral("text", `"Respond with one JSON object and nothing else. It must satisfy this JSON schema: `)
		r.b = penstock.AppendInside(r.b, schema)
		r.close('"')
		r.close('}')
	}
}

func (r *request) writeOutputConfig() error {
	if r.plan.effort == "" && len(r.format) == 0 {
		return nil
	}
	r.name("output_config")
	r.open('{')
	if r.plan.effort != "" {
		r.memberText("effort", []byte(r.plan.effort))
	}
	if len(r.format) > 0 {
		r.name("format")
		r.open('{')
		r.memberLiteral("type", `"json_schema"`)
		r.memberValue("schema", r.format)
		r.close('}')
	}
	r.close('}')
	return nil
}
