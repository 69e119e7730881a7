package pipeline

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// aside returns the state of a request that the gateway itself makes beside another: it goes to one
// target at most, once, is bound by what the policy says about targets, output and logging, and
// takes nothing of anybody's limits. req is a copy of its own.
func (x *terms) aside(req *llm.Request, targets []*llm.Target) *state {
	req.Principal, req.Session, req.Facts.User, req.Queued, req.Hold = llm.Principal{}, "", "", 0, nil
	req.Received, req.Priority, req.Demands = x.Now(), llm.PriorityLow, x.req.Demands
	c := x.Pipeline.begin(req)
	route := *x.route
	route.Targets, route.FallbackOn, route.Retries = targets, nil, llm.Retries{Attempts: 1}
	route.EmptyPass, route.AllowUnpriced, route.Resume, route.Hold, route.Drain = true, true, false, 0, false
	route.Hedge, route.Escalate, route.Classify, route.Mirror = llm.Hedge{}, llm.Escalation{}, nil, nil
	c.route, c.record.Route = &route, route.Name
	o := x.decision.Obligations
	c.setDecision(llm.Decision{Allow: true, Revision: x.decision.Revision, Obligations: llm.Obligations{MaxOutputTokens: o.MaxOutputTokens,
		AllowTargets: o.AllowTargets, DenyTargets: o.DenyTargets, DataClasses: o.DataClasses, Regions: o.Regions, Log: o.Log}})
	return c
}

// single returns the attempts at the first of the route's targets that can serve the request.
func (x *state) single() (*attempts, error) {
	candidates := x.candidates()
	if len(candidates) == 0 {
		return nil, x.noTarget()
	}
	return x.attemptsAt(candidates[:1]), nil
}

// ask asks one target about a text, as a request of the gateway's own named suffix, and returns
// its answer and what it used. ctx bounds the time.
func (x *terms) ask(ctx context.Context, t *llm.Target, suffix, instructions, text string) (answer string, used result, err error) {
	req, err := x.Dialects.Question(instructions, text, askedTokens)
	if err != nil {
		return "", used, err
	}
	req.ID, req.Endpoint, req.Dialect = x.req.ID+suffix, llm.ChatCompletions, llm.OpenAI
	asked := x.aside(req, []*llm.Target{t})
	req.Deadline, _ = ctx.Deadline()
	attempts, err := asked.single()
	if err != nil {
		return "", used, err
	}
	defer attempts.cancelOpen()
	reply, err := attempts.sendAside(ctx)
	if err != nil {
		return "", used, err
	}
	defer reply.Close()
	e, err := reply.Next() // a plain reply has one event
	if err != nil {
		return "", used, interrupted(ctx, err)
	}
	attempts.serving.finish(nil)
	return x.Dialects.AnswerText([]llm.Event{e}).Text, attempts.serving.result(), nil
}

// askedTokens is how long an answer to the gateway itself may be. A model that reasons counts
// that in.
const askedTokens = 512

// sendAside sends a request of the gateway's own, which waits for no place at its target.
func (s *attempts) sendAside(ctx context.Context) (llm.Stream, error) {
	s.ranked, s.full = s.ranked[:1], nil
	reply, err := s.tryTargets(ctx)
	if err != nil {
		return nil, s.finalError(ctx, err)
	}
	return reply, nil
}
