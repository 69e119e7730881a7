package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Decide returns whether the request is allowed, and its limits and obligations. The
// decision may be shared with other requests: its slices and maps must not be changed. An
// error means that the policy could not decide, and denies; it is an *llm.Error.
func (e *Engine) Decide(ctx context.Context, in Input) (llm.Decision, error) {
	p := e.program
	in.Now = e.moment(p, in.Now)
	if e.options.Decisions != nil && !in.Explained {
		return e.decideLogged(ctx, p, &in)
	}
	v, err := e.decideOn(ctx, p, &in)
	if err == nil && in.Explained {
		v, err = e.explain(ctx, p, v)
	}
	return v, err
}

// decideLogged decides for a request and passes the decision to the decision log. Under the
// obligation log: none that gets the outcome alone.
func (e *Engine) decideLogged(ctx context.Context, p *program, in *Input) (llm.Decision, error) {
	start := time.Now()
	v, err := e.decideOn(ctx, p, in)
	took := time.Since(start)
	logged := v
	logged.Input = nil // the log has all of it
	var input func() ([]byte, error)
	if v.Obligations.Log == llm.LogNone {
		logged = llm.Decision{Allow: v.Allow, Revision: v.Revision, Memoised: v.Memoised, Obligations: llm.Obligations{Log: llm.LogNone}}
	} else {
		input = loggedInput(in)
	}
	if err != nil {
		logged.Revision = p.revision
	}
	e.options.Decisions(llm.Decided{RequestID: in.Request.ID, KeyID: in.Request.Principal.KeyID, Trace: in.Request.Trace, At: in.Now, Took: took,
		Input: input, Decision: &logged, Err: err, Bundle: e.options.Revision})
	return v, err
}

// loggedInput returns a function that makes the whole input JSON, without usage. The canonical form is made at
// once: the request may change later.
func loggedInput(in *Input) func() ([]byte, error) {
	all := fullPlan()
	var c encoder
	c.write(&all, in)
	c.close()
	form := string(c.b)
	return func() ([]byte, error) {
		plain, err := ast.JSON(value(form))
		if err != nil {
			return nil, err
		}
		return json.Marshal(plain)
	}
}

// explain adds the rules to a decision. One whose input is not kept stays without.
func (e *Engine) explain(ctx context.Context, p *program, v llm.Decision) (llm.Decision, error) {
	if v.Input == nil {
		return v, nil
	}
	v, err := p.originsOf(ctx, v)
	if err != nil {
		return v, cannotDecide(ctx, err)
	}
	return v, nil
}

func (e *Engine) decideOn(ctx context.Context, p *program, in *Input) (llm.Decision, error) {
	s := scratches.Get().(*scratch)
	defer s.release()
	s.b = s.b[:0]
	s.write(&p.plan, in)
	if p.plan.has(leafUsage) {
		return e.decideWithUsage(ctx, p, s, in)
	}
	s.close()
	return e.decide(ctx, p, s.b)
}

// moment returns the time of a decision. It reads the clock only if the policy or the
// decision log needs it.
func (e *Engine) moment(p *program, given time.Time) time.Time {
	if !p.plan.has(leavesOfTime) && e.options.Decisions == nil {
		return time.Time{}
	}
	if given.IsZero() {
		given = e.options.Now()
	}
	return given.In(e.options.Location)
}

// decideWithUsage adds the usage of the limits that equal requests have named before. When
// the decision names other limits, as after a start, it decides again with their usage:
// otherwise the first request would be decided without it.
func (e *Engine) decideWithUsage(ctx context.Context, p *program, s *scratch, in *Input) (llm.Decision, error) {
	s.principal.b = s.principal.b[:0]
	s.principal.write(&p.limitPlan, in)
	known, _ := p.limits.Get(s.principal.b)
	base := len(s.b)
	e.appendUsage(p, s, known)
	v, err := e.decide(ctx, p, s.b)
	if err != nil {
		return v, err
	}
	grown, changed := mergeLimits(known, v.Limits)
	if !changed {
		return v, nil
	}
	p.limits.Put(string(s.principal.b), grown, weightOfLimits(grown))
	s.b = s.b[:base]
	e.appendUsage(p, s, grown)
	return e.decide(ctx, p, s.b)
}

func (e *Engine) appendUsage(p *program, s *scratch, limits []llm.Limit) {
	var percent []int
	if e.options.Usage != nil && len(limits) > 0 {
		percent = e.options.Usage(limits)
	}
	s.usage(&p.plan, limits, percent)
	s.close()
}

// decide returns the remembered decision for a canonical input, or makes it.
func (e *Engine) decide(ctx context.Context, p *program, form []byte) (llm.Decision, error) {
	if len(form) > maxInput {
		return llm.Decision{}, tooLarge(len(form))
	}
	if v, ok := p.decisions.Get(form); ok {
		e.hits.Add(1)
		out := *v
		out.Memoised = true
		return out, nil
	}
	e.misses.Add(1)
	key := string(form)
	v, err := p.decide(ctx, value(key), e.options.Timeout)
	if errors.Is(err, errTimeout) && !errors.Is(err, errStuck) { // the machine may have been busy
		v, err = p.decide(ctx, value(key), retryFactor*e.options.Timeout)
	}
	if err != nil {
		return llm.Decision{}, cannotDecide(ctx, err)
	}
	v.Input = keptInput(value(key))
	p.decisions.Put(key, v, weight(v))
	return *v, nil
}

// maxKeptInput bounds the input that a decision keeps for its record, in bytes.
const maxKeptInput = 16 << 10

// keptInput is the input of a decision as JSON; nil when it is too large to be kept.
func keptInput(input ast.Value) json.RawMessage {
	plain, err := ast.JSON(input)
	if err != nil { // a canonical form is always JSON
		return nil
	}
	text, err := json.Marshal(plain)
	if err != nil || len(text) > maxKeptInput {
		return nil
	}
	return text
}

// retryFactor is how many times longer the second try of an evaluation may take.
const retryFactor = 10

func tooLarge(size int) error {
	return &llm.Error{Code: llm.CodeTooLarge, Status: http.StatusRequestEntityTooLarge,
		Message: "The parts of this request that the admission policy reads are too large: shorten its metadata, tags and model name.",
		Err:     fmt.Errorf("policy input has %d bytes, at most %d are allowed", size, maxInput)}
}

// cannotDecide returns the error for a request without a decision. A retry may help after
// a timeout, but not after a fault of the policy.
func cannotDecide(ctx context.Context, err error) error {
	out := &llm.Error{Code: llm.CodePolicyFault, Status: http.StatusInternalServerError,
		Message: "The admission policy could not decide on this request, so it was refused; the cause is in the gateway's log under this request id.",
		Err:     fmt.Errorf("decide: %w", err)}
	switch {
	case ctx.Err() != nil:
		out.Status, out.Fault, out.Err = http.StatusServiceUnavailable, llm.FaultCanceled, fmt.Errorf("decide: %w", ctx.Err())
	case errors.Is(err, errStuck), errors.Is(err, errBusy):
		out.Status, out.RetryAfter = http.StatusServiceUnavailable, time.Second
		out.Message = "The admission policy takes too long to decide, so this request was refused: contact the gateway's operator. /readyz of the admin API shows the evaluations that do not end."
	case errors.Is(err, errTimeout):
		out.Status, out.RetryAfter = http.StatusServiceUnavailable, time.Second
		out.Message = "The admission policy could not decide on this request in time, so it was refused: try again."
	default:
		out.Retried = true
	}
	return out
}

// weight estimates the bytes behind a decision's slices and maps.
func weight(v *llm.Decision) int {
	n := len(v.Input) + weightOfLimits(v.Limits)
	for _, r := range v.Reasons {
		n += 80 + len(r.Code) + len(r.Message) + len(r.Rule)
	}
	for _, texts := range [][]string{v.Warnings, v.Obligations.AllowTargets, v.Obligations.DenyTargets, v.Obligations.DataClasses, v.Obligations.Regions} {
		for _, s := range texts {
			n += 16 + len(s)
		}
	}
	for _, table := range []map[string]string{v.Obligations.Tags, v.Obligations.Headers} {
		for name, s := range table {
			n += 64 + len(name) + len(s)
		}
	}
	return n
}

func weightOfLimits(limits []llm.Limit) int {
	n := 0
	for _, l := range limits {
		n += 96 + len(l.Name) + len(l.Scope) + len(l.Window)
	}
	return n
}
