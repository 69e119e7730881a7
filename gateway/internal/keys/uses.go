package keys

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// usesEvery is how often the last use of keys is written.
const usesEvery = time.Minute

// uses holds when keys were last used, until that is written: a request only notes it.
type uses struct {
	most int // bounds pending; of more keys the use of this minute is not noted

	mu      sync.Mutex
	pending map[string]time.Time // by the key's id
	flushed time.Time
}

func newUses(most int) *uses { return &uses{most: most, pending: map[string]time.Time{}} }

// note notes a use.
func (u *uses) note(id string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.pending[id]; known || len(u.pending) < u.most {
		u.pending[id] = now
	}
}

// overlay sets a key's last use to one that is not written yet.
func (u *uses) overlay(k *Key) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if at, ok := u.pending[k.ID]; ok && at.After(k.Used) {
		k.Used = at.UTC().Truncate(time.Millisecond)
	}
}

// take returns what is to be written, and forgets it.
func (u *uses) take(now time.Time) map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.pending) == 0 {
		return nil
	}
	taken := u.pending
	u.pending, u.flushed = map[string]time.Time{}, now
	return taken
}

// due reports whether the last write was long enough ago.
func (u *uses) due(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return now.Sub(u.flushed) >= usesEvery || now.Before(u.flushed)
}

// SaveUses writes when keys were last used, unless it has done so within the last minute. It
// is to be called now and then.
func (k *Keys) SaveUses(ctx context.Context) error {
	if now := k.now(); k.uses.due(now) {
		return k.saveUses(ctx, now)
	}
	return nil
}

// Close writes when keys were last used. The database stays open.
func (k *Keys) Close(ctx context.Context) error { return k.saveUses(ctx, k.now()) }

func (k *Keys) saveUses(ctx context.Context, now time.Time) error {
	taken := k.uses.take(now)
	if taken == nil {
		return nil
	}
	tx, err := k.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write when keys were used: %w", err)
	}
	defer tx.Rollback() // does nothing after Commit
	for id, at := range taken {
		if _, err := tx.ExecContext(ctx, "UPDATE virtual_keys SET used = $1 WHERE id = $2 AND used < $1", millis(at), id); err != nil {
			return fmt.Errorf("write when keys were used: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write when keys were used: %w", err)
	}
	return nil
}
