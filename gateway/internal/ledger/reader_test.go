package ledger

import (
	"context"
	"errors"
	"testing"
)

// A reader that has waited long enough says what it waited for, whatever it was at when
// its time was over.
func TestReaderSaysWhyItGaveUp(t *testing.T) {
	at := somewhere(t)
	l, _ := reopen(t, at)
	mustWrite(t, l, record("one"))
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errBehind)
	if err := (follower{at, l.db}).reach(ctx); !errors.Is(err, errBehind) {
		t.Errorf("reach = %v, want %v", err, errBehind)
	}
}
