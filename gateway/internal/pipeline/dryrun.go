package pipeline

import (
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// dryRun notes what each candidate's format has no place for, and which candidates can't be
// asked at all or not within the limits. The error is the first candidate's, if none can.
// Transforms are not run: they may do more than compute.
func (x *state) dryRun(ctx context.Context, ranked []llm.Candidate) (refused error) {
	able := false
	x.record.Limits = x.Meter.LimitStates(x.decision.Limits, x.moment())
	for _, c := range ranked {
		exchange := llm.Exchange{Request: x.req, Sent: x.req, Route: x.route, Target: c.Target, Media: x.media}
		err := x.Dialects.Inline(ctx, &exchange)
		if err == nil {
			_, err = x.Dialects.Call(ctx, &exchange)
		}
		if err == nil || llm.AsError(err).Fault != llm.FaultUnsupported {
			err = x.affordable(c.Target)
		}
		x.noteDryRun(c.Target.ID, exchange.Dropped, err)
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

func (x *state) noteDryRun(target string, dropped []string, err error) {
	for i := range x.record.Candidates {
		c := &x.record.Candidates[i]
		if c.Target != target {
			continue
		}
		c.Dropped = dropped
		if err != nil {
			c.Refused = llm.AsError(err).Message
		}
	}
}

// affordable returns the refusal of limits that have no room for the request at this target.
func (x *state) affordable(t *llm.Target) error {
	if len(x.decision.Limits) == 0 {
		return nil
	}
	at := x.moment()
	_, err := x.Meter.Affordable(x.decision.Limits, x.worstCase(t, &x.req.Facts, 0).Ask(), at)
	if err == nil {
		return nil
	}
	if counted, ok := x.countedWorstCase(t, x.req, &x.req.Facts); ok {
		_, err = x.Meter.Affordable(x.decision.Limits, counted.Ask(), at)
	}
	return err
}

// moment is when the request is explained for.
func (x *state) moment() time.Time {
	if x.req.At.IsZero() {
		return x.Now()
	}
	return x.req.At
}
