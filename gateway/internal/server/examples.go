package server

import (
	"cmp"
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Example is what a classifier learns from: a prompt, the target that answered it, and how
// good the answer was.
type Example struct {
	// Request is the id of the request that was answered; that of the original for a mirrored
	// copy, whose target is another. Session is what it shares with others of its conversation.
	Request string `json:"request_id"`
	Session string `json:"session,omitempty"`
	// Prompt is the text of the last message of the user, which is what classifiers get; empty
	// when the ledger does not keep it.
	Prompt string `json:"prompt"`
	Target string `json:"target"`
	// Score is from 0, useless, to 1, as good as can be.
	Score float64 `json:"score"`
	Label string  `json:"label,omitempty"`
}

// Examples calls yield with every feedback since a time on a request that a target has answered,
// the oldest first, until yield returns an error, which it returns.
func (s *Server) Examples(ctx context.Context, l *ledger.Reader, since time.Time, yield func(Example) error) error {
	return l.Outcomes(ctx, since, func(f *llm.Feedback, r *llm.Record) error {
		if r.Target == "" {
			return nil
		}
		return yield(Example{Request: cmp.Or(r.MirrorOf, r.ID), Session: r.Session, Prompt: s.promptOf(ctx, r), Target: r.Target, Score: f.Score, Label: f.Label})
	})
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
