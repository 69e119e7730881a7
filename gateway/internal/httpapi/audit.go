package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// serveOperator serves a route to an operator with one of its roles. It is the one place
// where changes are audited: of a route that changes something every call of a known caller
// is, refused ones included.
func (a *API) serveOperator(r route, x *exchange) error {
	if err := a.authenticateOperator(x); err != nil {
		return err
	}
	if r.action == "" {
		return a.serveRole(r, x)
	}
	t := &audit.Trail{Entry: audit.Entry{Key: x.who.KeyID, User: x.who.User, Address: clientIP(x.r.RemoteAddr), Action: r.action, Object: auditedObject(x)}}
	x.r = x.r.WithContext(audit.With(x.r.Context(), t))
	err := a.serveRole(r, x)
	if entry, left := t.Rest(err); left {
		a.operators.Audit(context.WithoutCancel(x.r.Context()), entry)
	}
	return err
}

// serveRole serves a route if the operator has one of its roles.
func (a *API) serveRole(r route, x *exchange) error {
	if !x.operator && !r.roles.Admits(x.who.Roles) {
		return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden,
			Message: "This key may not use " + r.method + " " + readablePath(r.path) + ": it lacks " + r.roles.String() + "."}
	}
	return r.serve(x)
}

// auditedObject is what a request names: the id in its path, or its query without what may
// be a secret.
func auditedObject(x *exchange) string {
	if id := x.pathID(); id != "" {
		return id
	}
	var parts []string
	for name, values := range x.r.URL.Query() {
		for _, v := range values {
			parts = append(parts, name+"="+hideLong(v))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// maxAudited is the longest text of a request that is kept in the audit log, in bytes. Keys
// are longer.
const maxAudited = 40

// hideLong replaces a text that may be a key or a prompt.
func hideLong(s string) string {
	if len(s) > maxAudited {
		return "…"
	}
	return s
}

// maxAuditedBody is the largest body that is kept in the audit log, in bytes.
const maxAuditedBody = 8 << 10

// auditedBody is a request's body for the audit log, unless the operation notes its change
// itself: without what may be a secret.
func auditedBody(body []byte) json.RawMessage {
	var members map[string]any
	if len(body) > maxAuditedBody || json.Unmarshal(body, &members) != nil {
		return nil
	}
	for name, v := range members {
		members[name] = withoutSecrets(name, v)
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return text
}

func withoutSecrets(name string, v any) any {
	name = strings.ToLower(name)
	for _, word := range [...]string{"secret", "token", "password", "credential", "authorization", "api_key", "private"} {
		if strings.Contains(name, word) {
			return "…"
		}
	}
	switch v := v.(type) {
	case string:
		return hideLong(v)
	case map[string]any:
		for inner, value := range v {
			v[inner] = withoutSecrets(inner, value)
		}
	case []any:
		for i, value := range v {
			v[i] = withoutSecrets("", value)
		}
	}
	return v
}
