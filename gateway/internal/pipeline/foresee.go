package pipeline

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// foresee notes what each candidate's format has no place for, and which candidates can't
// be asked at all or not within the limits. The error is the first candidate's, if none can.
// Transforms are not run: they may do something else than compute.
func (l *life) foresee(ctx context.Context, ranked []llm.Candidate) (refused error) {
	able := false
	for _, c := range ranked {
		x := llm.Exchange{Request: l.req, Sent: l.req, Route: l.route, Target: c.Target}
		_, err := l.Dialects.Call(ctx, &x)
		if err == nil || llm.AsError(err).Fault != llm.FaultUnsupported {
			err = l.affords(c.Target)
		}
		l.note(c.Target.ID, x.Dropped, err)
		able = able || err == nil
		if refused == nil {
			refused = err
		}
	}
	if able {
		return nil
	}
	return refused
}

// note adds to the record what became of a candidate in a dry run.
func (l *life) note(target string, dropped []string, err error) {
	for i := range l.record.Candidates {
		c := &l.record.Candidates[i]
		if c.Target != target {
			continue
		}
		c.Dropped = dropped
		if err != nil {
			c.Refused = llm.AsError(err).Message
		}
	}
}

// affords is the refusal of the limits that have no room for a request to this target.
func (l *life) affords(t *llm.Target) error {
	if len(l.decision.Limits) == 0 {
		return nil
	}
	at := l.req.At
	if at.IsZero() {
		at = l.Now()
	}
	_, err := l.Meter.Affordable(l.decision.Limits, l.estimate(t).Ask(), at)
	if err == nil {
		return nil
	}
	if text, ok := l.Tokens.Prompt(t.Model, l.req); ok && text < l.req.Facts.TextBytes {
		e := llm.EstimateOf(t, &l.req.Facts, l.decision.Obligations.MaxOutputTokens, text)
		_, err = l.Meter.Affordable(l.decision.Limits, e.Ask(), at)
	}
	return err
}
