package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// renewRoute is how long the facts of a route count as seen: the first record after that
// writes them again, so that Prune knows which are in use.
const renewRoute = 24 * time.Hour

// appendUnseen appends the frame of the facts that a record's router was given, unless this
// process has written them in the last day; then it returns no digest.
func (l *Ledger) appendUnseen(b []byte, r *llm.Record, now time.Time) (frame []byte, digest string) {
	if r.Ranking == nil || r.Ranking.Facts == nil {
		return b, ""
	}
	f := r.Ranking.Facts
	if seen, ok := l.routes.Get(f.Digest); ok && now.Sub(seen) < renewRoute {
		return b, ""
	}
	return appendRoute(b, f, now), f.Digest
}

// routeSeen notes that the facts with a digest have been written.
func (l *Ledger) routeSeen(digest string, now time.Time) {
	if digest != "" {
		l.routes.Put(digest, now)
	}
}

// RouteFacts returns the facts with a digest; an *llm.Error with status 404 when there are none.
func (r *Reader) RouteFacts(ctx context.Context, digest string) (*llm.RouteFacts, error) {
	var text []byte
	err := r.db.QueryRowContext(ctx, "SELECT facts FROM routes WHERE digest = ?", digest).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The ledger has no facts of the route that this request had."}
	}
	if err != nil {
		return nil, fmt.Errorf("read the facts of a route: %w", err)
	}
	return llm.ParseRouteFacts(digest, text)
}

// saveRoute inserts facts, or notes that they are still in use.
func (s *session) saveRoute(e *entry) error {
	if err := s.exec(insertRoute, e.route.digest, e.route.seen, e.route.facts); err != nil {
		return fmt.Errorf("insert the facts of a route: %w", err)
	}
	return nil
}
