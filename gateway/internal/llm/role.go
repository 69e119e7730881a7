package llm

// The roles of the admin API. A principal may have others, which only policies read.
const (
	// RoleViewer reads everything but the texts of requests.
	RoleViewer = "viewer"
	// RoleMember reads and manages what it owns.
	RoleMember = "member"
	// RoleAdmin does everything.
	RoleAdmin = "admin"
)

// IsAdminRole reports whether a role is one of the admin API.
func IsAdminRole(role string) bool {
	return role == RoleViewer || role == RoleMember || role == RoleAdmin
}
