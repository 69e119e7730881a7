package server

import (
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Example is what a classifier learns from: a prompt, the target that answered it, and how
// good the answer was.
type Example struct {
	// Prompt is the text of the last message of the user, which is what classifiers get.
	Prompt string `json:"prompt"`
	Target string `json:"target"`
	// Score is from 0, useless, to 1, as good as can be.
	Score float64 `json:"score"`
	Label string  `json:"label,omitempty"`
}

// Examples calls yield with every feedback since a time on a request whose text the ledger
// keeps, the oldest first, until yield returns an error, which it returns. skipped counts the
// others.
func (s *Server) Examples(ctx context.Context, l *ledger.Reader, since time.Time, yield func(Example) error) (skipped int64, err error) {
	err = l.Outcomes(ctx, since, func(f *llm.Feedback, r *llm.Record) error {
		prompt := s.promptOf(ctx, r)
		if prompt == "" || r.Target == "" {
			skipped++
			return nil
		}
		return yield(Example{Prompt: prompt, Target: r.Target, Score: f.Score, Label: f.Label})
	})
	return skipped, err
}

// promptOf returns the text of a record's last user message; empty when it is not kept.
func (s *Server) promptOf(ctx context.Context, r *llm.Record) string {
	req := s.textOf(ctx, r)
	if req == nil {
		return ""
	}
	text := hook.AppendLastUser(nil, req.Body)
	if len(text) == 0 && req.Canonical != nil {
		if canonical, err := req.Canonical(ctx); err == nil {
			text = hook.AppendLastUser(nil, canonical.Body)
		}
	}
	return string(text)
}
