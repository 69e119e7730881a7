package raises

import (
	"context"
	"database/sql"
	"time"
)

// schema is the table of raises. Times are Unix milliseconds; the span is the window. The SQL
// here works with both SQLite and PostgreSQL.
const schema = `CREATE TABLE IF NOT EXISTS raises (
	id       TEXT PRIMARY KEY,
	scope    TEXT NOT NULL,
	unit     TEXT NOT NULL,
	span     TEXT NOT NULL,
	amount   BIGINT NOT NULL,
	created  BIGINT NOT NULL,
	ends     BIGINT NOT NULL,
	reason   TEXT NOT NULL,
	operator TEXT NOT NULL
)`

const columns = "id, scope, unit, span, amount, created, ends, reason, operator"

// selectAfter returns the raises that end after a time.
func selectAfter(ctx context.Context, db *sql.DB, now time.Time) ([]Raise, error) {
	rows, err := db.QueryContext(ctx, "SELECT "+columns+" FROM raises WHERE ends > $1 ORDER BY ends LIMIT $2", now.UnixMilli(), MaxRaises)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Raise
	for rows.Next() {
		var r Raise
		var created, ends int64
		if err := rows.Scan(&r.ID, &r.Scope, &r.Unit, &r.Window, &r.By, &created, &ends, &r.Reason, &r.Operator); err != nil {
			return nil, err
		}
		r.Created, r.Until = time.UnixMilli(created).UTC(), time.UnixMilli(ends).UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}

// insert stores a raise, and forgets those that have ended. It reports false when too many are
// in force.
func insert(ctx context.Context, db *sql.DB, r *Raise, now time.Time) (bool, error) {
	if _, err := db.ExecContext(ctx, "DELETE FROM raises WHERE ends <= $1", now.UnixMilli()); err != nil {
		return false, err
	}
	result, err := db.ExecContext(ctx, "INSERT INTO raises ("+columns+") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE (SELECT count(*) FROM raises) < $10",
		r.ID, r.Scope, string(r.Unit), r.Window, r.By, r.Created.UnixMilli(), r.Until.UnixMilli(), r.Reason, r.Operator, MaxRaises)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

func remove(ctx context.Context, db *sql.DB, id string) error {
	_, err := db.ExecContext(ctx, "DELETE FROM raises WHERE id = $1", id)
	return err
}
