package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Range selects records by the time of arrival and the model that was asked for.
type Range struct {
	// Since and Until bound the time, Until excluded; zero means no bound.
	Since, Until time.Time
	// Model is empty for all.
	Model string
}

// Each calls yield with every record of a range, in the order in which they were written,
// until yield returns an error, which it returns. One record is in memory at a time.
func (r *Reader) Each(ctx context.Context, which Range, yield func(*llm.Record) error) error {
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	var b statement
	b.WriteString("SELECT record FROM requests WHERE true")
	b.between(which.Since, which.Until)
	if which.Model != "" {
		b.bind(" AND model = ?", which.Model)
	}
	b.WriteString(" ORDER BY seq")
	rows, err := r.db.QueryContext(ctx, b.String(), b.args...)
	if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var text sql.RawBytes
		if err := rows.Scan(&text); err != nil {
			return fmt.Errorf("read records: %w", err)
		}
		record, err := decode(text)
		if err == nil {
			err = yield(record)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}
