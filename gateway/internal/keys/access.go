package keys

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Access is the keys as one caller may see and change them. The operator may do everything.
// A principal with the role admin manages every key, one with the role member those that it
// owns, and one with the role viewer sees all; what a principal makes never holds more than
// the principal does. Errors are *llm.Error, or the database's.
type Access struct {
	k        *Keys
	who      llm.Principal
	operator bool
}

// As returns the access of a principal.
func (k *Keys) As(who llm.Principal) Access { return Access{k: k, who: who} }

// everything reports whether the caller manages every key.
func (a Access) everything() bool {
	return a.operator || slices.Contains(a.who.Roles, llm.RoleAdmin)
}

// Create stores a new key and returns it with its token, which cannot be recovered later.
// What the spec leaves out is as the maker has it.
func (a Access) Create(ctx context.Context, s Spec) (Key, Token, error) {
	now := a.k.now().Truncate(time.Millisecond)
	if err := s.validate(now); err != nil {
		return Key{}, Token{}, err
	}
	t := newToken(rand.Reader)
	var key Key
	err := a.k.change(ctx, func(tx *sql.Tx) error {
		maker, err := a.maker(ctx, tx, now)
		if err != nil {
			return err
		}
		if maker != nil {
			s.inherit(maker)
		}
		if err := a.allows(ctx, tx, &s, maker); err != nil {
			return err
		}
		if err := checkTeam(ctx, tx, &s); err != nil {
			return err
		}
		key = Key{ID: t.id(), Origin: t.id(), Spec: s, MadeBy: a.who.KeyID, Created: now}
		audit.From(ctx).Note("key "+key.ID, nil, stateOf(&key))
		return insert(ctx, tx, &key, t.hash())
	})
	if err != nil {
		return Key{}, Token{}, fmt.Errorf("create key: %w", err)
	}
	return key, t, nil
}

// Get returns a key that the caller may see.
func (a Access) Get(ctx context.Context, id string) (Key, error) {
	key, err := selectOne(ctx, a.k.db, id)
	if err != nil {
		return Key{}, fmt.Errorf("get key: %w", err)
	}
	if !a.seesAll() {
		if err := a.owns(ctx, a.k.db, &key); err != nil {
			return Key{}, err
		}
	}
	a.k.uses.overlay(&key)
	return key, nil
}

// Change is what to change of a key; nil leaves a part as it is.
type Change struct {
	Name *string
	// Models may be empty for all models, Tags for none.
	Models *[]string
	Tags   *map[string]string
	// Budget with a Max of zero removes the budget.
	Budget *llm.Budget
	// Expires of zero means never.
	Expires *time.Time
}

func (c *Change) apply(s Spec) Spec {
	if c.Name != nil {
		s.Name = *c.Name
	}
	if c.Models != nil {
		s.Models = *c.Models
	}
	if c.Tags != nil {
		s.Tags = *c.Tags
	}
	if c.Budget != nil {
		s.Budget = *c.Budget
	}
	if c.Expires != nil {
		s.Expires = *c.Expires
	}
	return s
}

// Change changes a key, and the one that it replaced while that works on. The result holds
// no more than the caller and the key's maker do, and no less than the keys made with it.
func (a Access) Change(ctx context.Context, id string, c Change) (Key, error) {
	now := a.k.now().Truncate(time.Millisecond)
	var key Key
	err := a.k.change(ctx, func(tx *sql.Tx) error {
		old, err := a.managed(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case !old.Revoked.IsZero():
			return conflict("The key " + id + " is revoked and cannot be changed.")
		case old.ReplacedBy != "":
			return conflict("The key " + id + " was replaced by " + old.ReplacedBy + ": change that one.")
		}
		key = old
		key.Spec = c.apply(old.Spec)
		if err := key.Spec.validate(now); err != nil {
			return err
		}
		maker, err := a.maker(ctx, tx, now)
		if err != nil {
			return err
		}
		if err := a.allows(ctx, tx, &key.Spec, maker); err != nil {
			return err
		}
		if err := fits(ctx, tx, &key, now); err != nil {
			return err
		}
		audit.From(ctx).Note("key "+id, stateOf(&old), stateOf(&key))
		return update(ctx, tx, &key, now)
	})
	if err != nil {
		return Key{}, fmt.Errorf("change key: %w", err)
	}
	a.k.uses.overlay(&key)
	return key, nil
}

// fits returns an error unless a changed key holds no more than its maker and its team
// allow, and no less than the keys that were made with it.
func fits(ctx context.Context, tx *sql.Tx, key *Key, now time.Time) error {
	if err := checkTeam(ctx, tx, &key.Spec); err != nil {
		return err
	}
	if key.MadeBy != "" && key.MadeBy != key.Origin {
		maker, err := newest(ctx, tx, key.MadeBy, now)
		if err != nil {
			return err
		}
		if maker != nil && maker.lives(now) {
			if why := key.exceeds(&maker.Spec); why != "" {
				return forbidden("The key was made with the key " + maker.ID + " and cannot hold more: " + why + ".")
			}
		}
	}
	made, err := selectWhere(ctx, tx, "made_by = $1 AND origin <> $1", key.Origin)
	if err != nil {
		return err
	}
	for _, child := range made {
		if !child.lives(now) {
			continue
		}
		if why := child.exceeds(&key.Spec); why != "" {
			return conflict("The key " + child.ID + " was made with this one and would hold more: " + why + ". Change or revoke it first.")
		}
	}
	return nil
}

// Rotate replaces a key by a new one with the same grants. The old one works on for the
// overlap, or until it expires anyway. Only an active key can be rotated.
func (a Access) Rotate(ctx context.Context, id string, overlap time.Duration) (Key, Token, error) {
	now := a.k.now().Truncate(time.Millisecond)
	t := newToken(rand.Reader)
	var next Key
	err := a.k.change(ctx, func(tx *sql.Tx) error {
		old, err := a.managed(ctx, tx, id)
		if err != nil {
			return err
		}
		if state := old.State(now); state != "active" {
			return conflict("The key " + id + " is " + state + " and cannot be rotated.")
		}
		// The token of a key that holds more than the caller would be an escalation.
		maker, err := a.maker(ctx, tx, now)
		if err != nil {
			return err
		}
		if err := a.allows(ctx, tx, &old.Spec, maker); err != nil {
			return err
		}
		next = Key{ID: t.id(), Origin: old.Origin, MadeBy: old.MadeBy, Spec: old.Spec, Created: now}
		if err := insert(ctx, tx, &next, t.hash()); err != nil {
			return err
		}
		end := now.Add(max(overlap, 0))
		if !old.Expires.IsZero() && old.Expires.Before(end) {
			end = old.Expires
		}
		after := old
		after.ReplacedBy, after.Expires = next.ID, end
		audit.From(ctx).Note("key "+id, stateOf(&old), stateOf(&after))
		return replace(ctx, tx, id, next.ID, end)
	})
	if err != nil {
		return Key{}, Token{}, fmt.Errorf("rotate key: %w", err)
	}
	return next, t, nil
}

// Revoke ends a key at once and for good, and with the last key of a rotation the keys that
// were made with it, unless an admin made them. It returns the ids of the keys that it ended; revoking a key again ends
// none.
func (a Access) Revoke(ctx context.Context, id string) ([]string, error) {
	now := a.k.now()
	var ended []string
	err := a.k.change(ctx, func(tx *sql.Tx) error {
		old, err := a.managed(ctx, tx, id)
		if err != nil {
			return err
		}
		ended, err = revokeAll(ctx, tx, old, now)
		audit.From(ctx).Note("key "+id, stateOf(&old), map[string]any{"revoked": ended})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("revoke key: %w", err)
	}
	return ended, nil
}

// revokeAll revokes a key, and the keys made with it unless another key of its rotation
// lives on. Keys that an admin has made are not the admin's own: they live on.
func revokeAll(ctx context.Context, tx *sql.Tx, key Key, now time.Time) ([]string, error) {
	ended := []string{}
	for todo := []Key{key}; len(todo) > 0; todo = todo[1:] {
		k := &todo[0]
		if !k.Revoked.IsZero() || slices.Contains(ended, k.ID) {
			continue
		}
		if err := setRevoked(ctx, tx, k.ID, now); err != nil {
			return nil, err
		}
		ended = append(ended, k.ID)
		if slices.Contains(k.Roles, llm.RoleAdmin) {
			continue
		}
		chain, err := selectWhere(ctx, tx, "origin = $1", k.Origin)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(chain, func(other Key) bool { return other.lives(now) }) {
			continue
		}
		made, err := selectWhere(ctx, tx, "made_by = $1 AND revoked = 0", k.Origin)
		if err != nil {
			return nil, err
		}
		todo = append(todo, made...)
	}
	return ended, nil
}

// managed returns a key that the caller may change. A key that it may not is as good as
// unknown.
func (a Access) managed(ctx context.Context, tx *sql.Tx, id string) (Key, error) {
	key, err := selectOne(ctx, tx, id)
	if err != nil || a.everything() {
		return key, err
	}
	return key, a.owns(ctx, tx, &key)
}

func forbidden(message string) *llm.Error {
	return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: message}
}

// keyState is a key in the audit log.
type keyState struct {
	Name       string            `json:"name"`
	Team       string            `json:"team,omitempty"`
	User       string            `json:"user,omitempty"`
	Roles      []string          `json:"roles,omitempty"`
	Models     []string          `json:"models,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Budget     string            `json:"budget,omitempty"`
	Expires    time.Time         `json:"expires,omitzero"`
	ReplacedBy string            `json:"replaced_by,omitempty"`
}

func stateOf(k *Key) keyState {
	s := keyState{Name: k.Name, Team: k.Team, User: k.User, Roles: k.Roles, Models: k.Models, Tags: k.Tags, Expires: k.Expires, ReplacedBy: k.ReplacedBy}
	if k.Budget.Max > 0 {
		s.Budget = k.Budget.Max.Decimal() + "usd/" + k.Budget.Window
	}
	return s
}
