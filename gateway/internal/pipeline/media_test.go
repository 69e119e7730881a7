package pipeline

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestFetchedMediaAreReserved: what is reserved is what the request has once its media are in
// it, though their size was not known before.
func TestFetchedMediaAreReserved(t *testing.T) {
	f := newFakes("a")
	f.decision.Limits = []llm.Limit{hardBudget()}
	sized := llm.Facts{Features: llm.Vision, Images: 1, TextBytes: 100, Choices: 1}
	f.inline = func(_ context.Context, r *llm.Request) error { r.Facts = sized; return nil }
	req := request(false)
	req.Facts.Unbounded = "a remote image"
	if _, err := f.serve(t, t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if want := llm.EstimateOf(f.route.Targets[0], &sized, 0, 0).Cost(); f.reserved[0].USD != want {
		t.Errorf("reserved %v, want %v", f.reserved[0].USD, want)
	}
	f = newFakes("a")
	f.decision.Limits = []llm.Limit{hardBudget()}
	f.inline = func(context.Context, *llm.Request) error { return nil } // they are still elsewhere
	if _, err := f.serve(t, t.Context(), req); err == nil || llm.AsError(err).Fault != llm.FaultBudget {
		t.Errorf("with media of unknown size: %v, want a refusal", err)
	}
}

// TestFetchingMediaIsNotTheTargetsTime: a fetch longer than timeout.first_token ends no attempt.
func TestFetchingMediaIsNotTheTargetsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("a", "b")
		f.inline = func(ctx context.Context, _ *llm.Request) error {
			select {
			case <-time.After(2 * f.route.Timeout.FirstToken):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if _, err := f.serve(t, t.Context(), request(true)); err != nil || len(f.sent) != 1 || f.sent[0] != "a" {
			t.Errorf("%v after calls %v", err, f.sent)
		}
	})
}
