// Package keys manages virtual keys: the credentials that callers of the gateway have
// instead of a provider's. It creates, lists, changes, rotates, revokes and authenticates
// them, within the bounds of the teams and users that it keeps as well. It stores keys
// hashed, in the caller's database.
//
// It does not decide what a key may do: it returns a principal with what was granted, and
// policy and routing enforce that. It knows nothing of HTTP.
package keys

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Spec describes a new key. Only Name is required.
type Spec struct {
	Name   string
	Team   string
	User   string
	Roles  []string
	Models []string
	Tags   map[string]string
	Budget llm.Budget
	// Expires is when the key stops working; zero means never.
	Expires time.Time
}

// Key is a virtual key as it is stored, without its secret.
type Key struct {
	// ID is the key's public part: eight letters and digits.
	ID string
	// Origin is the ID of the first key of a chain of rotations; an unrotated key's own.
	// It is the principal's KeyID, so that budgets continue over a rotation.
	Origin string
	// MadeBy is the Origin of the key that made this one, or the id of another credential;
	// empty when the operator made it.
	MadeBy string
	Spec
	Created time.Time
	// Used is when the key was last used, exact to a minute; zero means never.
	Used time.Time
	// Revoked is when the key was revoked; zero if it was not.
	Revoked time.Time
	// ReplacedBy is the ID of the key that replaced this one in a rotation.
	ReplacedBy string
	// Blocked says that the key's team or user is blocked.
	Blocked bool
}

// State returns "active", "blocked", "expired", "replaced" or "revoked". A replaced key
// still works until it expires.
func (k *Key) State(now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired"
	case k.Blocked:
		return "blocked"
	case k.ReplacedBy != "":
		return "replaced"
	}
	return "active"
}

// lives reports whether the key works, or would if it was not blocked.
func (k *Key) lives(now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

// Principal returns the identity of a caller with this key, before its team and user
// bound it. It shares the key's lists and maps.
func (k *Key) Principal() llm.Principal {
	return llm.Principal{KeyID: k.Origin, Name: k.Name, Team: k.Team, User: k.User, Roles: k.Roles, Models: k.Models,
		Tags: k.Tags, Budget: k.Budget, Expires: k.Expires}
}

// Options tune Keys. The zero value works.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Cache bounds the keys in memory, and also the unknown ids. Zero means 16,384.
	Cache int
}

// Keys manages virtual keys, teams and users. It is safe for concurrent use, and several
// processes may manage those of one database: changes are noticed within a second.
type Keys struct {
	// Access is the operator's.
	Access
	db    *sql.DB
	now   func() time.Time
	cache *cache
	uses  *uses
}

// Open makes the tables that it needs in db, which the caller closes. Keys itself needs no
// closing.
func Open(ctx context.Context, db *sql.DB, o Options) (*Keys, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Cache <= 0 {
		o.Cache = 16384
	}
	if err := createTables(ctx, db); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	k := &Keys{db: db, now: o.Now, cache: newCache(o.Cache), uses: newUses(o.Cache)}
	k.Access = Access{k: k, operator: true}
	return k, nil
}

// List returns all keys, the oldest first.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	list, err := selectWhere(ctx, k.db, "1 = 1")
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return list, nil
}

// change runs a transaction, writes the change's trail in it, increments the revision so that other processes notice, and
// clears this one's cache.
func (k *Keys) change(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := k.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	// The write comes first: it takes the lock, which a transaction that has begun to read
	// might not get later.
	if err := incrementRevision(ctx, tx); err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return err
	}
	trail := audit.From(ctx)
	if err := trail.Insert(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	trail.Committed()
	k.cache.clear()
	return nil
}

func notFound(id string) *llm.Error {
	return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The key " + llm.Quote(id) + " does not exist; run penstock keys list to see all keys."}
}

func conflict(message string) *llm.Error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusConflict, Message: message}
}
