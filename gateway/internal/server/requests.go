package server

import (
	"context"
	"strings"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// requests lists records, those written last first.
func (s *Server) requests(ctx context.Context, f llm.RecordFilter) ([]*llm.Record, error) {
	page := ledger.Page{Before: f.Before, Limit: f.Limit, Outcome: f.Outcome, Where: map[string]string{}}
	for name, value := range map[string]string{"model": f.Model, "target": f.Target, "team": f.Team, "key": f.Key, "user": f.User} {
		if value != "" {
			page.Where[name] = value
		}
	}
	if f.Tag != "" {
		name, value, _ := strings.Cut(f.Tag, "=")
		page.Where["tag:"+name] = value
	}
	return s.ledger.List(ctx, page)
}
