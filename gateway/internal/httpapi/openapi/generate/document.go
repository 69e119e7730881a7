package main

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// document is an OpenAPI document. Its members are written in this order.
type document struct {
	OpenAPI    string            `json:"openapi"`
	Info       object            `json:"info"`
	Servers    []object          `json:"servers"`
	Security   []object          `json:"security"`
	Tags       []object          `json:"tags"`
	Paths      map[string]object `json:"paths"`
	Components object            `json:"components"`
}

// listeners say who serves an operation.
type listeners int

const (
	data listeners = 1 << iota
	operators
)

// operation declares one operation.
type operation struct {
	method, path string
	tag          string
	on           listeners
	summary      string
	description  string
	aliases      []string
	params       []object
	// body is an example of what is sent, of the type's own fields; nil for none. A schema may
	// describe it instead of the type.
	body       any
	bodySchema object
	// reply is a value of the type that is answered, or an object that is its schema. kind is its
	// content type, JSON when empty.
	reply any
	kind  string
	// alsoPlain says that the data listener answers with text.
	alsoPlain bool
	// streams is the content type of the streamed form; empty for none.
	streams string
	// errors are the statuses of refusals, besides those that any operation may have; shape is
	// the schema of their bodies.
	errors []int
	shape  string
	// open operations need no key.
	open bool
}

func newDocument(root string) (*document, error) {
	s := newSchemas(root)
	d := &document{OpenAPI: "3.1.0", Info: info(), Servers: servers(), Security: security(), Tags: tags(), Paths: map[string]object{}}
	seen := map[string]bool{}
	ops := append(clientOperations(), adminOperations()...)
	for _, op := range ops {
		made, err := op.make(s)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.method, op.path, err)
		}
		id := made["operationId"].(string)
		if seen[id] {
			return nil, fmt.Errorf("%s %s: the id %s is in use", op.method, op.path, id)
		}
		seen[id] = true
		if d.Paths[op.path] == nil {
			d.Paths[op.path] = object{}
		}
		d.Paths[op.path][strings.ToLower(op.method)] = made
	}
	for name, schema := range errorSchemas() {
		s.found[name] = schema
	}
	d.Components = object{"schemas": s.found, "responses": errorResponses(ops), "securitySchemes": securitySchemes(), "headers": headers()}
	return d, nil
}

func (op operation) make(s *schemas) (object, error) {
	out := object{"operationId": op.id(), "tags": []string{op.tag}, "summary": op.summary, "x-data": op.on&data != 0, "x-admin": op.on&operators != 0}
	if op.description != "" {
		out["description"] = op.description
	}
	if len(op.aliases) > 0 {
		out["x-aliases"] = op.aliases
	}
	if op.on&operators != 0 && !op.open {
		out["x-roles"] = rolesOf(op.method, op.path)
	}
	if op.open {
		out["security"] = []object{}
	}
	if len(op.params) > 0 {
		out["parameters"] = op.params
	}
	if op.body != nil {
		body, err := op.requestBody(s)
		if err != nil {
			return nil, err
		}
		out["requestBody"] = body
	}
	responses, err := op.responses(s)
	out["responses"] = responses
	return out, err
}

// id is a name for code that is generated from the document, such as getAdminKeysById.
func (op operation) id() string {
	words := strings.FieldsFunc(strings.ReplaceAll(op.path, "{", "by "), func(r rune) bool { return strings.ContainsRune("/{}:._ -", r) })
	id := strings.ToLower(op.method)
	for _, w := range words {
		if w != "v1" {
			id += strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return id
}

func rolesOf(method, path string) []string {
	roles := admin.RolesFor(method, path)
	var names []string
	for _, name := range []string{llm.RoleViewer, llm.RoleMember, llm.RoleAdmin} {
		if roles.Admits([]string{name}) {
			names = append(names, name)
		}
	}
	return names
}

func (op operation) requestBody(s *schemas) (object, error) {
	schema := op.bodySchema
	if schema == nil {
		var err error
		if schema, err = s.of(reflect.TypeOf(op.body)); err != nil {
			return nil, err
		}
	}
	return object{"required": true, "content": object{"application/json": object{"schema": schema, "example": op.body}}}, nil
}

func (op operation) responses(s *schemas) (object, error) {
	content := object{}
	kind := op.kind
	if kind == "" {
		kind = "application/json"
	}
	switch reply := op.reply.(type) {
	case nil:
		content[kind] = object{"schema": object{"type": "string"}}
	case object:
		content[kind] = object{"schema": reply}
	default:
		schema, err := s.of(reflect.TypeOf(reply))
		if err != nil {
			return nil, err
		}
		content[kind] = object{"schema": schema}
	}
	if op.alsoPlain {
		content["text/plain"] = object{"schema": object{"type": "string"}}
	}
	if op.streams != "" {
		content[op.streams] = object{"schema": object{"type": "string"}}
	}
	out := object{"200": object{"description": "Done.", "content": content, "headers": object{"X-Penstock-Request-Id": object{"$ref": "#/components/headers/RequestID"}}}}
	for _, status := range op.statuses() {
		out[strconv.Itoa(status)] = object{"$ref": "#/components/responses/" + shapeOf(op.shape) + strconv.Itoa(status)}
	}
	return out, nil
}

// statuses are those of the refusals.
func (op operation) statuses() []int {
	if op.open {
		return op.errors
	}
	return append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable}, op.errors...)
}

func shapeOf(shape string) string { return cmp.Or(shape, "Error") }

// errorResponses are the refusals of these operations, in the forms of their clients.
func errorResponses(ops []operation) object {
	all := object{}
	for _, op := range ops {
		for _, status := range op.statuses() {
			all[shapeOf(op.shape)+strconv.Itoa(status)] = errorResponse(status, shapeOf(op.shape))
		}
	}
	return all
}

// errorResponse describes a refusal, in a client's form.
func errorResponse(status int, shape string) object {
	heads := object{"X-Penstock-Request-Id": object{"$ref": "#/components/headers/RequestID"}}
	switch status {
	case http.StatusUnauthorized:
		heads["WWW-Authenticate"] = object{"$ref": "#/components/headers/Authenticate"}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		for name, ref := range map[string]string{"Retry-After": "RetryAfter", "Retry-After-Ms": "RetryAfterMs", "X-Should-Retry": "ShouldRetry"} {
			heads[name] = object{"$ref": "#/components/headers/" + ref}
		}
	}
	return object{"description": meaning(status), "headers": heads,
		"content": object{"application/json": object{"schema": object{"$ref": "#/components/schemas/" + shape}}}}
}

func meaning(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "The request is wrong; message says where and how."
	case http.StatusUnauthorized:
		return "The key is missing, wrong, expired or revoked."
	case http.StatusForbidden:
		return "The key, its team or the policy does not allow this."
	case http.StatusNotFound:
		return "There is no such thing, or the caller may not know of it."
	case http.StatusConflict:
		return "The state of things does not allow it now."
	case http.StatusRequestEntityTooLarge:
		return "The body is larger than server.max_body."
	case http.StatusUnprocessableEntity:
		return "What was sent is well-formed and cannot be used; what was in force before stays."
	case http.StatusTooManyRequests:
		return "A limit is reached: of requests, tokens, money, or of tries with wrong keys."
	case http.StatusBadGateway:
		return "Every provider that was asked has failed."
	case http.StatusServiceUnavailable:
		return "The gateway or every target is overloaded, stopping, or cannot write its ledger."
	case http.StatusGatewayTimeout:
		return "No provider has answered in time."
	}
	return http.StatusText(status)
}
