package admin

import (
	"errors"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/keys"
)

// TeamSpec is the body of POST /admin/v1/teams. Members are users with their role in the
// team, member or admin.
type TeamSpec struct {
	Name    string            `json:"name"`
	Models  []string          `json:"models,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	Members map[string]string `json:"members,omitempty"`
	Blocked bool              `json:"blocked,omitempty"`
}

const teamForm = `{"name": "search", "models": ["gpt-5*"], "tags": {…}, "members": {"alice": "admin"}, "blocked": false}; all but name may be left out`

// TeamChange is the body of PATCH /admin/v1/teams/{id}. What is left out stays as it is.
type TeamChange struct {
	Models  *[]string          `json:"models,omitempty"`
	Tags    *map[string]string `json:"tags,omitempty"`
	Blocked *bool              `json:"blocked,omitempty"`
}

// Membership is the body of POST /admin/v1/teams/{id}/members.
type Membership struct {
	User string `json:"user"`
	Role string `json:"role"`
}

// TeamList is the reply of GET /admin/v1/teams. Next is the after of the next page.
type TeamList struct {
	Teams []keys.Team `json:"teams"`
	Next  string      `json:"next,omitempty"`
}

// Removal is the reply of DELETE /admin/v1/teams/{id} and /admin/v1/users/{id}.
type Removal struct {
	Removed string `json:"removed"`
}

func (h handlers) listTeams(r *http.Request, in Input) (Reply, error) {
	p, err := page(r)
	if err != nil {
		return Reply{}, err
	}
	list, next, err := h.access(in).Teams(r.Context(), p.After, p.Limit)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(TeamList{list, next})
}

func (h handlers) team(r *http.Request, in Input) (Reply, error) {
	return teamReply(h.access(in).Team(r.Context(), r.PathValue("id")))
}

func teamReply(t keys.Team, err error) (Reply, error) {
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(t)
}

func (h handlers) createTeam(r *http.Request, in Input) (Reply, error) {
	var s TeamSpec
	if err := readBody(in, &s, teamForm); err != nil {
		return Reply{}, err
	}
	return teamReply(h.access(in).CreateTeam(r.Context(), s.Team()))
}

// Team returns the team to create.
func (s *TeamSpec) Team() keys.Team {
	return keys.Team{Name: s.Name, Models: s.Models, Tags: s.Tags, Members: s.Members, Blocked: s.Blocked}
}

func (h handlers) changeTeam(r *http.Request, in Input) (Reply, error) {
	var c TeamChange
	if err := readBody(in, &c, `{"models": […], "tags": {…}, "blocked": true}, of which all but one may be left out`); err != nil {
		return Reply{}, err
	}
	if c == (TeamChange{}) {
		return Reply{}, badQuery("body", errNoChange)
	}
	return teamReply(h.access(in).ChangeTeam(r.Context(), r.PathValue("id"), keys.TeamChange(c)))
}

func (h handlers) removeTeam(r *http.Request, in Input) (Reply, error) {
	name := r.PathValue("id")
	if err := h.access(in).RemoveTeam(r.Context(), name); err != nil {
		return Reply{}, err
	}
	return jsonReply(Removal{name})
}

func (h handlers) addMember(r *http.Request, in Input) (Reply, error) {
	var m Membership
	if err := readBody(in, &m, `{"user": "alice", "role": "member" or "admin"}`); err != nil {
		return Reply{}, err
	}
	return teamReply(h.access(in).AddMember(r.Context(), r.PathValue("id"), m.User, m.Role))
}

func (h handlers) removeMember(r *http.Request, in Input) (Reply, error) {
	user := r.URL.Query().Get("user")
	if user == "" {
		return Reply{}, badQuery("user", errors.New("write who is to be removed, as ?user=alice"))
	}
	return teamReply(h.access(in).RemoveMember(r.Context(), r.PathValue("id"), user))
}
