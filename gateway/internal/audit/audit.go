// Package audit keeps who changed what by the admin API or the command line: keys, teams,
// users, budgets, targets, the cache and the configuration. It stores entries in the
// caller's database, in the same transaction as the change where that is in the database,
// too. It does not decide what is a change; secrets must not be handed to it.
package audit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The outcomes of a change.
const (
	// Done is for changes that were made.
	Done = "done"
	// Refused is for those that the caller may not make, or asked for wrongly.
	Refused = "refused"
	// Failed is for those that the gateway could not make.
	Failed = "failed"
)

// Entry is one change, or the attempt of one.
type Entry struct {
	// ID is unique, and later entries have larger ones.
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// Key is the public id of the key that was used, User its user, Address where the call
	// came from; empty where there was none.
	Key     string `json:"key,omitempty"`
	User    string `json:"user,omitempty"`
	Address string `json:"address,omitempty"`
	// Action is what was asked for, such as keys.create, and Object of what.
	Action string `json:"action"`
	Object string `json:"object,omitempty"`
	// Before and After are the object's state, without secrets. Where only the request is
	// known, After is that.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	// Outcome is Done, Refused or Failed, and Detail the error.
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
}

// The SQL here works with both SQLite and PostgreSQL. Times are Unix milliseconds.
const schema = `CREATE TABLE IF NOT EXISTS admin_audit (
	id          TEXT PRIMARY KEY,
	at          BIGINT NOT NULL,
	key_id      TEXT NOT NULL,
	user_name   TEXT NOT NULL,
	address     TEXT NOT NULL,
	action      TEXT NOT NULL,
	object      TEXT NOT NULL,
	state_before TEXT NOT NULL,
	state_after  TEXT NOT NULL,
	outcome     TEXT NOT NULL,
	detail      TEXT NOT NULL
)`

const columns = "id, at, key_id, user_name, address, action, object, state_before, state_after, outcome, detail"

// Log is the entries in a database. It is safe for concurrent use, by several processes
// too.
type Log struct{ db *sql.DB }

// Open makes the table in db, which the caller closes.
func Open(ctx context.Context, db *sql.DB) (*Log, error) {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	return &Log{db}, nil
}

// Add stores an entry, whose ID and Time it sets.
func (l *Log) Add(ctx context.Context, e Entry) error {
	if err := insert(ctx, l.db, &e); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

// Bounds of an entry's texts, in bytes.
const (
	maxText  = 500
	maxState = 16 << 10
)

func insert(ctx context.Context, into interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, e *Entry) error {
	now := time.Now()
	_, err := into.ExecContext(ctx, "INSERT INTO admin_audit ("+columns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		newID(now), now.UnixMilli(), cut(e.Key), cut(e.User), cut(e.Address), cut(e.Action), cut(e.Object), state(e.Before), state(e.After), e.Outcome, cut(e.Detail))
	return err
}

// newID returns an id whose order is that of time.
func newID(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // it never fails
	return fmt.Sprintf("%016x%s", now.UnixMicro(), hex.EncodeToString(random[:]))
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return s[:maxText] + "…"
}

// state returns a state as it is stored; one that is too large is left out.
func state(s json.RawMessage) string {
	if len(s) > maxState {
		return fmt.Sprintf(`{"omitted_bytes":%d}`, len(s))
	}
	return string(s)
}

// Query selects entries, the newest first.
type Query struct {
	// Since bounds the time; zero means no bound.
	Since time.Time
	// Actions keeps only entries with one of these actions; nil means all.
	Actions []string
	// After is the ID of the last entry of the page before; empty for the first page.
	After string
	// Limit is the most entries to return.
	Limit int
}

// List returns entries, the newest first. next is the Query.After of the next page, empty on
// the last one.
func (l *Log) List(ctx context.Context, q Query) (list []Entry, next string, err error) {
	if q.After != "" && !isID(q.After) {
		return nil, "", &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "after", Message: "after: write the next of the page before."}
	}
	where, args := "", []any{millis(q.Since), q.After, q.Limit + 1}
	if len(q.Actions) > 0 {
		var places []string
		for _, action := range q.Actions {
			args = append(args, action)
			places = append(places, fmt.Sprintf("$%d", len(args)))
		}
		where = " AND action IN (" + strings.Join(places, ", ") + ")"
	}
	rows, err := l.db.QueryContext(ctx, "SELECT "+columns+" FROM admin_audit WHERE at >= $1 AND ($2 = '' OR id < $2)"+where+" ORDER BY id DESC LIMIT $3", args...)
	if err != nil {
		return nil, "", fmt.Errorf("read audit log: %w", err)
	}
	defer rows.Close()
	list = []Entry{}
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, "", fmt.Errorf("read audit log: %w", err)
		}
		list = append(list, e)
	}
	if len(list) > q.Limit {
		list = list[:q.Limit]
		next = list[q.Limit-1].ID
	}
	return list, next, rows.Err()
}

func isID(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 24
}

func scan(rows *sql.Rows) (e Entry, err error) {
	var at int64
	var before, after string
	err = rows.Scan(&e.ID, &at, &e.Key, &e.User, &e.Address, &e.Action, &e.Object, &before, &after, &e.Outcome, &e.Detail)
	e.Time, e.Before, e.After = time.UnixMilli(at).UTC(), raw(before), raw(after)
	return e, err
}

func raw(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Prune deletes the oldest entries from before a time, at most so many.
func (l *Log) Prune(ctx context.Context, before time.Time, most int) error {
	_, err := l.db.ExecContext(ctx, "DELETE FROM admin_audit WHERE id IN (SELECT id FROM admin_audit WHERE at < $1 ORDER BY id LIMIT $2)", millis(before), most)
	if err != nil {
		return fmt.Errorf("prune audit log: %w", err)
	}
	return nil
}
