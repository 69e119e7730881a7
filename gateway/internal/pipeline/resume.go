package pipeline

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// resuming returns the reply, with which another target goes on where it breaks off after
// its first event was sent. The next target answers anew, and what was sent already is left
// out if its answer begins with that; else a target that can continue a text does. If none
// can, the reply ends with the error of the target that broke off.
//
// The caller pays once: for the attempt that ended the reply and, where that only continued
// a text, for the output that it continued. All attempts have their own usage and cost in
// the record.
func (s *attempts) resuming(ctx context.Context, reply llm.Stream) llm.Stream {
	if !s.resumable() {
		return reply
	}
	return &resumed{Stream: reply, ctx: ctx, attempts: s, sent: s.Dialects.Transcript()}
}

// resumable reports whether another target may go on with the reply if it breaks off. Several
// answers at once, and probabilities of tokens, can't be joined.
func (s *attempts) resumable() bool {
	if s.terms == nil { // from the cache
		return false
	}
	f := &s.req.Facts
	return s.route.Resume && f.Stream && len(s.ranked) > 1 && f.Choices <= 1 && f.Inputs == 0 && !f.Features.Has(llm.Logprobs)
}

// resumed is a reply with which other targets go on.
type resumed struct {
	llm.Stream
	ctx      context.Context
	attempts *attempts
	sent     Transcript
	// buffered are events of the target that took over.
	buffered []llm.Event
	// diverged says that a target's answer has begun otherwise than what was sent. Another one
	// would, too.
	diverged bool
}

// Next implements llm.Stream. An error is that of the target that broke off first.
func (r *resumed) Next() (llm.Event, error) {
	e, err := r.next()
	if err == nil {
		r.sent.Note(&e)
		return e, nil
	}
	fault := llm.AsError(err).Fault
	if !fault.Replaceable() || r.ctx.Err() != nil || r.sent.Unresumable() != "" {
		return e, err
	}
	r.Stream.Close()
	if !r.takeOver() {
		return llm.Event{}, err
	}
	return r.Next()
}

func (r *resumed) next() (llm.Event, error) {
	if len(r.buffered) > 0 {
		e := r.buffered[0]
		r.buffered = r.buffered[1:]
		e.More = e.More || len(r.buffered) > 0
		return e, nil
	}
	return r.Stream.Next()
}

// takeOver finds a target that goes on with the reply, and reports whether there is one.
func (r *resumed) takeOver() bool {
	s := r.attempts
	broken := s.serving
	for _, c := range s.left {
		s.left = s.left[1:]
		if !outgrown(c.Target, s.tooSmall) && r.goOn(c.Target, broken) {
			return true
		}
	}
	// The reply ends with what the broken attempt has sent, which is charged.
	s.serving = broken
	s.takeHold(broken)
	return false
}

// goOn has a target answer anew, unless another answer has begun otherwise already; then it
// has it continue the text if it can. It reports whether the target goes on with the reply.
func (r *resumed) goOn(t *llm.Target, broken *attempt) bool {
	if !r.diverged && r.try(t, &llm.Resume{}, broken) {
		return true
	}
	return r.diverged && r.prefills(t) && r.try(t, &llm.Resume{Prefill: r.sent.Text()}, broken)
}

// prefills reports whether a target can continue the text that was sent. A request that ends
// with the beginning of an answer itself has one already.
func (r *resumed) prefills(t *llm.Target) bool {
	return r.sent.Text() != "" && !r.attempts.req.Facts.Features.Has(llm.Prefill) && r.attempts.Dialects.Prefills(t)
}

// try has a target go on with the reply, and reports whether it does.
func (r *resumed) try(t *llm.Target, how *llm.Resume, broken *attempt) bool {
	s := r.attempts
	if r.ctx.Err() != nil || !s.mayRetry() {
		return false
	}
	a := s.attempt(task{target: t, try: 1, replaceable: len(s.left) > 0, resume: how, broken: broken})
	reply, err := s.run(r.ctx, a)
	if err != nil {
		return false
	}
	rest := r.sent.Rest(reply, how.Prefill != "")
	buffered, err := readToContent(rest)
	if err != nil {
		r.diverged = r.diverged || llm.AsError(err).Fault == llm.FaultDiverged
		a.finish(llm.AsError(callerGone(r.ctx, err)))
		rest.Close()
		return false
	}
	r.Stream, r.buffered = rest, buffered
	return true
}

// resumes is how the attempt goes on with a reply, for the record.
func (a *attempt) resumes() string {
	switch {
	case a.resume == nil:
		return ""
	case a.resume.Prefill != "":
		return llm.ResumedByPrefill
	}
	return llm.ResumedByRestart
}
