package openai

import (
	"unicode/utf8"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeLimit writes the bound on output tokens, but no more than the model can give: OpenAI
// refuses a larger one.
func (r *request) writeLimit(m canonical.Member) {
	r.Key(m.Key)
	if n := canonical.Whole(m.Value); r.limit > 0 && n > r.limit {
		r.Int(r.limit)
		return
	}
	r.Value(m.Value)
}

// maxStop is the number of stop sequences that OpenAI takes.
const maxStop = 4

// writeSampling writes a parameter that models which reason refuse.
func (r *request) writeSampling(m canonical.Member) {
	name := string(m.Key)
	if r.model.fixed {
		if x, ok := m.Value.Number(); !(ok && x == 1 && (name == "temperature" || name == "top_p")) && !canonical.Empty(m.Value) {
			r.Drop(name)
		}
		return
	}
	r.Key(m.Key)
	if name != "stop" || m.Value.Kind() != '[' {
		r.Value(m.Value)
		return
	}
	r.Open('[')
	n := 0
	for v := range m.Value.Items {
		if n++; n <= maxStop {
			r.Value(v)
		}
	}
	r.Close(']')
	if n > maxStop {
		r.Drop("stop")
	}
}

// maxUser is the length of user at OpenAI's, in bytes.
const maxUser = 64

// writeUser writes the caller's name for its user, cut to what OpenAI takes.
func (r *request) writeUser(v canonical.Value) {
	user := canonical.Text(v)
	if len(user) > maxUser {
		user = user[:maxUser]
		for len(user) > 0 && !utf8.Valid(user) {
			user = user[:len(user)-1]
		}
	}
	if len(user) > 0 {
		r.MemberText("user", user)
	}
}

// writeTier writes a tier that OpenAI has. Its default need not be asked for.
func (r *request) writeTier(v canonical.Value) {
	switch string(canonical.Text(v)) {
	case "auto", "default", "":
	case "flex", "priority", "scale":
		r.MemberValue("service_tier", v)
	default:
		r.Drop("service_tier")
	}
}

// writeReasoning says in OpenAI's word how much the model is to think. What asks for thinking
// without a measure leaves it to the model.
func (r *request) writeReasoning() {
	asked, ok := r.in.Reasoning()
	effort := asked.Effort
	switch {
	case !ok || asked.Off && asked.Member != "reasoning_effort":
		return
	case !r.model.reasons:
		if !asked.Off {
			r.Drop(asked.Member)
		}
		return
	case !asked.HasEffort() && asked.Budget > 0:
		effort = canonical.BudgetEffort(asked.Budget)
	case !asked.HasEffort():
		return
	}
	if (effort == "xhigh" || effort == "max") && !r.model.high {
		effort = "high"
		r.Drop("reasoning_effort")
	} else if effort == "max" {
		effort = "xhigh"
	}
	r.MemberText("reasoning_effort", []byte(effort))
}

// writeFormat writes response_format. A schema that OpenAI can hold the model to is strict,
// as it is with a provider who knows no other.
func (r *request) writeFormat(format canonical.Value) {
	schema := format.Member("json_schema", "schema")
	if string(canonical.Text(format.Member("type"))) != "json_schema" || !format.Member("json_schema", "strict").Null() || !strictable(schema, 0) {
		r.MemberValue("response_format", format)
		return
	}
	r.Name("response_format")
	r.Open('{')
	r.MemberLiteral("type", `"json_schema"`)
	r.Name("json_schema")
	r.Open('{')
	for key, v := range format.Member("json_schema").Members {
		if !v.Null() {
			r.Key(key)
			r.Value(v)
		}
	}
	r.MemberLiteral("strict", "true")
	r.Raw("}}")
}

// maxNesting bounds the schemas that are looked through.
const maxNesting = 10

// strictable reports whether OpenAI takes a schema as a strict one: every object names all
// its properties as required and allows no others.
func strictable(schema canonical.Value, depth int) bool {
	if depth > maxNesting || schema.Kind() != '{' {
		return false
	}
	n := canonical.ReadSchema(schema)
	if depth == 0 && string(canonical.Text(n.Type)) != "object" || n.Combines() && depth == 0 {
		return false
	}
	if properties := schema.Member("properties"); string(canonical.Text(n.Type)) == "object" || properties != nil {
		if schema.Member("additionalProperties").Kind() != 'f' || !requiresAll(properties, schema.Member("required")) {
			return false
		}
	}
	for key, v := range schema.Members {
		switch string(key) {
		case "properties", "$defs", "definitions":
			for _, one := range v.Members {
				if !strictable(one, depth+1) {
					return false
				}
			}
		case "items":
			if !strictable(v, depth+1) {
				return false
			}
		case "anyOf":
			for one := range v.Items {
				if !strictable(one, depth+1) {
					return false
				}
			}
		case "oneOf", "allOf", "not", "if", "patternProperties", "minLength", "maxLength", "uniqueItems", "prefixItems", "default":
			return false
		}
	}
	return true
}

func requiresAll(properties, required canonical.Value) bool {
	names := map[string]bool{}
	for v := range required.Items {
		names[string(canonical.Text(v))] = true
	}
	for key := range properties.Members {
		if !names[string(key)] {
			return false
		}
	}
	return true
}
