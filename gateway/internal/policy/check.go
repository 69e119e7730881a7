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

// Check does everything that New does, and returns what is wrong with the policy as
// Faults. A nil error means that a gateway would accept the policy.
func Check(ctx context.Context, src Source) error {
	if _, err := build(ctx, Options{Source: src, MemoBytes: -1}.withDefaults()); err != nil {
		return fmt.Errorf("check policy: %w", err)
	}
	return nil
}

// Evaluation is the result of evaluating a policy on one input.
type Evaluation struct {
	// Raw is the policy's result as JSON; nil when it is undefined or the evaluation
	// failed.
	Raw json.RawMessage
	// Decision is the parsed result; valid only when Err is nil.
	Decision llm.Decision
	// Err is a fault of the policy, for which the gateway would deny the request.
	Err error
	// Trace is the evaluation step by step, and Rules the rules that the parts of the decision
	// come from, one a line, if EvalOptions.Trace is set.
	Trace string
	Rules string
	// Added are the parts of the input that were added because the gateway always sends
	// them, such as "input.key.roles", sorted.
	Added []string
	Took  time.Duration
}

// EvalOptions tune Eval. The zero value works.
type EvalOptions struct {
	// File names the input in faults; empty means "input".
	File string
	// Location is the time zone of input.time; nil means UTC. Now is the time for an input
	// without one; zero means the clock's.
	Location *time.Location
	Now      time.Time
	// Trace records the evaluation step by step.
	Trace bool
}

// Eval evaluates the policy on an input in JSON. It adds what the gateway always sends and
// the input lacks; what the gateway never sends is a fault. It returns an error when the
// policy or the input cannot be read.
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
	if o.Trace && e.Err == nil {
		e.Decision, e.Err = p.origins(ctx, parsed, e.Decision, sampleLimit)
		e.Rules = describeRules(&e.Decision)
	}
	return e, nil
}

// readInput parses an input, checks it and completes it.
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
	given := n.plain().(map[string]any) // the schema requires an object
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
	decision, err := p.evaluate(ctx, input, sampleLimit, options...)
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

// wholeInput returns the canonical form of all members.
func wholeInput(in Input, limits []llm.Limit, percent []int) []byte {
	all := fullPlan()
	var c encoder
	c.write(&all, &in)
	c.usage(&all, limits, percent)
	c.close()
	return c.b
}
