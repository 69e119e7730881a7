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
	replaced_by TEXT NOT NULL,
	made_by     TEXT NOT NULL DEFAULT '',
	used        BIGINT NOT NULL DEFAULT 0
)`

// later are the columns that older databases lack.
var later = [...][2]string{{"made_by", "TEXT NOT NULL DEFAULT ''"}, {"used", "BIGINT NOT NULL DEFAULT 0"}}

// revisionSchema is a table of one row that counts changes: processes that cache keys read
// it to see whether the cache is current.
const revisionSchema = `CREATE TABLE IF NOT EXISTS virtual_keys_revision (
	one      INTEGER PRIMARY KEY,
	revision BIGINT NOT NULL
)`

const columns = "id, origin, name, team, user_name, grants, expires, created, revoked, replaced_by, made_by, used"

// blocked is an expression that is 1 for keys whose team or user is blocked.
const blocked = "CASE WHEN EXISTS (SELECT 1 FROM teams WHERE teams.name = virtual_keys.team AND teams.blocked <> 0)" +
	" OR EXISTS (SELECT 1 FROM gateway_users WHERE gateway_users.name = virtual_keys.user_name AND gateway_users.blocked <> 0) THEN 1 ELSE 0 END"

// grants is what a key may do, as it is stored.
type grants struct {
	Roles  []string          `json:"roles,omitempty"`
	Models []string          `json:"models,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
	Budget llm.Budget        `json:"budget,omitzero"`
}

func createTables(ctx context.Context, db *sql.DB) error {
	for _, q := range []string{schema, revisionSchema, teamSchema, memberSchema, userSchema,
		"INSERT INTO virtual_keys_revision (one, revision) VALUES (1, 0) ON CONFLICT (one) DO NOTHING"} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	for _, c := range later {
		if err := addColumn(ctx, db, c[0], c[1]); err != nil {
			return err
		}
	}
	for _, c := range []string{"origin", "made_by"} {
		if _, err := db.ExecContext(ctx, "CREATE INDEX IF NOT EXISTS virtual_keys_"+c+" ON virtual_keys ("+c+")"); err != nil {
			return err
		}
	}
	return nil
}

// addColumn adds a column to virtual_keys unless it is there.
func addColumn(ctx context.Context, db *sql.DB, name, kind string) error {
	if hasColumn(ctx, db, name) {
		return nil
	}
	_, err := db.ExecContext(ctx, "ALTER TABLE virtual_keys ADD COLUMN "+name+" "+kind)
	if err != nil && hasColumn(ctx, db, name) {
		return nil // another process has added it meanwhile
	}
	return err
}

func hasColumn(ctx context.Context, db *sql.DB, name string) bool {
	var n int
	return db.QueryRowContext(ctx, "SELECT count("+name+") FROM virtual_keys WHERE 1 = 0").Scan(&n) == nil
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
	_, err = tx.ExecContext(ctx, "INSERT INTO virtual_keys ("+columns+", hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12)",
		k.ID, k.Origin, k.Name, k.Team, k.User, string(g), millis(k.Expires), millis(k.Created), millis(k.Revoked), k.ReplacedBy, k.MadeBy, hex.EncodeToString(hash[:]))
	return err
}

// update stores the name, the grants and the expiry of a key. One that it replaced and that
// works on gets the same, and ends no later.
func update(ctx context.Context, tx *sql.Tx, k *Key, now time.Time) error {
	g, err := json.Marshal(grants{k.Roles, k.Models, k.Tags, k.Budget})
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, "UPDATE virtual_keys SET name = $1, grants = $2, expires = $3 WHERE id = $4", k.Name, string(g), millis(k.Expires), k.ID); err != nil {
		return err
	}
	const others = "origin = $1 AND id <> $2 AND revoked = 0 AND replaced_by <> '' AND expires > $3"
	if _, err = tx.ExecContext(ctx, "UPDATE virtual_keys SET name = $4, grants = $5 WHERE "+others, k.Origin, k.ID, millis(now), k.Name, string(g)); err != nil || k.Expires.IsZero() {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE virtual_keys SET expires = $4 WHERE "+others+" AND expires > $4", k.Origin, k.ID, millis(now), millis(k.Expires))
	return err
}

func replace(ctx context.Context, tx *sql.Tx, id, by string, end time.Time) error {
	_, err := tx.ExecContext(ctx, "UPDATE virtual_keys SET replaced_by = $1, expires = $2 WHERE id = $3", by, millis(end), id)
	return err
}

func setRevoked(ctx context.Context, tx *sql.Tx, id string, now time.Time) error {
	_, err := tx.ExecContext(ctx, "UPDATE virtual_keys SET revoked = $1 WHERE id = $2", millis(now), id)
	return err
}

// selectWhere returns the keys that fit a condition, the oldest first.
func selectWhere(ctx context.Context, q querier, condition string, args ...any) ([]Key, error) {
	return selectKeys(ctx, q, condition+" ORDER BY created, id", args...)
}

func selectKeys(ctx context.Context, q querier, rest string, args ...any) ([]Key, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+columns+", "+blocked+" FROM virtual_keys WHERE "+rest, args...)
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

func selectOne(ctx context.Context, q querier, id string) (Key, error) {
	k, err := scan(q.QueryRowContext(ctx, "SELECT "+columns+", "+blocked+" FROM virtual_keys WHERE id = $1", id))
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, notFound(id)
	}
	return k, err
}

// selectLatest returns the last key of the chain of rotations that a key belongs to.
func selectLatest(ctx context.Context, db *sql.DB, id string) (Key, error) {
	return scan(db.QueryRowContext(ctx, "SELECT "+columns+", "+blocked+" FROM virtual_keys WHERE origin = (SELECT origin FROM virtual_keys WHERE id = $1) ORDER BY created DESC LIMIT 1", id))
}

// selectHashed returns a key with the hash of its secret.
func selectHashed(ctx context.Context, db *sql.DB, id string) (k Key, hash [sha256.Size]byte, err error) {
	var text string
	k, err = scan(db.QueryRowContext(ctx, "SELECT "+columns+", "+blocked+", hash FROM virtual_keys WHERE id = $1", id), &text)
	if err == nil {
		_, err = hex.Decode(hash[:], []byte(text))
	}
	return k, hash, err
}

func scan(row interface{ Scan(...any) error }, more ...any) (k Key, err error) {
	var text string
	var expires, created, revoked, used, blocked int64
	into := append([]any{&k.ID, &k.Origin, &k.Name, &k.Team, &k.User, &text, &expires, &created, &revoked, &k.ReplacedBy, &k.MadeBy, &used, &blocked}, more...)
	if err := row.Scan(into...); err != nil {
		return Key{}, err
	}
	var g grants
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		return Key{}, fmt.Errorf("key %s: %w", k.ID, err)
	}
	k.Roles, k.Models, k.Tags, k.Budget = g.Roles, g.Models, g.Tags, g.Budget
	k.Expires, k.Created, k.Revoked, k.Used, k.Blocked = timeOf(expires), timeOf(created), timeOf(revoked), timeOf(used), blocked != 0
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
