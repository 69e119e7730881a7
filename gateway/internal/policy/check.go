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

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Check does everything that publishing the policy would, and reports what would stop
// it as Faults. A nil error means that a gateway would accept the policy.
func Check(ctx context.Context, src Source) error {
	if _, err := build(ctx, Options{Source: src, MemoBytes: -1}.withDefaults()); err != nil {
		return fmt.Errorf("check policy: %w", err)
	}
	return nil
}

// Evaluation is what a policy makes of one input.
type Evaluation struct {
	// Raw is what the policy answered, as JSON; nil when it is undefined or the
	// evaluation broke off.
	Raw json.RawMessage
	// Decision is how the gateway reads it; it counts only when Err is nil.
	Decision llm.Decision
	// Err is why the gateway would deny on account of the policy itself.
	Err error
	// Trace is the evaluation step by step, when it was asked for.
	Trace string
	// Added are the parts of the input that the gateway always sends and that were added,
	// such as "input.key.roles", sorted.
	Added []string
	Took  time.Duration
}

// EvalOptions say how Eval reads its input and what it shows. The zero value works.
type EvalOptions struct {
	// File names the input in faults; empty means "input".
	File string
	// Location is the time zone of input.time; nil means UTC. Now is the moment that is
	// taken where the input does not say one; zero means the clock's.
	Location *time.Location
	Now      time.Time
	// Trace asks for the evaluation step by step.
	Trace bool
}

// Eval evaluates the policy on an input given as JSON. What the gateway always sends and
// the input leaves out is added; what the gateway would never send is a fault. Its error
// says that the policy or the input could not be read.
func Eval(ctx context.Context, src Source, input []byte, o EvalOptions) (Evaluation, error) {
	e, err := inTime(ctx, Options{Source: src, MemoBytes: -1}.withDefaults(), func(ctx context.Context) (Evaluation, error) {
		return evalIn(ctx, src, input, o)
	})
	if err != nil {
		return Evaluation{}, fmt.Errorf("evaluate policy: %w", err)
	}
	return e, nil
}

func evalIn(ctx context.Context, src Source, input []byte, o EvalOptions) (Evaluation, error) {
	b, err := load(src)
	if err != nil {
		return Evaluation{}, err
	}
	parsed, added, err := b.readInput(input, o)
	if err != nil {
		return Evaluation{}, err
	}
	p, err := b.compile(ctx, Options{MemoBytes: -1}.withDefaults())
	if err != nil {
		return Evaluation{}, err
	}
	e := p.explain(ctx, parsed, o.Trace)
	e.Added = added
	return e, nil
}

// readInput checks an input and completes it.
func (b *bundle) readInput(input []byte, o EvalOptions) (ast.Value, []string, error) {
	o = o.withDefaults()
	n, err := parseJSON(input)
	if err != nil {
		return nil, nil, Faults{faultIn(o.File, input, err)}
	}
	if faults := checkInput(n, b.schema); len(faults) > 0 {
		var all Faults
		for i := range faults {
			all = append(all, faultIn(o.File, input, &faults[i]))
		}
		all.sort()
		return nil, nil, all
	}
	given := n.plain().(map[string]any) // as the schema demands
	added, err := complete(given, o.Now.In(o.Location))
	if err != nil {
		return nil, nil, err
	}
	parsed, err := ast.InterfaceToValue(given)
	return parsed, added, err
}

func (o EvalOptions) withDefaults() EvalOptions {
	if o.File == "" {
		o.File = "input"
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	return o
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
	if e.Raw, e.Err = toJSON(decision); e.Err != nil {
		return e
	}
	v, err := p.read(decision)
	if err != nil {
		e.Err = err
		return e
	}
	e.Decision = *v
	return e
}

func toJSON(v ast.Value) ([]byte, error) {
	plain, err := ast.JSON(v)
	if err != nil {
		return nil, fmt.Errorf("decision as JSON: %w", err)
	}
	return json.MarshalIndent(plain, "", "  ")
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
