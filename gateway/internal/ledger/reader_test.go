package ledger

import (
	"context"
	"errors"
	"testing"
)

// A reader that gives up returns the cause, whatever it was doing.
func TestReaderReturnsTheCause(t *testing.T) {
	at := tempLocation(t)
	l, _ := reopen(t, at)
	mustWrite(t, l, record("one"))
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errBehind)
	if err := (follower{at, l.db}).catchUp(ctx); !errors.Is(err, errBehind) {
		t.Errorf("catchUp = %v, want %v", err, errBehind)
	}
}
