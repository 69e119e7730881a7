package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Module identifies the router's module, its settings and what it reads of requests.
func (r *Router) Module() llm.RouterModule {
	m := llm.RouterModule{Module: r.module.digest, Reads: r.reads.Names()}
	if c := r.module.config; len(c) > 0 && string(c) != "{}" {
		sum := sha256.Sum256(c)
		m.Config = hex.EncodeToString(sum[:])
	}
	return m
}

// Router returns the router that the ranker was prepared by.
func (k *Ranker) Router() *Router { return k.router }

// replaying marks the context of a call that is not recorded.
type replaying struct{}

// Replay ranks candidates as they were at an earlier moment. Unlike Rank it also asks a module
// that is disabled because of faults; its faults do not count, and its call is not recorded.
func (k *Ranker) Replay(ctx context.Context, req *llm.Request, c []llm.Candidate, at time.Time) llm.Ranking {
	ranking, _ := k.rank(context.WithValue(ctx, replaying{}, true), req, c, at) // the ranking says what went wrong
	return ranking
}

// inputOf notes what of a router's input only the request has.
func inputOf(req *llm.Request, now time.Time) llm.RouterInput {
	f := &req.Facts
	return llm.RouterInput{AfterNS: int64(now.Sub(req.Received.Round(0))), EstInput: f.EstInputTokens, MaxOutput: f.MaxTokens,
		Features: f.Features.Names(), LastUserChars: f.LastUserChars}
}

// ReadsPrompt reports whether the router gets any text of the prompt.
func (r *Router) ReadsPrompt() bool { return r.reads.Prompt() }
