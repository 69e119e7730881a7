package policy

import (
	"context"
	"errors"
	"fmt"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Replayer decides on recorded requests with a policy that is not in force. It counts and
// logs nothing. It is safe for concurrent use if its options' functions are.
type Replayer struct {
	program *program
	options ReplayOptions
	// explained are decisions with their rules, by their inputs.
	explained *memo[*llm.Decision]
}

// ReplayOptions are what a Replayer needs beside the policy.
type ReplayOptions struct {
	Options
	// Principal returns a key as it is now, false if there is none.
	Principal func(keyID string) (llm.Principal, bool)
	// Route returns the route of a model name as it is now, false if there is none.
	Route func(model string) (*llm.Route, bool)
	// Used returns how much of a limit has been used when the record's request arrived, in
	// percent, where the record does not have it. Nil means nothing.
	Used func(llm.Limit) int
}

// Replayed is a recorded decision, and the one that the replayed policy would have made.
type Replayed struct {
	Before, After llm.Decision
	// evaluations are what After comes from, for Explain.
	evaluations []evaluation
}

// evaluation is one question to the policy.
type evaluation struct {
	form     string
	decision llm.Decision
}

// NewReplayer compiles and tests a policy. Its error has Faults when the policy is invalid.
func NewReplayer(ctx context.Context, o ReplayOptions) (*Replayer, error) {
	o.Options = o.Options.withDefaults()
	p, err := build(ctx, o.Options)
	if err != nil {
		return nil, fmt.Errorf("load policy: %w", err)
	}
	return &Replayer{p, o, newMemo[*llm.Decision](o.MemoBytes)}, nil
}

// Revision identifies the policy.
func (p *Replayer) Revision() string { return p.program.revision }

// Decide decides again on a recorded request. What the policy sends on to another model it is
// asked about once more, as the gateway does. The error is a *NotReplayable when the record
// does not have what the policy reads; a policy that cannot decide denies.
func (p *Replayer) Decide(ctx context.Context, r *llm.Record) (*Replayed, error) {
	switch {
	case r.MirrorOf != "":
		return nil, &NotReplayable{"it is a copy that no policy was asked about"}
	case r.Decision == nil:
		return nil, &NotReplayable{"it ended without a decision of the policy"}
	case r.Decision.Revision == p.program.revision: // the same input to the same policy
		return &Replayed{Before: *r.Decision, After: *r.Decision}, nil
	}
	c, err := recall(r, p.principal(r.KeyID), p.routeOf(r))
	if err != nil {
		return nil, err
	}
	c.used = p.options.Used
	out := &Replayed{Before: *r.Decision}
	if out.After, err = p.ask(ctx, c, out); err != nil || !out.After.Allow {
		return out, err
	}
	next := out.After.Obligations.Destination()
	if first := r.FirstDecision; first != nil && first.Obligations.Destination() != next {
		out.Before = *first
	}
	if next == "" || next == r.Model {
		return out, nil
	}
	return out, p.askAgain(ctx, c, out, next)
}

// askAgain decides about the model that the first decision sends the request on to.
func (p *Replayer) askAgain(ctx context.Context, c *recalled, out *Replayed, model string) error {
	route, ok := p.options.Route(model)
	if !ok {
		return &NotReplayable{"the policy sends it on to a model that the configuration does not have"}
	}
	onward, req := *c, c.req
	req.Facts.Model = model
	onward.in.Request, onward.in.Route, onward.in.Targets = &req, route.Name, route.All()
	onward.known |= leafRoute | leafTargets
	first := out.After
	second, err := p.ask(ctx, &onward, out)
	out.After = second
	if second.Allow {
		out.After = first.And(second)
	}
	return err
}

func (p *Replayer) principal(keyID string) *llm.Principal {
	if who, ok := p.options.Principal(keyID); ok && keyID != "" {
		return &who
	}
	return nil
}

// routeOf returns the route of a record as it is now; nil if there is none or the first
// decision was about another.
func (p *Replayer) routeOf(r *llm.Record) *llm.Route {
	name := r.Route
	if r.FirstDecision != nil {
		name = r.Model
	}
	if route, ok := p.options.Route(name); ok {
		return route
	}
	return nil
}

// ask decides on one input, with the usage of the limits that the decision names.
func (p *Replayer) ask(ctx context.Context, c *recalled, out *Replayed) (llm.Decision, error) {
	plan := &p.program.plan
	if err := c.missing(plan); err != nil {
		return llm.Decision{}, err
	}
	c.in.Now = c.in.Now.In(p.options.Location)
	v, form, err := p.decide(ctx, c, c.limits)
	if err == nil && plan.has(leafUsage) {
		if grown, changed := mergeLimits(c.limits, v.Limits); changed {
			v, form, err = p.decide(ctx, c, grown)
		}
	}
	out.evaluations = append(out.evaluations, evaluation{form, v})
	return v, err
}

func (p *Replayer) decide(ctx context.Context, c *recalled, limits []llm.Limit) (llm.Decision, string, error) {
	var e encoder
	e.write(&p.program.plan, &c.in)
	if p.program.plan.has(leafUsage) {
		e.usage(&p.program.plan, limits, c.percent(limits))
	}
	e.close()
	form := string(e.b)
	if len(form) > maxInput {
		return llm.Decision{}, form, &NotReplayable{"the parts of it that the policy reads are larger than an input may be"}
	}
	if v, ok := p.program.decisions.Get(e.b); ok {
		return *v, form, nil
	}
	v, err := p.program.decide(ctx, value(form), sampleLimit)
	switch {
	case ctx.Err() != nil:
		return llm.Decision{}, form, ctx.Err()
	case errors.Is(err, errBusy), errors.Is(err, errStuck):
		return llm.Decision{}, form, fmt.Errorf("decide again: %w", err)
	case err != nil:
		v = &llm.Decision{Revision: p.program.revision, Reasons: []llm.Reason{{Code: string(llm.CodePolicyFault), Message: "The policy cannot decide: " + err.Error()}}}
	}
	p.program.decisions.Put(form, v, weight(v))
	return *v, form, nil
}

// Explain names the rules that the replayed decision comes from.
func (p *Replayer) Explain(ctx context.Context, d *Replayed) error {
	var rules []llm.RuleOf
	for _, e := range d.evaluations {
		v, err := p.origins(ctx, e)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // a policy that cannot decide has no rule to name
			continue
		}
		if !d.After.Allow && !v.Allow {
			d.After.Reasons = v.Reasons
		}
		rules = append(rules, v.Rules...)
	}
	d.After.Rules = rules
	return nil
}

// origins returns a decision with the rules that it comes from.
func (p *Replayer) origins(ctx context.Context, e evaluation) (llm.Decision, error) {
	if v, ok := p.explained.Get([]byte(e.form)); ok {
		return *v, nil
	}
	v, err := p.program.origins(ctx, value(e.form), e.decision, sampleLimit)
	if err != nil {
		return v, err
	}
	p.explained.Put(e.form, &v, weight(&v)+len(e.form))
	return v, nil
}
