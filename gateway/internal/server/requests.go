package server

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// requests lists records, those written last first.
func (s *Server) requests(ctx context.Context, f llm.RecordFilter) ([]*llm.Record, error) {
	return s.ledger.List(ctx, ledger.PageOf(f))
}
