package keys

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The SQL here works with both SQLite and PostgreSQL. Times are Unix
// milliseconds, 0 for never; lists and tags are JSON.
const schema = `CREATE TABLE IF NOT EXISTS virtual_keys (
	id          TEXT PRIMARY KEY,
	origin      TEXT NOT NULL,
	hash        TEXT NOT NULL,
	name        TEXT NOT NULL,
	team        TEXT NOT NULL,
	user_name   TEXT NOT NULL,
	grants      TEXT NOT NULL,
	expires     BIGINT NOT NULL,
	created     BIGINT NOT NULL,
	revoked     BIGINT NOT NULL,
	replaced_by TEXT NOT NULL
)`

// revisionSchema is a table of one row that counts changes: processes that cache keys read
// it to see whether the cache is current.
const revisionSchema = `CREATE TABLE IF NOT EXISTS virtual_keys_revision (
	one      INTEGER PRIMARY KEY,
	revision BIGINT NOT NULL
)`

const columns = "id, origin, name, team, user_name, grants, expires, created, revoked, replaced_by"

// grants is what a key may do, as it is stored.
type grants struct {
	Roles  []string          `json:"roles,omitempty"`
	Models []string          `json:"models,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
	Budget llm.Budget        `json:"budget,omitzero"`
}

func createTables(ctx context.Context, db *sql.DB) error {
	for _, q := range []string{schema, revisionSchema,
		"INSERT INTO virtual_keys_revision (one, revision) VALUES (1, 0) ON CONFLICT (one) DO NOTHING"} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func revisionOf(ctx context.Context, db *sql.DB) (revision int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT revision FROM virtual_keys_revision WHERE one = 1").Scan(&revision)
	return revision, err
}

func incrementRevision(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE virtual_keys_revision SET revision = revision + 1 WHERE one = 1")
	return err
}

func insert(ctx context.Context, tx *sql.Tx, k *Key, hash [sha256.Size]byte) error {
	g, err := json.Marshal(grants{k.Roles, k.Models, k.Tags, k.Budget})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO virtual_keys ("+columns+", hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		k.ID, k.Origin, k.Name, k.Team, k.User, string(g), millis(k.Expires), millis(k.Created), millis(k.Revoked), k.ReplacedBy, hex.EncodeToString(hash[:]))
	return err
}

func replace(ctx context.Context, tx *sql.Tx, id, by string, end time.Time) error {
	_, err := tx.ExecContext(ctx, "UPDATE virtual_keys SET replaced_by = $1, expires = $2 WHERE id = $3", by, millis(end), id)
	return err
}

func revoke(ctx context.Context, tx *sql.Tx, id string, now time.Time) error {
	k, err := selectOne(ctx, tx, id)
	if err != nil || !k.Revoked.IsZero() {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE virtual_keys SET revoked = $1 WHERE id = $2", millis(now), id)
	return err
}

func selectAll(ctx context.Context, db *sql.DB) ([]Key, error) {
	rows, err := db.QueryContext(ctx, "SELECT "+columns+" FROM virtual_keys ORDER BY created, id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Key{}
	for rows.Next() {
		k, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

func selectOne(ctx context.Context, tx *sql.Tx, id string) (Key, error) {
	k, err := scan(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM virtual_keys WHERE id = $1", id))
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, notFound(id)
	}
	return k, err
}

// selectLatest returns the last key of the chain of rotations that a key belongs to.
func selectLatest(ctx context.Context, db *sql.DB, id string) (Key, error) {
	return scan(db.QueryRowContext(ctx, "SELECT "+columns+" FROM virtual_keys WHERE origin = (SELECT origin FROM virtual_keys WHERE id = $1) ORDER BY created DESC LIMIT 1", id))
}

// selectHashed returns a key with the hash of its secret.
func selectHashed(ctx context.Context, db *sql.DB, id string) (k Key, hash [sha256.Size]byte, err error) {
	var text string
	k, err = scan(db.QueryRowContext(ctx, "SELECT "+columns+", hash FROM virtual_keys WHERE id = $1", id), &text)
	if err == nil {
		_, err = hex.Decode(hash[:], []byte(text))
	}
	return k, hash, err
}

func scan(row interface{ Scan(...any) error }, more ...any) (k Key, err error) {
	var text string
	var expires, created, revoked int64
	into := append([]any{&k.ID, &k.Origin, &k.Name, &k.Team, &k.User, &text, &expires, &created, &revoked, &k.ReplacedBy}, more...)
	if err := row.Scan(into...); err != nil {
		return Key{}, err
	}
	var g grants
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		return Key{}, fmt.Errorf("key %s: %w", k.ID, err)
	}
	k.Roles, k.Models, k.Tags, k.Budget = g.Roles, g.Models, g.Tags, g.Budget
	k.Expires, k.Created, k.Revoked = timeOf(expires), timeOf(created), timeOf(revoked)
	return k, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
