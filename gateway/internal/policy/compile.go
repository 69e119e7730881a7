package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// decisionRef is the query.
var decisionRef = ast.MustParseRef("data.penstock.decision")

// program is a compiled, tested policy and its remembered decisions.
type program struct {
	revision string
	files    []string
	tests    int
	// notes are what is valid in the folder but probably not meant.
	notes     Faults
	redirects []Redirect
	query     rego.PreparedEvalQuery
	plan      plan
	// limitPlan is the part of the plan that limits usually depend on: requests that are
	// equal in it share the remembered limits.
	limitPlan plan
	// places are where the limits of the settings files are written, by their names.
	places map[string]string
	// rules maps the code of a reason to the only rule with that code.
	rules map[string]string
	// decision is where the first rule of the decision is.
	decision  *ast.Location
	decisions *memo[*llm.Decision]
	limits    *memo[[]llm.Limit]
	workers   *Workers
}

// loadLimit is the default of Options.LoadTimeout.
const loadLimit = 30 * time.Second

// build does everything that must succeed before a policy may decide: it compiles, runs the
// policy's own tests and makes sample decisions. It keeps nothing of the tests. It returns
// in time even if one of these steps does not end.
func build(ctx context.Context, o Options) (*program, error) {
	return inTime(ctx, o, func(ctx context.Context) (*program, error) {
		b, err := load(o.Source)
		if err != nil {
			return nil, err
		}
		p, err := b.compile(ctx, o)
		if err != nil {
			return nil, err
		}
		if faults := b.wrongHeads(); len(faults) > 0 {
			faults.sort()
			return nil, faults
		}
		if p.tests, err = b.passTests(ctx); err != nil {
			return nil, err
		}
		return p, p.trySamples(ctx)
	})
}

// inTime runs a job on a policy folder within the time limit, even if it does not end.
func inTime[T any](ctx context.Context, o Options, job func(context.Context) (T, error)) (T, error) {
	loading, stop := context.WithCancel(ctx)
	defer stop()
	result, err := within(ctx, o.Workers, o.Workers.loads, bounds{o.LoadTimeout, stopGrace, stop}, func() (T, error) { return job(loading) })
	switch late := err != nil && loading.Err() != nil; {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, errBusy):
		err = Faults{{File: o.Dir, Message: fmt.Sprintf("%d earlier versions of the policy are still being compiled or tested and do not end", o.Workers.Overrunning()),
			Hint: "restart the gateway to stop them"}}
	case late:
		err = Faults{{File: o.Dir, Message: fmt.Sprintf("the policy was not read, compiled and tested within %v", o.LoadTimeout),
			Hint: "a rule or a test does not end, or its values are too large, such as one that contains another twice, and so on"}}
	}
	return result, err
}

// stopGrace is how long to wait for a load to stop after its context has ended.
const stopGrace = 100 * time.Millisecond

func (b *bundle) compile(ctx context.Context, o Options) (*program, error) {
	compiler, err := b.compiler(b.modules, false)
	if err != nil {
		return nil, err
	}
	if faults := append(unusedRules(compiler), b.missingData(compiler)...); len(faults) > 0 {
		faults.sort()
		return nil, faults
	}
	query, err := rego.New(rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(decisionRef)))),
		rego.Compiler(compiler), rego.Store(b.store()), rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare policy: %w", err)
	}
	p := &program{revision: b.digest, files: b.files, places: b.places, query: query, plan: planFor(compiler.Modules, b.settings.tagNames()), rules: rulesOf(compiler.Modules), decision: firstRule(compiler.Modules, decisionRef),
		decisions: newMemo[*llm.Decision](o.MemoBytes), limits: newMemo[[]llm.Limit](o.MemoBytes / 4), workers: o.Workers}
	p.limitPlan = p.plan.only(principalLeaves)
	p.redirects = b.settings.redirects()
	p.notes = append(b.notes, b.settings.endedRaises(o.Now().In(o.Location))...)
	return p, nil
}

// compiler compiles modules strictly. Only the compiler for tests allows what tests need.
func (b *bundle) compiler(modules map[string]*ast.Module, forTests bool) (*ast.Compiler, error) {
	boundBuiltins()
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, b.schema)
	var extra []string
	if forTests {
		extra = []string{"internal.test_case"}
	}
	c := ast.NewCompiler().WithStrict(true).WithSchemas(schemas).WithCapabilities(capabilities(extra...)).
		WithEnablePrintStatements(forTests).WithPathConflictsCheck(b.hasData).SetErrorLimit(100)
	if forTests {
		return c, nil // the test runner adds its own stages before it compiles
	}
	if c.Compile(modules); c.Failed() {
		return nil, b.withOwnPlaces(faultsOf(c.Errors))
	}
	return c, nil
}

// withOwnPlaces moves faults in the built-in policy about conflicting rules to the rule of the
// folder that is in conflict with it.
func (b *bundle) withOwnPlaces(faults Faults) Faults {
	for i, f := range faults {
		name, ok := strings.CutPrefix(f.Message, "conflicting rules ")
		if !ok || !strings.HasPrefix(f.File, builtinDir) {
			continue
		}
		ref, err := ast.ParseRef(strings.TrimSuffix(name, " found"))
		if err != nil {
			continue
		}
		modules := maps.Clone(b.modules)
		maps.DeleteFunc(modules, func(name string, _ *ast.Module) bool { return strings.HasPrefix(name, builtinDir) })
		if at := firstRule(modules, ref); at != nil {
			faults[i].File, faults[i].Row, faults[i].Col = at.File, at.Row, at.Col
		}
	}
	return faults
}

// hasData reports whether there is data at a path: the compiler refuses rules that would
// hide it.
func (b *bundle) hasData(path []string) (bool, error) {
	var v any = b.data
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return false, nil
		}
		if v, ok = m[name]; !ok {
			return false, nil
		}
	}
	return true, nil
}

func (b *bundle) store() storage.Store {
	return inmem.NewFromObjectWithOpts(b.data, inmem.OptReturnASTValuesOnRead(true), inmem.OptRoundTripOnWrite(false))
}

// allModules returns the policy's modules and its tests'.
func (b *bundle) allModules() map[string]*ast.Module {
	all := maps.Clone(b.modules)
	maps.Copy(all, b.tests)
	return all
}

// rulesOf maps each code in an object literal to its rule. A code that occurs in several
// rules has none.
func rulesOf(modules map[string]*ast.Module) map[string]string {
	found := make(map[string]string)
	for _, m := range modules {
		for _, r := range m.Rules {
			at := r.Loc().File + ":" + strconv.Itoa(r.Loc().Row)
			for code := range codesIn(r) {
				if other, ok := found[code]; ok && other != at {
					at = ""
				}
				found[code] = at
			}
		}
	}
	return found
}

func codesIn(r *ast.Rule) map[string]bool {
	codes := make(map[string]bool)
	walkRule(ast.NewGenericVisitor(func(x any) bool {
		if o, ok := x.(ast.Object); ok {
			if code := o.Get(codeTerm); code != nil {
				if s, ok := code.Value.(ast.String); ok {
					codes[string(s)] = true
				}
			}
		}
		return false
	}), r)
	return codes
}

var codeTerm = ast.StringTerm("code")

// decide evaluates the policy on one input.
func (p *program) decide(ctx context.Context, input ast.Value, limit time.Duration) (*llm.Decision, error) {
	decision, err := p.evaluate(ctx, input, limit)
	if err != nil {
		return nil, err
	}
	return p.read(decision)
}

// read parses the policy's result.
func (p *program) read(decision ast.Value) (*llm.Decision, error) {
	v, err := decodeDecision(decision)
	if err != nil {
		return nil, err
	}
	v.Revision = p.revision
	for i := range v.Reasons {
		v.Reasons[i].Rule = p.rules[v.Reasons[i].Code]
	}
	return v, nil
}

// errUndefined is the error for an input for which no rule defines the decision.
var errUndefined = errors.New("data.penstock.decision is undefined for this input")

// evaluate is bounded by limit and by ctx. Both only set a flag that the evaluator checks
// between expressions; an evaluation that does not check it runs on detached.
func (p *program) evaluate(ctx context.Context, input ast.Value, limit time.Duration, more ...rego.EvalOption) (ast.Value, error) {
	cancel := topdown.NewCancel()
	b := bounds{limit: limit, grace: min(retryFactor*limit, time.Second), stop: cancel.Cancel}
	decision, err := within(ctx, p.workers, p.workers.evaluations, b, func() (ast.Value, error) { return p.ask(cancel, input, more) })
	if topdown.IsCancel(err) {
		return nil, fmt.Errorf("%w of %v", errTimeout, limit)
	}
	return decision, err
}

// ask evaluates the query until cancel.
func (p *program) ask(cancel topdown.Cancel, input ast.Value, more []rego.EvalOption) (ast.Value, error) {
	options := append([]rego.EvalOption{rego.EvalParsedInput(input), rego.EvalMetrics(metrics.NoOp()),
		rego.EvalExternalCancel(cancel), rego.EvalGenerateJSON(asValue)}, more...)
	results, err := p.query.Eval(context.Background(), options...)
	switch {
	case err != nil:
		return nil, err
	case len(results) == 0:
		return nil, errUndefined
	}
	return results[0].Expressions[0].Value.(ast.Value), nil
}

// asValue avoids the conversion to Go values.
func asValue(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }
