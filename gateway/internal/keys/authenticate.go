package keys

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Authenticate returns the principal of a token's key. A refusal is an *llm.Error with
// status 401 that says why and what to do and never repeats the token; a database that
// cannot be read is one with status 503. The principal's lists and maps are shared
// between calls and must not be changed.
//
// Keys are cached. A change made by another process is noticed within a second; while
// the database cannot be read, the cache serves for half a minute.
func (k *Keys) Authenticate(ctx context.Context, token string) (llm.Principal, error) {
	t, err := splitToken(token)
	if err != nil {
		return llm.Principal{}, malformed(token, err)
	}
	now := k.now()
	if err := k.refresh(ctx, now); err != nil {
		return llm.Principal{}, unreadable(err)
	}
	if e, _, _ := k.cache.get(t.id()); e != nil && e.matches(t) {
		return k.grant(e, now) // a token that matches needs no checksum
	}
	if err := t.verify(); err != nil {
		return llm.Principal{}, malformed(token, err)
	}
	e, err := k.entry(ctx, t.id())
	switch {
	case err != nil:
		return llm.Principal{}, unreadable(err)
	case e == nil || !e.matches(t):
		return llm.Principal{}, refused("This API key is unknown. Check that it is meant for this gateway, or ask its operator for a new one.")
	}
	return k.grant(e, now)
}

// Recognizes reports, without hashing and without a query, whether a token may be one that
// has authenticated lately: its form and checksum are right and its public id is known.
func (k *Keys) Recognizes(token string) bool {
	t, err := splitToken(token)
	return err == nil && k.cache.seen(t.id()) && t.verify() == nil
}

// Holder returns the principal of a key as it is now, by the public id of the first key of its
// chain of rotations or by its own. The errors are those of Authenticate.
func (k *Keys) Holder(ctx context.Context, id string) (llm.Principal, error) {
	now := k.now()
	if err := k.refresh(ctx, now); err != nil {
		return llm.Principal{}, unreadable(err)
	}
	latest, err := selectLatest(ctx, k.db, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return llm.Principal{}, refused("This API key is unknown.")
	case err != nil:
		return llm.Principal{}, unreadable(err)
	}
	e := &entry{Key: latest}
	if e.principal, err = k.Admit(ctx, latest.Principal()); err != nil {
		return llm.Principal{}, err
	}
	return k.grant(e, now)
}

// entry is a key in the cache.
type entry struct {
	Key
	hash [sha256.Size]byte
	// principal is the caller, or refusal why its team or user does not let it be one.
	principal llm.Principal
	refusal   error
	// noted is when a use of the key was last noted, in Unix milliseconds.
	noted atomic.Int64
}

// matches reports whether the token is this key's, in a time that does not depend on how
// much of it is right.
func (e *entry) matches(t Token) bool {
	hash := t.hash()
	return subtle.ConstantTimeCompare(hash[:], e.hash[:]) == 1
}

// grant returns the principal of a key that is neither revoked nor expired, and notes at
// most once a minute that the key is used.
func (k *Keys) grant(e *entry, now time.Time) (llm.Principal, error) {
	switch {
	case !e.lives(now):
		return llm.Principal{}, endedError(&e.Key)
	case e.refusal != nil:
		return llm.Principal{}, e.refusal
	}
	last := e.noted.Load()
	if ms := now.UnixMilli(); ms-last >= usesEvery.Milliseconds() && e.noted.CompareAndSwap(last, ms) {
		k.uses.note(e.ID, now)
	}
	return e.principal, nil
}

// entry returns a key by its public id, from the cache or the database; nil when there is
// none.
func (k *Keys) entry(ctx context.Context, id string) (*entry, error) {
	e, known, epoch := k.cache.get(id)
	if known {
		return e, nil
	}
	key, hash, err := selectHashed(ctx, k.db, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		k.cache.put(id, nil, epoch)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up key: %w", err)
	}
	e = &entry{Key: key, hash: hash}
	if e.principal, err = admit(ctx, k.db, key.Principal()); err != nil {
		if !isRefusal(err) {
			return nil, fmt.Errorf("look up team and user: %w", err)
		}
		e.refusal = err
	}
	e.noted.Store(millis(key.Used))
	k.cache.put(key.ID, e, epoch)
	return e, nil
}

const (
	// recheckAfter is how long the cache is used without a look at the database.
	recheckAfter = time.Second
	// maxStale is how long it is used while the database cannot be read.
	maxStale = 30 * time.Second
)

// refresh checks in the database, at most once a second, whether any key has changed, and
// clears the cache if so. One caller checks and the others do not wait for it, unless the
// last check is older than maxStale.
func (k *Keys) refresh(ctx context.Context, now time.Time) error {
	check, age := k.cache.checkDue(now)
	if !check && age <= maxStale {
		return nil
	}
	revision, err := revisionOf(ctx, k.db)
	if err == nil {
		k.cache.confirm(revision, now)
		return nil
	}
	if age > maxStale {
		return fmt.Errorf("check whether keys have changed: %w", err)
	}
	return nil
}

func refused(message string) *llm.Error {
	return &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized, Message: message, Retried: true}
}

func malformed(token string, err error) *llm.Error {
	e := refused("This API key has a wrong checksum, so it is mistyped. Copy it again in full.")
	switch {
	case token == "":
		e.Message = "An API key is needed: send it as Authorization: Bearer " + prefix + "…"
	case errors.Is(err, errPrefix):
		e.Message = "This is not a key of this gateway: its keys begin with " + prefix + ". A provider's key belongs in the gateway's configuration."
	case errors.Is(err, errLength):
		e.Message = fmt.Sprintf("This API key has %d characters instead of %d. Copy it again in full.", len(token), tokenLen)
	}
	e.Err = err
	return e
}

// endedError returns the refusal of a revoked, replaced or expired key.
func endedError(k *Key) *llm.Error {
	const layout = "2 January 2006 15:04 MST"
	switch {
	case !k.Revoked.IsZero():
		return refused(fmt.Sprintf("The API key %s was revoked on %s; ask the gateway's operator for a new one.", llm.Quote(k.Name), k.Revoked.Format(layout)))
	case k.ReplacedBy != "":
		return refused(fmt.Sprintf("The API key %s was replaced and stopped working on %s; use the new key, which begins with %s%s.", llm.Quote(k.Name), k.Expires.Format(layout), prefix, k.ReplacedBy))
	default:
		return refused(fmt.Sprintf("The API key %s expired on %s; ask the gateway's operator for a new one.", llm.Quote(k.Name), k.Expires.Format(layout)))
	}
}

func unreadable(err error) *llm.Error {
	return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second,
		Message: "The gateway cannot read its keys now; try again shortly.", Err: err}
}
