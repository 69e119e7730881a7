package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Roles are the roles that may use an endpoint. Who has none of them is refused.
type Roles uint8

// The roles of the admin API; see llm.RoleViewer, RoleMember and RoleAdmin.
const (
	Viewer Roles = 1 << iota
	Member
	Admin
)

// Admits reports whether one of the roles that a caller has is among r.
func (r Roles) Admits(held []string) bool {
	return r&Viewer != 0 && slices.Contains(held, llm.RoleViewer) ||
		r&Member != 0 && slices.Contains(held, llm.RoleMember) ||
		r&Admin != 0 && slices.Contains(held, llm.RoleAdmin)
}

// String names the roles: the role viewer or admin.
func (r Roles) String() string {
	var names []string
	for _, one := range []struct {
		role Roles
		name string
	}{{Viewer, llm.RoleViewer}, {Member, llm.RoleMember}, {Admin, llm.RoleAdmin}} {
		if r&one.role != 0 {
			names = append(names, one.name)
		}
	}
	return "the role " + strings.Join(names, " or ")
}

// RolesFor returns who may use an endpoint. It is the one place that says so: what is not
// named here is for admins only. Endpoints for members show them what they own, and nothing
// else.
func RolesFor(method, path string) Roles {
	switch method + " " + path {
	case "GET /readyz", "GET /metrics",
		"GET /admin/v1/spend", "GET /admin/v1/budgets", "GET /admin/v1/limits", "GET /admin/v1/raises", "GET /admin/v1/targets", "GET /admin/v1/cache",
		"GET /admin/v1/policies", "GET /admin/v1/plugins":
		return Viewer | Admin
	case "GET /openapi.yaml", "GET /openapi.json",
		"GET /admin/v1/requests", "GET /admin/v1/requests/live", "GET /admin/v1/requests/{id}",
		"GET /admin/v1/keys", "GET /admin/v1/keys/{id}", "GET /admin/v1/teams", "GET /admin/v1/teams/{id}", "GET /admin/v1/users", "GET /admin/v1/users/{id}":
		return Viewer | Member | Admin
	case "POST /admin/v1/keys", "PATCH /admin/v1/keys/{id}", "DELETE /admin/v1/keys/{id}", "POST /admin/v1/keys/{id}/rotate":
		return Member | Admin
	}
	return Admin
}

// Changes reports whether an endpoint changes something, so that its use is audited. All do
// that are not GET, but for the questions that need a body.
func Changes(method, path string) bool {
	switch method + " " + path {
	case "POST /admin/v1/explain", "POST /admin/v1/requests/{id}/replay", "POST /admin/v1/routes/compare", "POST /admin/v1/policy/diff":
		return false
	}
	return method != http.MethodGet
}
