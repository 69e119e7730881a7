package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Check does everything that publishing the policy would, and reports what would stop
// it as Faults. A nil error means that a gateway would accept the policy.
func Check(ctx context.Context, src Source) error {
	if _, err := build(ctx, Options{Source: src, MemoBytes: -1}); err != nil {
		return fmt.Errorf("check policy: %w", err)
	}
	return nil
}

// Evaluation is what a policy makes of one input.
type Evaluation struct {
	// Decision is what the policy answered, as JSON; nil when it is undefined or the
	// evaluation broke off.
	Decision json.RawMessage
	// Verdict is how the gateway reads it; it counts only when Err is nil.
	Verdict llm.Verdict
	// Err is why the gateway would deny on account of the policy itself.
	Err error
	// Trace is the evaluation step by step, when it was asked for.
	Trace string
	Took  time.Duration
}

// Eval evaluates the policy on an input given as JSON, which need not be complete. Its
// error says that the policy or the input could not be read.
func Eval(ctx context.Context, src Source, input []byte, explain bool) (Evaluation, error) {
	parsed, err := parseInput(input)
	if err != nil {
		return Evaluation{}, fmt.Errorf("evaluate policy: %w", err)
	}
	b, err := load(src)
	if err != nil {
		return Evaluation{}, fmt.Errorf("evaluate policy: %w", err)
	}
	p, err := b.compile(ctx, -1)
	if err != nil {
		return Evaluation{}, fmt.Errorf("evaluate policy: %w", err)
	}
	return p.explain(ctx, parsed, explain), nil
}

func parseInput(input []byte) (ast.Value, error) {
	var v any
	if err := util.UnmarshalJSON(input, &v); err != nil {
		return nil, fmt.Errorf("input is not JSON: %w", err)
	}
	parsed, err := ast.InterfaceToValue(v)
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	if _, ok := parsed.(ast.Object); !ok {
		return nil, fmt.Errorf("input must be an object, not %s", ast.ValueName(parsed))
	}
	return parsed, nil
}

func (p *program) explain(ctx context.Context, input ast.Value, trace bool) (e Evaluation) {
	tracer := topdown.NewBufferTracer()
	var options []rego.EvalOption
	if trace {
		options = append(options, rego.EvalQueryTracer(tracer))
	}
	start := time.Now()
	decision, err := p.evaluate(ctx, input, rehearsalLimit, options...)
	e.Took = time.Since(start)
	if trace {
		var b bytes.Buffer
		topdown.PrettyTraceWithLocation(&b, *tracer)
		e.Trace = b.String()
	}
	if err != nil {
		e.Err = err
		return e
	}
	if e.Decision, e.Err = toJSON(decision); e.Err != nil {
		return e
	}
	v, err := p.read(decision)
	if err != nil {
		e.Err = err
		return e
	}
	e.Verdict = *v
	return e
}

func toJSON(v ast.Value) ([]byte, error) {
	plain, err := ast.JSON(v)
	if err != nil {
		return nil, fmt.Errorf("decision as JSON: %w", err)
	}
	return json.MarshalIndent(plain, "", "  ")
}

// InputJSON is the whole input that a policy could read of a request, as JSON, usage
// left empty: what `penstock policy eval --input` takes.
func (e *Engine) InputJSON(in Input) ([]byte, error) {
	if in.Now.IsZero() {
		in.Now = e.options.Now()
	}
	in.Now = in.Now.In(e.options.Location)
	return toJSON(value(string(wholeInput(in, nil, nil))))
}

// wholeInput is the canonical form with nothing left out.
func wholeInput(in Input, limits []llm.Limit, percent []int) []byte {
	all := everything()
	var c canon
	c.write(&all, &in)
	c.usage(&all, limits, percent)
	c.close()
	return c.b
}
