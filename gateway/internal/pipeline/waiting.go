package pipeline

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// enter takes the attempt's place at its target, unless it has one already.
func (a *attempt) enter() error {
	if !a.entered && !a.Capacity.Enter(a.target, a.req.Priority) {
		return &llm.Error{Code: llm.CodeOverloaded, Status: http.StatusServiceUnavailable, Fault: llm.FaultFull, RetryAfter: time.Second,
			Message: a.target.ID + " has as many requests in flight as it may; try again in a moment."}
	}
	return nil
}

// whyFull says that a target takes no more requests now; empty when it does.
func (x *state) whyFull(t *llm.Target) string {
	if !x.Capacity.Full(t, x.req.Priority) {
		return ""
	}
	return "has as many requests in flight as it may"
}

// waitForPlace waits for a place at one of the targets that were full, once no other target
// could answer, and tries that one. Each is waited for once. The error is the last one that
// says why there is no answer.
func (s *attempts) waitForPlace(ctx context.Context, last error) (llm.Stream, error) {
	s.full = slices.DeleteFunc(s.full, func(t *llm.Target) bool { return outgrown(t, s.tooSmall) })
	for len(s.full) > 0 && ctx.Err() == nil && (last == nil || llm.AsError(last).Fault.Replaceable()) {
		t, err := s.nextPlace(ctx)
		if err != nil {
			if f := llm.AsError(err).Fault; last == nil || llm.AsError(last).Fault == llm.FaultFull || f == llm.FaultNone {
				return nil, err
			}
			return nil, last
		}
		if !s.mayFallBack(last) {
			s.Capacity.Leave(t)
			return nil, last
		}
		reply, err := s.tryTask(ctx, task{target: t, try: 1, replaceable: len(s.full) > 0, entered: true})
		if err == nil {
			return reply, nil
		}
		last = moreInformative(last, err)
	}
	return nil, last
}

// nextPlace waits for a place at one of the targets that were full, and returns that target.
func (s *attempts) nextPlace(ctx context.Context) (*llm.Target, error) {
	from := s.Now()
	i, err := s.Capacity.Wait(ctx, s.req, s.req.Queued+s.queued, s.full)
	waited := s.Now().Sub(from)
	s.queued += waited
	s.paused += waited
	if err != nil {
		return nil, err
	}
	t := s.full[i]
	s.full = slices.Delete(s.full, i, i+1)
	return t, nil
}

// noteFull notes a target that was full when its turn came.
func (s *attempts) noteFull(t *llm.Target) {
	if !slices.Contains(s.full, t) {
		s.full = append(s.full, t)
	}
}
