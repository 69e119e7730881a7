package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Trail is the entry of a change that is being made. Its methods may be called on nil, for
// changes that nobody has asked for by name. It is used by one goroutine at a time.
type Trail struct {
	Entry Entry
	// pending says that the entry is in a transaction, kept that this is committed.
	pending, kept bool
}

type contextKey struct{}

// With returns a context for a change with this trail.
func With(ctx context.Context, t *Trail) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// From returns the trail of a context, nil if it has none.
func From(ctx context.Context) *Trail {
	t, _ := ctx.Value(contextKey{}).(*Trail)
	return t
}

// Note notes what is changed, and how. before and after are encoded as JSON, nil for
// nothing; they must hold no secrets.
func (t *Trail) Note(object string, before, after any) {
	if t == nil {
		return
	}
	t.Entry.Object, t.Entry.Before, t.Entry.After = object, encode(before), encode(after)
}

func encode(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil { // what has no JSON form is described by the object alone
		return nil
	}
	return text
}

// Insert stores the entry in the transaction that makes the change. Call Committed once that
// is committed.
func (t *Trail) Insert(ctx context.Context, tx *sql.Tx) error {
	if t == nil {
		return nil
	}
	e := t.Entry
	e.Outcome, e.Detail, t.pending = Done, "", true
	return insert(ctx, tx, &e)
}

// Committed notes that the transaction of Insert is committed.
func (t *Trail) Committed() {
	if t != nil {
		t.kept = t.pending
	}
}

// Rest returns the entry of a change that ended with err, with its outcome, and whether it is
// still to be stored.
func (t *Trail) Rest(err error) (Entry, bool) {
	e := t.Entry
	e.Outcome = Done
	if err != nil {
		e.Outcome, e.Detail = Failed, llm.AsError(err).Message
		if llm.AsError(err).HTTPStatus() < http.StatusInternalServerError {
			e.Outcome = Refused
		}
	}
	return e, !t.kept
}
