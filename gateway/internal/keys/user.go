package keys

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// User bounds the keys of a user. A key of a user that is not kept has no such bound.
type User struct {
	Name string `json:"name"`
	// Roles bound the roles of the admin API that the user's keys may have: viewer, member,
	// admin, which includes the others.
	Roles []string `json:"roles,omitempty"`
	// Blocked stops the user's keys.
	Blocked bool      `json:"blocked,omitempty"`
	Created time.Time `json:"created"`
}

const userSchema = `CREATE TABLE IF NOT EXISTS gateway_users (
	name    TEXT PRIMARY KEY,
	grants  TEXT NOT NULL,
	blocked BIGINT NOT NULL,
	created BIGINT NOT NULL
)`

func (u *User) validate() error {
	if u.Name == "" {
		return badSpec("A user needs a name.")
	}
	for _, role := range u.Roles {
		if !llm.IsAdminRole(role) {
			return badSpec("A user's roles are viewer, member and admin, not " + llm.Quote(role) + ".")
		}
	}
	if len(u.Roles) > maxList {
		return badSpec(fmt.Sprintf("A user can have at most %d roles.", maxList))
	}
	return checkTexts(nil, []string{u.Name})
}

// CreateUser stores a new user. Only who manages everything may.
func (a Access) CreateUser(ctx context.Context, u User) (User, error) {
	u.Created = a.k.now().UTC().Truncate(time.Millisecond)
	err := a.administer(ctx, func(tx *sql.Tx) error {
		if err := u.validate(); err != nil {
			return err
		}
		if _, err := selectUser(ctx, tx, u.Name); err == nil {
			return conflict("The user " + llm.Quote(u.Name) + " already exists.")
		}
		audit.From(ctx).Note("user "+u.Name, nil, u)
		return storeUser(ctx, tx, &u)
	})
	if err != nil {
		return User{}, fmt.Errorf("create user: %w", err)
	}
	return u, nil
}

// UserChange is what to change of a user; nil leaves a part as it is.
type UserChange struct {
	Roles   *[]string
	Blocked *bool
}

// ChangeUser changes a user, for all of its keys at once.
func (a Access) ChangeUser(ctx context.Context, name string, c UserChange) (u User, err error) {
	err = a.administer(ctx, func(tx *sql.Tx) error {
		if u, err = selectUser(ctx, tx, name); err != nil {
			return err
		}
		before := u
		if c.Roles != nil {
			u.Roles = *c.Roles
		}
		if c.Blocked != nil {
			u.Blocked = *c.Blocked
		}
		if err := u.validate(); err != nil {
			return err
		}
		audit.From(ctx).Note("user "+name, before, u)
		return storeUser(ctx, tx, &u)
	})
	if err != nil {
		return User{}, fmt.Errorf("change user: %w", err)
	}
	return u, nil
}

// RemoveUser removes a user who has no keys that still work, and ends its memberships.
func (a Access) RemoveUser(ctx context.Context, name string) error {
	err := a.administer(ctx, func(tx *sql.Tx) error {
		u, err := selectUser(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := a.unused(ctx, tx, "user_name = $1", name); err != nil {
			return err
		}
		if err := notLast(ctx, tx, name); err != nil {
			return err
		}
		audit.From(ctx).Note("user "+name, u, nil)
		if _, err := tx.ExecContext(ctx, "DELETE FROM team_members WHERE user_name = $1", name); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM gateway_users WHERE name = $1", name)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove user: %w", err)
	}
	return nil
}

// notLast returns an error if a user is the last member of a team, which would then have
// keys of any user.
func notLast(ctx context.Context, tx *sql.Tx, user string) error {
	var team string
	err := tx.QueryRowContext(ctx, "SELECT team FROM team_members m WHERE user_name = $1 AND NOT EXISTS (SELECT 1 FROM team_members o WHERE o.team = m.team AND o.user_name <> $1) LIMIT 1", user).Scan(&team)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return conflict("The user " + llm.Quote(user) + " is the last member of the team " + llm.Quote(team) + ". Remove the team or add another member first.")
}

// User returns a user. A member sees itself.
func (a Access) User(ctx context.Context, name string) (User, error) {
	if !a.seesAll() && name != a.who.User {
		return User{}, noUser(name)
	}
	u, err := selectUser(ctx, a.k.db, name)
	if err != nil {
		return User{}, fmt.Errorf("get user: %w", err)
	}
	return u, nil
}

// Users returns the users that the caller may see by name, after one, at most so many. next
// is the after of the next page, empty on the last one.
func (a Access) Users(ctx context.Context, after string, limit int) (list []User, next string, err error) {
	c := &conditions{}
	c.add("name > ?", after)
	if !a.seesAll() {
		c.add("name = ?", a.who.User)
	}
	names, err := selectNames(ctx, a.k.db, "gateway_users", c, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	if len(names) > limit {
		names = names[:limit]
		next = names[limit-1]
	}
	list = []User{}
	for _, name := range names {
		u, err := selectUser(ctx, a.k.db, name)
		if err != nil {
			return nil, "", fmt.Errorf("list users: %w", err)
		}
		list = append(list, u)
	}
	return list, next, nil
}

func noUser(name string) *llm.Error {
	return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The user " + llm.Quote(name) + " does not exist; run penstock users list to see all users."}
}

func selectUser(ctx context.Context, q querier, name string) (User, error) {
	u := User{Name: name}
	var text string
	var blocked, created int64
	err := q.QueryRowContext(ctx, "SELECT grants, blocked, created FROM gateway_users WHERE name = $1", name).Scan(&text, &blocked, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, noUser(name)
	}
	if err != nil {
		return User{}, err
	}
	var g grants
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		return User{}, fmt.Errorf("user %s: %w", name, err)
	}
	u.Roles, u.Blocked, u.Created = g.Roles, blocked != 0, timeOf(created)
	return u, nil
}

func storeUser(ctx context.Context, tx *sql.Tx, u *User) error {
	g, err := json.Marshal(grants{Roles: u.Roles})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO gateway_users (name, grants, blocked, created) VALUES ($1, $2, $3, $4)"+
		" ON CONFLICT (name) DO UPDATE SET grants = excluded.grants, blocked = excluded.blocked", u.Name, string(g), number(u.Blocked), millis(u.Created))
	return err
}

// permits reports whether a user's keys may have a role.
func (u *User) permits(role string) bool {
	return !llm.IsAdminRole(role) || slices.Contains(u.Roles, role) || slices.Contains(u.Roles, llm.RoleAdmin)
}
