// Package keys manages virtual keys: the credentials that callers of the gateway have
// instead of a provider's. It creates, lists, rotates, revokes and authenticates them. It
// stores them hashed, in the caller's database.
//
// It does not decide what a key may do: it returns a principal with what was granted, and
// policy and routing enforce that. It knows nothing of HTTP.
package keys

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"time"

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
	Spec
	Created time.Time
	// Revoked is when the key was revoked; zero if it was not.
	Revoked time.Time
	// ReplacedBy is the ID of the key that replaced this one in a rotation.
	ReplacedBy string
}

// State returns "active", "expired", "replaced" or "revoked". A replaced key
// still works until it expires.
func (k *Key) State(now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired"
	case k.ReplacedBy != "":
		return "replaced"
	}
	return "active"
}

// Principal returns the identity of a caller with this key. It shares the key's lists and
// maps.
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

// Keys manages virtual keys. It is safe for concurrent use, and several processes
// may manage the keys of one database: changes are noticed within a second.
type Keys struct {
	db    *sql.DB
	now   func() time.Time
	cache *cache
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
	return &Keys{db: db, now: o.Now, cache: newCache(o.Cache)}, nil
}

// Create stores a new key and returns it with its token, which cannot be recovered later.
func (k *Keys) Create(ctx context.Context, s Spec) (Key, Token, error) {
	if err := s.validate(k.now()); err != nil {
		return Key{}, Token{}, err
	}
	t := newToken(rand.Reader)
	key := Key{ID: t.id(), Origin: t.id(), Spec: s, Created: k.now().Truncate(time.Millisecond)}
	err := k.change(ctx, func(tx *sql.Tx) error { return insert(ctx, tx, &key, t.hash()) })
	if err != nil {
		return Key{}, Token{}, fmt.Errorf("create key: %w", err)
	}
	return key, t, nil
}

// List returns all keys, the oldest first.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	list, err := selectAll(ctx, k.db)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return list, nil
}

// Rotate replaces a key by a new one with the same grants. The old one works on for the
// overlap, or until it expires anyway. Only an active key can be rotated.
func (k *Keys) Rotate(ctx context.Context, id string, overlap time.Duration) (Key, Token, error) {
	now := k.now().Truncate(time.Millisecond)
	t := newToken(rand.Reader)
	var next Key
	err := k.change(ctx, func(tx *sql.Tx) error {
		old, err := selectOne(ctx, tx, id)
		if err != nil {
			return err
		}
		if state := old.State(now); state != "active" {
			return conflict("The key " + id + " is " + state + " and cannot be rotated.")
		}
		next = Key{ID: t.id(), Origin: old.Origin, Spec: old.Spec, Created: now}
		if err := insert(ctx, tx, &next, t.hash()); err != nil {
			return err
		}
		end := now.Add(max(overlap, 0))
		if !old.Expires.IsZero() && old.Expires.Before(end) {
			end = old.Expires
		}
		return replace(ctx, tx, id, next.ID, end)
	})
	if err != nil {
		return Key{}, Token{}, fmt.Errorf("rotate key: %w", err)
	}
	return next, t, nil
}

// Revoke ends a key at once and for good. Revoking it again changes nothing.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	err := k.change(ctx, func(tx *sql.Tx) error { return revoke(ctx, tx, id, k.now()) })
	if err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	return nil
}

// change runs a transaction, increments the revision so that other processes notice, and
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
	if err := tx.Commit(); err != nil {
		return err
	}
	k.cache.clear()
	return nil
}

func notFound(id string) *llm.Error {
	return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The key " + id + " does not exist; run penstock keys list to see all keys."}
}

func conflict(message string) *llm.Error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusConflict, Message: message}
}
