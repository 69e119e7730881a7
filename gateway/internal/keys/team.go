package keys

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Team bounds the keys of a team. A key of a team that is not kept has no such bound.
type Team struct {
	Name string `json:"name"`
	// Models bound what the team's keys may ask for; empty means all.
	Models []string `json:"models,omitempty"`
	// Tags are put on every request of the team, in place of a key's own.
	Tags map[string]string `json:"tags,omitempty"`
	// Members have a role in the team: member, or admin, who manages the team's keys. With
	// any, keys of other users do not work.
	Members map[string]string `json:"members,omitempty"`
	// Blocked stops the team's keys.
	Blocked bool      `json:"blocked,omitempty"`
	Created time.Time `json:"created"`
}

const teamSchema = `CREATE TABLE IF NOT EXISTS teams (
	name    TEXT PRIMARY KEY,
	grants  TEXT NOT NULL,
	blocked BIGINT NOT NULL,
	created BIGINT NOT NULL
)`

const memberSchema = `CREATE TABLE IF NOT EXISTS team_members (
	team      TEXT NOT NULL,
	user_name TEXT NOT NULL,
	role      TEXT NOT NULL,
	PRIMARY KEY (team, user_name)
)`

// maxMembers bounds the members of a team.
const maxMembers = 10000

// validate returns an error for a Team that is incomplete or too large.
func (t *Team) validate() error {
	texts := slices.Concat([]string{t.Name}, t.Models, slices.Collect(maps.Keys(t.Tags)), slices.Collect(maps.Values(t.Tags)), slices.Collect(maps.Keys(t.Members)))
	switch {
	case t.Name == "":
		return badSpec("A team needs a name.")
	case len(t.Models) > maxList || len(t.Tags) > maxList || len(t.Members) > maxMembers:
		return badSpec(fmt.Sprintf("A team can have at most %d models, %d tags and %d members.", maxList, maxList, maxMembers))
	case slices.Contains(t.Models, ""):
		return badSpec("A model of a team is empty.")
	}
	for user, role := range t.Members {
		if err := validateMember(user, role); err != nil {
			return err
		}
	}
	return checkTexts(t.Tags, texts)
}

func validateMember(user, role string) error {
	if user == "" {
		return badSpec("A member is a user, whose name is missing.")
	}
	if role != llm.RoleMember && role != llm.RoleAdmin {
		return badSpec("A member's role in a team is member or admin, not " + llm.Quote(role) + ".")
	}
	return checkTexts(nil, []string{user})
}

// CreateTeam stores a new team. Only who manages everything may.
func (a Access) CreateTeam(ctx context.Context, t Team) (Team, error) {
	t.Created = a.k.now().UTC().Truncate(time.Millisecond)
	err := a.administer(ctx, func(tx *sql.Tx) error {
		if err := t.validate(); err != nil {
			return err
		}
		if _, err := selectTeam(ctx, tx, t.Name); err == nil {
			return conflict("The team " + llm.Quote(t.Name) + " already exists.")
		}
		audit.From(ctx).Note("team "+t.Name, nil, t)
		if err := storeTeam(ctx, tx, &t); err != nil {
			return err
		}
		for user, role := range t.Members {
			if err := storeMember(ctx, tx, t.Name, user, role); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Team{}, fmt.Errorf("create team: %w", err)
	}
	return t, nil
}

// TeamChange is what to change of a team; nil leaves a part as it is.
type TeamChange struct {
	Models  *[]string
	Tags    *map[string]string
	Blocked *bool
}

// ChangeTeam changes a team, for all of its keys at once.
func (a Access) ChangeTeam(ctx context.Context, name string, c TeamChange) (Team, error) {
	return a.editTeam(ctx, name, func(_ *sql.Tx, t *Team) error {
		if c.Models != nil {
			t.Models = *c.Models
		}
		if c.Tags != nil {
			t.Tags = *c.Tags
		}
		if c.Blocked != nil {
			t.Blocked = *c.Blocked
		}
		return t.validate()
	})
}

// AddMember makes a user a member of a team, or changes its role there.
func (a Access) AddMember(ctx context.Context, team, user, role string) (Team, error) {
	return a.editTeam(ctx, team, func(tx *sql.Tx, t *Team) error {
		if t.Members == nil {
			t.Members = map[string]string{}
		}
		t.Members[user] = role
		if err := t.validate(); err != nil {
			return err
		}
		return storeMember(ctx, tx, team, user, role)
	})
}

// RemoveMember ends a user's membership of a team, and stops its keys there while the team
// has other members.
func (a Access) RemoveMember(ctx context.Context, team, user string) (Team, error) {
	return a.editTeam(ctx, team, func(tx *sql.Tx, t *Team) error {
		if t.Members[user] == "" {
			return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The user " + llm.Quote(user) + " is not a member of the team " + llm.Quote(team) + "."}
		}
		if len(t.Members) == 1 {
			return conflict("The user " + llm.Quote(user) + " is the team's last member, and without members a team has keys of any user. Block or remove the team instead.")
		}
		delete(t.Members, user)
		_, err := tx.ExecContext(ctx, "DELETE FROM team_members WHERE team = $1 AND user_name = $2", team, user)
		return err
	})
}

func (a Access) editTeam(ctx context.Context, name string, edit func(*sql.Tx, *Team) error) (t Team, err error) {
	err = a.administer(ctx, func(tx *sql.Tx) error {
		if t, err = selectTeam(ctx, tx, name); err != nil {
			return err
		}
		before := t
		before.Members = maps.Clone(t.Members)
		if err := edit(tx, &t); err != nil {
			return err
		}
		audit.From(ctx).Note("team "+name, before, t)
		return storeTeam(ctx, tx, &t)
	})
	if err != nil {
		return Team{}, fmt.Errorf("change team: %w", err)
	}
	return t, nil
}

// RemoveTeam removes a team that has no keys which still work: they would lose its bounds.
func (a Access) RemoveTeam(ctx context.Context, name string) error {
	err := a.administer(ctx, func(tx *sql.Tx) error {
		t, err := selectTeam(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := a.unused(ctx, tx, "team = $1", name); err != nil {
			return err
		}
		audit.From(ctx).Note("team "+name, t, nil)
		if _, err := tx.ExecContext(ctx, "DELETE FROM team_members WHERE team = $1", name); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM teams WHERE name = $1", name)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove team: %w", err)
	}
	return nil
}

// unused returns an error if a key that fits a condition still works.
func (a Access) unused(ctx context.Context, tx *sql.Tx, condition, name string) error {
	list, err := selectKeys(ctx, tx, condition+" AND revoked = 0 AND (expires = 0 OR expires > $2) ORDER BY created, id LIMIT 1", name, millis(a.k.now()))
	if err != nil || len(list) == 0 {
		return err
	}
	return conflict("The key " + list[0].ID + " still works and would lose its bounds. Revoke it first.")
}

// Team returns a team. A member sees its own ones.
func (a Access) Team(ctx context.Context, name string) (Team, error) {
	t, err := selectTeam(ctx, a.k.db, name)
	if err != nil {
		return Team{}, fmt.Errorf("get team: %w", err)
	}
	if !a.seesTeam(&t) {
		return Team{}, noTeam(name)
	}
	return t, nil
}

func (a Access) seesTeam(t *Team) bool {
	return a.seesAll() || t.Name == a.who.Team || a.who.User != "" && t.Members[a.who.User] != ""
}

// Teams returns the teams that the caller may see by name, after one, at most so many. next
// is the after of the next page, empty on the last one.
func (a Access) Teams(ctx context.Context, after string, limit int) (list []Team, next string, err error) {
	c := &conditions{}
	c.add("name > ?", after)
	if !a.seesAll() {
		c.add("name = ? OR name IN (SELECT team FROM team_members WHERE user_name = ? AND ? <> '')", a.who.Team, a.who.User, a.who.User)
	}
	names, err := selectNames(ctx, a.k.db, "teams", c, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list teams: %w", err)
	}
	if len(names) > limit {
		names = names[:limit]
		next = names[limit-1]
	}
	list = []Team{}
	for _, name := range names {
		t, err := selectTeam(ctx, a.k.db, name)
		if err != nil {
			return nil, "", fmt.Errorf("list teams: %w", err)
		}
		list = append(list, t)
	}
	return list, next, nil
}

func selectNames(ctx context.Context, q querier, table string, c *conditions, limit int) (names []string, err error) {
	rows, err := q.QueryContext(ctx, fmt.Sprintf("SELECT name FROM %s WHERE %s ORDER BY name LIMIT %d", table, c, limit), c.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// administer is change for who manages everything.
func (a Access) administer(ctx context.Context, do func(*sql.Tx) error) error {
	if !a.everything() {
		return forbidden("Teams and users are managed with the role admin.")
	}
	return a.k.change(ctx, do)
}

func noTeam(name string) *llm.Error {
	return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The team " + llm.Quote(name) + " does not exist; run penstock teams list to see all teams."}
}

func selectTeam(ctx context.Context, q querier, name string) (Team, error) {
	t := Team{Name: name}
	var text string
	var blocked, created int64
	err := q.QueryRowContext(ctx, "SELECT grants, blocked, created FROM teams WHERE name = $1", name).Scan(&text, &blocked, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return Team{}, noTeam(name)
	}
	if err != nil {
		return Team{}, err
	}
	var g grants
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		return Team{}, fmt.Errorf("team %s: %w", name, err)
	}
	t.Models, t.Tags, t.Blocked, t.Created = g.Models, g.Tags, blocked != 0, timeOf(created)
	return t, selectMembers(ctx, q, &t)
}

func selectMembers(ctx context.Context, q querier, t *Team) error {
	rows, err := q.QueryContext(ctx, "SELECT user_name, role FROM team_members WHERE team = $1", t.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var user, role string
		if err := rows.Scan(&user, &role); err != nil {
			return err
		}
		if t.Members == nil {
			t.Members = map[string]string{}
		}
		t.Members[user] = role
	}
	return rows.Err()
}

func storeTeam(ctx context.Context, tx *sql.Tx, t *Team) error {
	g, err := json.Marshal(grants{Models: t.Models, Tags: t.Tags})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO teams (name, grants, blocked, created) VALUES ($1, $2, $3, $4)"+
		" ON CONFLICT (name) DO UPDATE SET grants = excluded.grants, blocked = excluded.blocked", t.Name, string(g), number(t.Blocked), millis(t.Created))
	return err
}

func storeMember(ctx context.Context, tx *sql.Tx, team, user, role string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO team_members (team, user_name, role) VALUES ($1, $2, $3) ON CONFLICT (team, user_name) DO UPDATE SET role = excluded.role", team, user, role)
	return err
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// checkTeam returns an error for a key that its team would not let work.
func checkTeam(ctx context.Context, tx *sql.Tx, s *Spec) error {
	st, err := standingOf(ctx, tx, s.Team, s.User)
	if err != nil {
		return err
	}
	if t := st.team; t != nil {
		if t.Blocked {
			return conflict("The team " + llm.Quote(t.Name) + " is blocked.")
		}
		if s.User != "" && len(t.Members) > 0 && t.Members[s.User] == "" {
			return badSpec("The user " + llm.Quote(s.User) + " is not a member of the team " + llm.Quote(t.Name) + ".")
		}
		if model, beyond := modelBeyond(s.Models, t.Models); beyond && len(s.Models) > 0 {
			return badSpec("models: " + model + " is not among those of the team " + llm.Quote(t.Name) + ", " + strings.Join(t.Models, ", ") + ".")
		}
	}
	if st.user != nil && st.user.Blocked {
		return conflict("The user " + llm.Quote(s.User) + " is blocked.")
	}
	return nil
}
