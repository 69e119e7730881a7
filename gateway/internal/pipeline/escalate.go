package pipeline

import (
	"fmt"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// checkAnswer makes the checks of the route on an answer, or on as much of a stream as is
// held back. One that fails is refused if another target may be asked, and kept in case none
// gives a better one; else the caller gets it, and the record says what it has failed.
func (a *attempt) checkAnswer(events llm.Stream, buffered []llm.Event) ([]llm.Event, error) {
	if len(a.route.Escalate.On) == 0 || a.resume != nil || a.whyUnchecked() != "" {
		return buffered, nil
	}
	failed, why := a.failedCheck(events.Info(), buffered)
	if failed == "" {
		return buffered, nil
	}
	a.entry.Failed = failed
	if !a.escalates {
		return buffered, nil
	}
	buffered, err := a.bufferUntil(events, buffered, func(size int) bool { return size >= maxBufferedBytes })
	last := len(buffered) - 1
	if err != nil || !buffered[last].Final { // too long to be kept: the caller gets it as it comes
		return buffered, err
	}
	a.empty = append(buffered[:last:last], cloneEvent(buffered[last]))
	return nil, &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultInadequate,
		Message: fmt.Sprintf("The answer of %s failed the check %s (%s), so another target was asked (escalate).", a.target.ID, failed, why)}
}

// whyUnchecked says why answers to the request are not checked; empty when they are.
func (t *terms) whyUnchecked() string {
	f := &t.req.Facts
	switch {
	case f.Inputs > 0 || f.Free:
		return "nothing is generated"
	case f.Choices > 1:
		return "several answers are asked for at once"
	case f.Stream && t.route.Hold == 0:
		return "the stream is passed on as it comes; with stream: {hold: all} on the model it is checked first"
	}
	return ""
}

// escalated is what the record says of the checks; nil when the route has none.
func (t *terms) escalated() *llm.Escalated {
	if len(t.route.Escalate.On) == 0 {
		return nil
	}
	return &llm.Escalated{On: t.route.Escalate.On, Unchecked: t.whyUnchecked()}
}

// failedCheck returns the first of the route's checks that an answer fails, and why; empty
// when it passes. Of an answer that is not complete only its beginning is checked.
func (a *attempt) failedCheck(info llm.ReplyInfo, buffered []llm.Event) (failed llm.Check, why string) {
	answer := a.Dialects.AnswerText(buffered)
	complete := buffered[len(buffered)-1].Final
	for _, c := range llm.Checks() {
		if !a.route.Escalate.Has(c) {
			continue
		}
		switch c {
		case llm.CheckEmpty:
			if complete && !info.Content {
				why = "it has no content"
			}
		case llm.CheckFilter:
			if isFiltered(info.Finish) && info.Finish != finishRefusal {
				why = "a content filter ended it"
			}
		case llm.CheckRefusal:
			if answer.Refused || info.Finish == finishRefusal || !info.ToolCalls && refuses(answer.Text) {
				why = "the model declines to answer"
			}
		case llm.CheckLength:
			if cutShort(info.Finish) && !isFiltered(info.Finish) {
				why = "the bound on output tokens has cut it off"
			}
		case llm.CheckJSON:
			if complete && info.Content && !info.ToolCalls {
				why = a.Dialects.WhyNotJSON(a.watch.ctx, a.req, answer.Text)
			}
		case llm.CheckSelfScore:
			if a.escalates { // else nothing would come of it
				why = a.scoredTooLow(info, answer.Text, complete)
			}
		}
		if why != "" {
			return c, why
		}
	}
	return "", ""
}

// mayEscalate reports whether another answer of the request may be turned down.
func (s *attempts) mayEscalate() bool {
	n := 0
	for _, a := range s.made {
		if a.entry.Fault == llm.FaultInadequate {
			n++
		}
	}
	return n < s.route.Escalate.Max
}

// lastResort is the attempt whose answer the caller gets when no target gives a better one:
// the last that has failed a check, which is that of the strongest target, or else the first
// one without content; nil without any.
func (s *attempts) lastResort() (best *attempt) {
	for _, a := range s.made {
		if a.empty != nil && (best == nil || a.entry.Failed != "") {
			best = a
		}
	}
	return best
}
