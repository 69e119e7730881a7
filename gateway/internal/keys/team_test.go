package keys

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestTeamsBoundTheirKeys(t *testing.T) {
	c, db := newClock(), database(t)
	k, cli := open(t, db, c), open(t, db, c)
	_, all := create(t, k, Spec{Name: "all", Team: "search", Tags: map[string]string{"cost": "1", "use": "x"}})
	_, some := create(t, k, Spec{Name: "some", Team: "search", Models: []string{"gpt-*", "claude"}})
	_, none := create(t, k, Spec{Name: "none", Team: "search", Models: []string{"claude"}})
	for _, token := range []Token{all, some, none} {
		if _, err := k.Authenticate(t.Context(), token.Reveal()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cli.CreateTeam(t.Context(), Team{Name: "search", Models: []string{"gpt-5*"}, Tags: map[string]string{"cost": "42"}}); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Second) // another process has made the team
	who, err := k.Authenticate(t.Context(), all.Reveal())
	if err != nil || !slices.Equal(who.Models, []string{"gpt-5*"}) || who.Tags["cost"] != "42" || who.Tags["use"] != "x" {
		t.Errorf("Authenticate = %+v, %v, want the team's models and tags", who, err)
	}
	who, err = k.Authenticate(t.Context(), some.Reveal())
	if err != nil || !slices.Equal(who.Models, []string{"gpt-5*"}) {
		t.Errorf("Authenticate = %+v, %v, want what the key and the team share", who, err)
	}
	_, err = k.Authenticate(t.Context(), none.Reveal())
	wantStatus(t, "a key of which nothing is left", err, 403)
	_, _, err = k.Create(t.Context(), Spec{Name: "x", Team: "search", Models: []string{"gpt-*"}})
	wantStatus(t, "a key beyond its team", err, 400)

	for _, blocked := range []bool{true, false} {
		if _, err := cli.ChangeTeam(t.Context(), "search", TeamChange{Blocked: &blocked}); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Second)
		want := 0
		if blocked {
			want = 403
		}
		_, err = k.Authenticate(t.Context(), all.Reveal())
		wantStatus(t, "a key of a team that was blocked", err, want)
		_, _, err = k.Create(t.Context(), Spec{Name: "x", Team: "search"})
		wantStatus(t, "a new key of a team that was blocked", err, map[bool]int{true: 409}[blocked])
	}
	wantStatus(t, "a team with keys", k.RemoveTeam(t.Context(), "search"), 409)
}

func TestMembers(t *testing.T) {
	k := open(t, database(t), newClock())
	_, alice := create(t, k, Spec{Name: "alice", Team: "search", User: "alice"})
	_, service := create(t, k, Spec{Name: "service", Team: "search"})
	if _, err := k.CreateTeam(t.Context(), Team{Name: "search", Members: map[string]string{"bob": "admin"}}); err != nil {
		t.Fatal(err)
	}
	check := func(what string, token Token, status int) {
		t.Helper()
		_, err := k.Authenticate(t.Context(), token.Reveal())
		wantStatus(t, what, err, status)
	}
	check("a user who is not a member", alice, 403)
	check("a key without a user", service, 0)
	if _, err := k.AddMember(t.Context(), "search", "alice", "member"); err != nil {
		t.Fatal(err)
	}
	check("a member", alice, 0)
	team, err := k.RemoveMember(t.Context(), "search", "alice")
	if d := cmp.Diff(map[string]string{"bob": "admin"}, team.Members); err != nil || d != "" {
		t.Errorf("members %v (-want +got):\n%s", err, d)
	}
	check("a former member", alice, 403)
	_, err = k.RemoveMember(t.Context(), "search", "alice")
	wantStatus(t, "who is not a member", err, 404)
	_, err = k.RemoveMember(t.Context(), "search", "bob")
	wantStatus(t, "the last member", err, 409)
	wantStatus(t, "a user who is not kept", k.RemoveUser(t.Context(), "bob"), 404)
	if _, err := k.CreateUser(t.Context(), User{Name: "bob"}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "the user who is the last member", k.RemoveUser(t.Context(), "bob"), 409)
	for _, m := range [][2]string{{"", "member"}, {"eve", "owner"}, {"eve", ""}, {"e\nve", "member"}} {
		_, err = k.AddMember(t.Context(), "search", m[0], m[1])
		wantStatus(t, "member "+m[0]+" as "+m[1], err, 400)
	}
}

func TestUsersBoundTheirKeys(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	key, token := create(t, k, Spec{Name: "alice", User: "alice", Roles: []string{"admin", "member", "batch"}})
	roles := func() string {
		t.Helper()
		who, err := k.Authenticate(t.Context(), token.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(who.Roles, " ")
	}
	if got := roles(); got != "admin member batch" {
		t.Errorf("roles %q of a user who is not kept", got)
	}
	if _, err := k.CreateUser(t.Context(), User{Name: "alice", Roles: []string{"member"}}); err != nil {
		t.Fatal(err)
	}
	if got := roles(); got != "member batch" {
		t.Errorf("roles %q, want those of the user and the key's own", got)
	}
	_, _, err := as(t, k, token).Create(t.Context(), Spec{Name: "x", Roles: []string{"admin"}})
	wantStatus(t, "a role that the user has lost", err, 403)
	if _, err := k.ChangeUser(t.Context(), "alice", UserChange{Roles: &[]string{"admin"}}); err != nil {
		t.Fatal(err)
	}
	if got := roles(); got != "admin member batch" {
		t.Errorf("roles %q of an admin", got)
	}
	yes := true
	if _, err := k.ChangeUser(t.Context(), "alice", UserChange{Blocked: &yes}); err != nil {
		t.Fatal(err)
	}
	_, err = k.Authenticate(t.Context(), token.Reveal())
	wantStatus(t, "a blocked user", err, 403)
	wantStatus(t, "a user with keys", k.RemoveUser(t.Context(), "alice"), 409)
	if _, err := k.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "a user without keys", k.RemoveUser(t.Context(), "alice"), 0)
	for name, u := range map[string]User{"no name": {}, "an unknown role": {Name: "x", Roles: []string{"owner"}}, "a control character": {Name: "x\x1b"}, "a long name": {Name: strings.Repeat("x", 201)}} {
		_, err := k.CreateUser(t.Context(), u)
		wantStatus(t, name, err, 400)
	}
}

func TestTeamsAreListed(t *testing.T) {
	k := open(t, database(t), newClock())
	for _, name := range []string{"c", "a", "b'; DROP TABLE teams; --"} {
		if _, err := k.CreateTeam(t.Context(), Team{Name: name, Members: map[string]string{"user of " + name: "member"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := k.CreateUser(t.Context(), User{Name: "user of " + name}); err != nil {
			t.Fatal(err)
		}
		_, err := k.CreateTeam(t.Context(), Team{Name: name})
		wantStatus(t, "a second team of the name", err, 409)
	}
	first, next, err := k.Teams(t.Context(), "", 2)
	if err != nil || len(first) != 2 || next != first[1].Name {
		t.Fatalf("Teams = %+v, %q, %v", first, next, err)
	}
	if last, next, err := k.Teams(t.Context(), next, 2); err != nil || len(last) != 1 || last[0].Name != "c" || next != "" {
		t.Errorf("Teams = %+v, %q, %v", last, next, err)
	}
	member := k.As(llm.Principal{User: "user of a", Roles: []string{llm.RoleMember}})
	if list, _, err := member.Teams(t.Context(), "", 10); err != nil || len(list) != 1 || list[0].Name != "a" {
		t.Errorf("a member sees the teams %+v, %v", list, err)
	}
	_, err = member.Team(t.Context(), "c")
	wantStatus(t, "another team", err, 404)
	if list, _, err := member.Users(t.Context(), "", 10); err != nil || len(list) != 1 {
		t.Errorf("a member sees the users %+v, %v", list, err)
	}
	_, err = member.User(t.Context(), "user of c")
	wantStatus(t, "another user", err, 404)
	if list, next, err := k.Users(t.Context(), "", 2); err != nil || len(list) != 2 || next == "" {
		t.Errorf("Users = %+v, %q, %v", list, next, err)
	}
	for name, team := range map[string]Team{"no name": {}, "an empty model": {Name: "x", Models: []string{""}}, "many models": {Name: "x", Models: slices.Repeat([]string{"m"}, 101)},
		"an odd tag": {Name: "x", Tags: map[string]string{"": "x"}}, "an odd class": {Name: "x", Tags: map[string]string{"priority": "urgent"}}} {
		_, err := k.CreateTeam(t.Context(), team)
		wantStatus(t, name, err, 400)
	}
}

// TestAdmit bounds a principal of another credential than a key.
func TestAdmit(t *testing.T) {
	c, db := newClock(), database(t)
	k, cli := open(t, db, c), open(t, db, c)
	if _, err := cli.CreateTeam(t.Context(), Team{Name: "search", Models: []string{"gpt-*"}, Members: map[string]string{"alice": "member"}}); err != nil {
		t.Fatal(err)
	}
	alice := llm.Principal{Team: "search", User: "alice", Roles: []string{"admin"}}
	if who, err := k.Admit(t.Context(), alice); err != nil || !slices.Equal(who.Models, []string{"gpt-*"}) {
		t.Errorf("Admit = %+v, %v", who, err)
	}
	_, err := k.Admit(t.Context(), llm.Principal{Team: "search", User: "eve"})
	wantStatus(t, "who is not a member", err, 403)
	if _, err := cli.CreateUser(t.Context(), User{Name: "alice", Blocked: true}); err != nil {
		t.Fatal(err)
	}
	_, err = k.Admit(t.Context(), alice)
	wantStatus(t, "within the same second", err, 0)
	c.advance(time.Second)
	_, err = k.Admit(t.Context(), alice)
	wantStatus(t, "a blocked user", err, 403)
	db.Close()
	_, err = k.Admit(t.Context(), alice)
	wantStatus(t, "without the database, from the cache", err, 403)
	_, err = k.Admit(t.Context(), llm.Principal{Team: "other"})
	wantStatus(t, "without the database", err, 503)
}
