package dashboard

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/httpapi/openapi"
)

// docsView is the description of the API.
type docsView struct {
	Description string
	Tags        []docsTag
}

type docsTag struct {
	Name, Description string
	Operations        []docsOperation
}

// docsOperation is one operation as it is read.
type docsOperation struct {
	openapi.Operation
	// Where says which listener has it.
	Where string
	// Curl calls it from a shell.
	Curl string
	// Sends are the members of the body, Replies those of the answer; empty for other bodies.
	Sends, Replies []docsMember
	// Refusals are the statuses of errors.
	Refusals string
}

// docsMember is one member of a JSON object.
type docsMember struct {
	Name, Type, Description string
	Required                bool
}

// docs serves GET /docs: the OpenAPI document, to read.
func (d *Dashboard) docs(w http.ResponseWriter, r *http.Request) {
	document := openapi.Parsed()
	v := docsView{Description: document.Info.Description}
	for _, t := range document.Tags {
		tag := docsTag{Name: t.Name, Description: t.Description}
		for i := range document.Operations {
			if op := &document.Operations[i]; op.Tags[0] == t.Name {
				tag.Operations = append(tag.Operations, docsOf(document, op))
			}
		}
		v.Tags = append(v.Tags, tag)
	}
	d.render(w, r, http.StatusOK, "docs.html", "API", v)
}

func docsOf(d *openapi.Document, op *openapi.Operation) docsOperation {
	out := docsOperation{Operation: *op, Curl: curl(op)}
	switch {
	case op.Data && op.Admin:
		out.Where = "both listeners"
	case op.Data:
		out.Where = "data listener"
	default:
		out.Where = "admin listener"
	}
	if op.Body != nil {
		out.Sends = schemaMembers(d, op.Body.Content["application/json"].Schema)
	}
	out.Replies = schemaMembers(d, op.Responses["200"].Content["application/json"].Schema)
	out.Refusals = strings.Join(slices.DeleteFunc(slices.Sorted(maps.Keys(op.Responses)), func(s string) bool { return s == "200" }), ", ")
	return out
}

// curl calls an operation of a gateway on this machine.
func curl(op *openapi.Operation) string {
	base := "http://127.0.0.1:8081"
	if op.Data && !op.Admin {
		base = "http://127.0.0.1:8080"
	}
	path, query := op.Path, ""
	for _, p := range op.Parameters {
		example := strings.Trim(text(p.Example), `"`)
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", example)
		case p.In == "query" && p.Example != nil:
			query += cmp.Or(map[bool]string{true: "?"}[query == ""], "&") + p.Name + "=" + example
		}
	}
	line := "curl"
	if op.Method != http.MethodGet {
		line += " -X " + op.Method
	}
	line += " '" + base + path + query + "' \\\n  -H \"Authorization: Bearer $PENSTOCK_KEY\""
	if op.Body != nil {
		line += " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + text(op.Body.Content["application/json"].Example) + "'"
	}
	return line
}

// text writes an example of the document, which came from JSON.
func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// schemaMembers are those of an object, the required ones first.
func schemaMembers(d *openapi.Document, s openapi.Schema) (all []docsMember) {
	s = resolved(d, s)
	for name, m := range s.Properties {
		all = append(all, docsMember{Name: name, Type: typeName(d, m), Description: m.Description, Required: slices.Contains(s.Required, name)})
	}
	slices.SortFunc(all, func(a, b docsMember) int {
		if a.Required != b.Required {
			return map[bool]int{true: -1, false: 1}[a.Required]
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return all
}

func resolved(d *openapi.Document, s openapi.Schema) openapi.Schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.Schemas[name]
	}
	return s
}

// typeName is what a value is, in words.
func typeName(d *openapi.Document, s openapi.Schema) string {
	switch {
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case len(s.AnyOf) > 0:
		return typeName(d, s.AnyOf[0]) + " or null"
	case s.Items != nil:
		return "list of " + typeName(d, *s.Items)
	case s.Format != "":
		return s.Format
	}
	switch kind := s.Type.(type) {
	case string:
		return kind
	case []any:
		return strings.Trim(strings.ReplaceAll(text(kind), `","`, " or "), `[]"`)
	}
	return "any"
}
