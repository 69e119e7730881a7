package keys

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// seesAll reports whether the caller may see every key.
func (a Access) seesAll() bool {
	return a.everything() || slices.Contains(a.who.Roles, llm.RoleViewer)
}

// owns returns an error unless the caller owns a key: it is the caller's own, its user's, was
// made with the caller's key, or is of a team that its user administers.
func (a Access) owns(ctx context.Context, q querier, key *Key) error {
	who := &a.who
	switch {
	case !slices.Contains(who.Roles, llm.RoleMember):
		return notFound(key.ID)
	case who.KeyID != "" && (key.Origin == who.KeyID || key.MadeBy == who.KeyID):
		return nil
	case who.User != "" && key.User == who.User:
		return nil
	}
	role, err := roleIn(ctx, q, key.Team, who.User)
	if err != nil {
		return err
	}
	if role != llm.RoleAdmin {
		return notFound(key.ID)
	}
	return nil
}

// maker returns what the caller holds, nil for the operator. It reads the caller's key
// within the transaction, in which it cannot change.
func (a Access) maker(ctx context.Context, tx *sql.Tx, now time.Time) (*Spec, error) {
	if a.operator {
		return nil, nil
	}
	who := a.who
	who.Expires = time.Time{} // without a key it is when a session ends
	if who.KeyID != "" {
		key, err := newest(ctx, tx, who.KeyID, now)
		if err != nil {
			return nil, err
		}
		if key != nil && !key.lives(now) {
			return nil, forbidden("The key that this is asked with has ended.")
		}
		if key != nil {
			until := a.who.Expires
			if who, err = admit(ctx, tx, key.Principal()); err != nil {
				return nil, err
			}
			if !until.IsZero() && (who.Expires.IsZero() || until.Before(who.Expires)) {
				who.Expires = until // the caller has used a key that was replaced
			}
			// The team's tags and bound on models hold for every key of the team; they need not be
			// copied.
			who.Models, who.Tags = key.Models, key.Tags
		}
	}
	s := &Spec{Team: who.Team, User: who.User, Roles: who.Roles, Models: who.Models, Tags: who.Tags, Budget: who.Budget, Expires: who.Expires}
	return s, nil
}

// newest returns the newest key of a rotation that still works, or else the newest; nil if
// there is no such rotation.
func newest(ctx context.Context, tx *sql.Tx, origin string, now time.Time) (*Key, error) {
	chain, err := selectWhere(ctx, tx, "origin = $1", origin)
	if err != nil || len(chain) == 0 {
		return nil, err
	}
	for _, key := range slices.Backward(chain) {
		if key.lives(now) {
			return &key, nil
		}
	}
	return &chain[len(chain)-1], nil
}

// allows returns an error unless the caller may hand out a key of this spec.
func (a Access) allows(ctx context.Context, tx *sql.Tx, s, maker *Spec) error {
	if maker == nil {
		return nil
	}
	bound := *maker
	if s.Team != maker.Team { // what the maker's team adds holds for the maker only
		admitted, err := admit(ctx, tx, llm.Principal{Team: maker.Team, Models: maker.Models, Tags: maker.Tags})
		if err != nil {
			return err
		}
		bound.Models, bound.Tags = admitted.Models, admitted.Tags
	}
	if why := s.exceeds(&bound); why != "" {
		return forbidden("This key would hold more than its maker: " + why + ".")
	}
	if slices.Contains(maker.Roles, llm.RoleAdmin) {
		return nil
	}
	if !slices.Contains(maker.Roles, llm.RoleMember) {
		return forbidden("Keys are managed with the role member or admin.")
	}
	role, err := roleIn(ctx, tx, s.Team, maker.User)
	if err != nil {
		return err
	}
	if s.Team != maker.Team && (maker.Team != "" || role == "") {
		return forbidden("This key would be of the team " + llm.Quote(s.Team) + ", which is not its maker's.")
	}
	if s.User != maker.User && role != llm.RoleAdmin {
		return forbidden("This key would be of the user " + llm.Quote(s.User) + ": only an admin of its team may make keys for others.")
	}
	return nil
}

// roleIn returns the role of a user in a team, empty if it has none.
func roleIn(ctx context.Context, q querier, team, user string) (role string, err error) {
	if team == "" || user == "" {
		return "", nil
	}
	err = q.QueryRowContext(ctx, "SELECT role FROM team_members WHERE team = $1 AND user_name = $2", team, user).Scan(&role)
	if err == sql.ErrNoRows {
		err = nil
	}
	return role, err
}
