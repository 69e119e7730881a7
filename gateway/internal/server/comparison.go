package server

import (
	"context"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxComparison bounds one comparison of routers or policies for an operator of the running
// gateway.
const maxComparison = time.Minute

// compareFor runs a comparison over the ledger's records for an operator: one at a time, and
// for a bounded time, since it takes processors and instances of modules from the requests. The
// command does the same without these bounds.
func compareFor[T any](ctx context.Context, s *Server, command string, compare func(context.Context, *ledger.Reader) (T, error)) (report T, err error) {
	if !s.comparing.TryLock() {
		return report, &llm.Error{Code: llm.CodeOverloaded, Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second,
			Message: "Another comparison of routers or policies is running. Ask again when it is done, or run " + command + "."}
	}
	defer s.comparing.Unlock()
	within, stop := context.WithTimeout(ctx, maxComparison)
	defer stop()
	report, err = compare(within, s.ledger.Reader)
	if err != nil && ctx.Err() == nil && within.Err() != nil {
		return report, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "since", Err: err,
			Message: "since: comparing these records takes longer than " + maxComparison.String() + ". Name a shorter time, or run " + command + ", which has no such bound."}
	}
	return report, err
}
