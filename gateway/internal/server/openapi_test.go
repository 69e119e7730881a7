package server

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/penstock/penstock/gateway/internal/httpapi/openapi"
)

// describedAPI sends the examples of the OpenAPI document to a running gateway.
type describedAPI struct {
	t           *testing.T
	data, admin string
	schemas     *jsonschema.Compiler
	// ids takes the place of the examples of ids, by the path before them.
	ids map[string]string
	// answered counts the operations by status.
	answered map[int]int
}

const documentURL = "http://penstock/openapi.json"

// TestExamplesOfTheDocument sends every example in the OpenAPI document to a running gateway. The
// status must be among those described, and the body must be as its schema says.
func TestExamplesOfTheDocument(t *testing.T) {
	skipRaced(t)
	t.Parallel()
	h := openTestServer(t, http.NotFoundHandler(), "keys: off\nmodels: {demo: {targets: [demo/demo]}}\n")
	admin := httptest.NewServer(h.AdminHandler())
	t.Cleanup(admin.Close)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	x := &describedAPI{t: t, data: strings.TrimSuffix(h.URL, "/v1"), admin: admin.URL, schemas: jsonschema.NewCompiler(), answered: map[int]int{},
		ids: map[string]string{}}
	if err := x.schemas.AddResource(documentURL, document); err != nil {
		t.Fatal(err)
	}
	resp, _ := h.post(t, `{"model":"demo","messages":[{"role":"user","content":"hi"}]}`)
	x.ids["/admin/v1/requests/"] = resp.Header.Get("X-Penstock-Request-Id")
	operations := slices.Clone(openapi.Parsed().Operations)
	slices.SortStableFunc(operations, func(a, b openapi.Operation) int { return turn(&a) - turn(&b) })
	for i := range operations {
		if operations[i].Path != "/admin/v1/requests/live" { // it has no end
			x.send(&operations[i])
		}
	}
	if x.answered[200] < len(operations)-12 {
		t.Errorf("only %v of %d operations were answered", x.answered, len(operations))
	}
}

// turn orders the operations so that what is asked for has been made: users before the teams
// with them, what removes something last, and of it what is inside something first.
func turn(op *openapi.Operation) int {
	switch {
	case op.Method == http.MethodDelete:
		return 100 - strings.Count(op.Path, "/")
	case op.Method == http.MethodPost && !strings.Contains(op.Path, "{id}"):
		return map[bool]int{true: 0, false: 1}[strings.HasSuffix(op.Path, "/users")]
	case op.Method == http.MethodPatch:
		return 2
	case op.Method == http.MethodPost:
		return 3
	}
	return 4
}

func (x *describedAPI) send(op *openapi.Operation) {
	base := x.admin
	if op.Data && !op.Admin {
		base = x.data
	}
	path, query := op.Path, url.Values{}
	for _, p := range op.Parameters {
		example, _ := p.Example.(string)
		if n, ok := p.Example.(float64); ok {
			example = strconv.FormatFloat(n, 'f', -1, 64)
		}
		switch before, _, _ := strings.Cut(path, "{"); {
		case p.In == "path" && x.ids[before] != "":
			path = strings.Replace(path, "{"+p.Name+"}", x.ids[before], 1)
		case p.In == "path":
			path = strings.Replace(path, "{"+p.Name+"}", example, 1)
		case p.In == "query" && p.Example != nil:
			query.Set(p.Name, example)
		}
	}
	var body io.Reader
	if op.Body != nil {
		text, _ := json.Marshal(op.Body.Content["application/json"].Example)
		body = bytes.NewReader(text)
		x.valid(op, "/requestBody/content/application~1json/schema", text)
	}
	req, err := http.NewRequestWithContext(x.t.Context(), op.Method, base+path+"?"+query.Encode(), body)
	if err != nil {
		x.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	x.check(op, resp, text)
	if op.Method == http.MethodPost && op.Path == "/admin/v1/keys" {
		var key struct{ ID string }
		_ = json.Unmarshal(text, &key) // check has read it
		x.ids["/admin/v1/keys/"] = key.ID
	}
}

// check compares an answer with its description.
func (x *describedAPI) check(op *openapi.Operation, resp *http.Response, text []byte) {
	x.answered[resp.StatusCode]++
	described, ok := op.Responses[strconv.Itoa(resp.StatusCode)]
	kind := resp.Header.Get("Content-Type")
	if !ok {
		x.t.Errorf("%s %s answers %d, which is not described: %s", op.Method, op.Path, resp.StatusCode, text)
		return
	}
	at := "/responses/" + strconv.Itoa(resp.StatusCode)
	if name, ok := strings.CutPrefix(described.Ref, "#"); ok {
		x.t.Logf("%s %s: %d %.120s", op.Method, op.Path, resp.StatusCode, text)
		x.validAt(op, name+"/content/application~1json/schema", text)
		return
	}
	plain, _, _ := strings.Cut(kind, ";")
	if _, ok := described.Content[plain]; !ok && described.Content[kind].Schema.Type == nil {
		x.t.Errorf("%s %s answers with %s, which is not described", op.Method, op.Path, kind)
	} else if plain == "application/json" {
		x.valid(op, at+"/content/application~1json/schema", text)
	}
}

// valid validates a JSON text with a schema of the operation, validAt with one of the document.
func (x *describedAPI) valid(op *openapi.Operation, at string, text []byte) {
	escaped := strings.NewReplacer("~", "~0", "/", "~1").Replace(op.Path)
	x.validAt(op, "/paths/"+escaped+"/"+strings.ToLower(op.Method)+at, text)
}

func (x *describedAPI) validAt(op *openapi.Operation, at string, text []byte) {
	schema, err := x.schemas.Compile(documentURL + "#" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(at))
	if err != nil {
		x.t.Errorf("%s %s: %v", op.Method, op.Path, err)
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		x.t.Errorf("%s %s: %v\n%s", op.Method, op.Path, err, text)
	}
}
