package admin

import (
	"net/http"

	"github.com/penstock/penstock/gateway/internal/keys"
)

// UserSpec is the body of POST /admin/v1/users.
type UserSpec struct {
	Name    string   `json:"name"`
	Roles   []string `json:"roles,omitempty"`
	Blocked bool     `json:"blocked,omitempty"`
}

// UserChange is the body of PATCH /admin/v1/users/{id}. What is left out stays as it is.
type UserChange struct {
	Roles   *[]string `json:"roles,omitempty"`
	Blocked *bool     `json:"blocked,omitempty"`
}

// UserList is the reply of GET /admin/v1/users. Next is the after of the next page.
type UserList struct {
	Users []keys.User `json:"users"`
	Next  string      `json:"next,omitempty"`
}

func (h handlers) listUsers(r *http.Request, in Input) (Reply, error) {
	p, err := page(r)
	if err != nil {
		return Reply{}, err
	}
	list, next, err := h.access(in).Users(r.Context(), p.After, p.Limit)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(UserList{list, next})
}

func (h handlers) user(r *http.Request, in Input) (Reply, error) {
	return userReply(h.access(in).User(r.Context(), r.PathValue("id")))
}

func userReply(u keys.User, err error) (Reply, error) {
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(u)
}

func (h handlers) createUser(r *http.Request, in Input) (Reply, error) {
	var s UserSpec
	if err := readBody(in, &s, `{"name": "alice", "roles": ["viewer", "member", "admin"], "blocked": false}; all but name may be left out`); err != nil {
		return Reply{}, err
	}
	return userReply(h.access(in).CreateUser(r.Context(), s.User()))
}

// User returns the user to create.
func (s *UserSpec) User() keys.User {
	return keys.User{Name: s.Name, Roles: s.Roles, Blocked: s.Blocked}
}

func (h handlers) changeUser(r *http.Request, in Input) (Reply, error) {
	var c UserChange
	if err := readBody(in, &c, `{"roles": […], "blocked": true}, of which one may be left out`); err != nil {
		return Reply{}, err
	}
	if c == (UserChange{}) {
		return Reply{}, badQuery("body", errNoChange)
	}
	return userReply(h.access(in).ChangeUser(r.Context(), r.PathValue("id"), keys.UserChange(c)))
}

func (h handlers) removeUser(r *http.Request, in Input) (Reply, error) {
	name := r.PathValue("id")
	if err := h.access(in).RemoveUser(r.Context(), name); err != nil {
		return Reply{}, err
	}
	return jsonReply(Removal{name})
}
