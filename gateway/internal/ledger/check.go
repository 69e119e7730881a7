package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Check returns what SQLite's quick check finds wrong with the database, and nil if that is
// nothing. It reads the whole file.
func (r *Reader) Check(ctx context.Context) error {
	rows, err := r.db.QueryContext(ctx, "PRAGMA quick_check(10)")
	if err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return fmt.Errorf("check the database: %w", err)
		}
		if text != "ok" {
			found = append(found, text)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	if len(found) > 0 {
		return errors.New("the database is damaged: " + strings.Join(found, "; "))
	}
	return nil
}
