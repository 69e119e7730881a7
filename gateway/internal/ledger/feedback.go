package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// AddFeedback stores feedback in place of what the same key has said of the same request. It
// returns once that is written, like Write.
func (l *Ledger) AddFeedback(ctx context.Context, f *llm.Feedback) error {
	return l.journal.append(ctx, appendFeedback(nil, f), 1)
}

// saveFeedback stores feedback, unless there is a newer one of the key.
func (s *session) saveFeedback(e *entry) error {
	f := &e.feedback
	if err := s.exec(insertFeedback, f.RequestID, f.KeyID, f.Time.UnixMicro(), f.Score, f.Label, f.Comment); err != nil {
		return fmt.Errorf("insert feedback: %w", err)
	}
	return nil
}

const feedbackColumns = "request_id, feedback.key_id, given, score, label, comment"

// feedbackOf selects the feedback on one request, the oldest first.
const feedbackOf = "SELECT " + feedbackColumns + " FROM feedback WHERE request_id = ? ORDER BY given LIMIT ?"

// Feedbacks returns what has been said since a time of any request, the newest first, at most
// limit; zero means 100, the most is 1,000.
func (r *Reader) Feedbacks(ctx context.Context, since time.Time, limit int) ([]llm.Feedback, error) {
	if limit <= 0 {
		limit = 100
	}
	if err := r.catchUp(ctx); err != nil {
		return nil, err
	}
	return r.listFeedback(ctx, "SELECT "+feedbackColumns+" FROM feedback WHERE given >= ? ORDER BY given DESC LIMIT ?", micros(since), min(limit, maxPage))
}

// micros returns microseconds since the Unix epoch; the zero time is before all others.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (r *Reader) listFeedback(ctx context.Context, query string, args ...any) ([]llm.Feedback, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list feedback: %w", err)
	}
	defer rows.Close()
	list := []llm.Feedback{}
	for rows.Next() {
		var f llm.Feedback
		if err := scanFeedback(rows, &f); err != nil {
			return nil, fmt.Errorf("list feedback: %w", err)
		}
		list = append(list, f)
	}
	return list, rows.Err()
}

func scanFeedback(rows *sql.Rows, f *llm.Feedback, more ...any) error {
	var given int64
	err := rows.Scan(append([]any{&f.RequestID, &f.KeyID, &given, &f.Score, &f.Label, &f.Comment}, more...)...)
	f.Time = time.UnixMicro(given).UTC()
	return err
}

// Outcomes calls yield with the feedback since a time and the record that it is about, the
// oldest first, until yield returns an error, which it returns. Feedback on records that
// have been deleted is left out. One record is in memory at a time.
func (r *Reader) Outcomes(ctx context.Context, since time.Time, yield func(*llm.Feedback, *llm.Record) error) error {
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	const q = "SELECT " + feedbackColumns + ", record FROM feedback JOIN requests ON id = request_id WHERE given >= ? ORDER BY given"
	rows, err := r.db.QueryContext(ctx, q, micros(since))
	if err != nil {
		return fmt.Errorf("read feedback: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f llm.Feedback
		var text sql.RawBytes
		if err := scanFeedback(rows, &f, &text); err != nil {
			return fmt.Errorf("read feedback: %w", err)
		}
		record, err := decode(text)
		if err == nil {
			err = yield(&f, record)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}
