package cases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Result is the outcome of one case.
type Result struct {
	Name string
	// Err is nil if the case passed. Else it says what was expected and what was returned; it
	// wraps the rejection or fault, if there was one.
	Err error
	// Output is the result; a flat one is converted to JSON, those of events are a JSON list
	// of each one's lines, null for no opinion.
	Output []byte
	// Fuel is that of all calls on an instance that has run the case before, in instructions.
	Fuel int64
	// Memory is the instance's afterwards, in bytes, Duration the time of its calls.
	Memory   int64
	Duration time.Duration
}

// Run loads a module as the gateway does and runs the cases, each twice on one instance and
// once on two others; a module whose results differ fails the case. The settings and grants
// are the cases' own, not the spec's. The error is ctx's, or says why the module could not be
// loaded.
func Run(ctx context.Context, h *wasm.Host, spec wasm.Spec, cases []Case) ([]Result, error) {
	s, err := h.Sandbox(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	results := make([]Result, 0, len(cases))
	for i := range cases {
		if err := ctx.Err(); err != nil {
			return results, fmt.Errorf("test module %s: %w", spec.Name, err)
		}
		t, err := runCase(ctx, s, &cases[i])
		if err != nil {
			return results, err
		}
		results = append(results, t)
	}
	return results, nil
}

// maxTests bounds the tests of a manifest.
const maxTests = 16

// CheckTests reports what is wrong with the tests of a manifest.
func CheckTests(tests json.RawMessage) error {
	_, err := parseTests(tests)
	return err
}

func parseTests(tests json.RawMessage) ([]Case, error) {
	if len(tests) == 0 {
		return nil, nil
	}
	cases, err := Parse("tests", tests)
	if err == nil && len(cases) > maxTests {
		err = fmt.Errorf("it has %d tests; at most %d are run", len(cases), maxTests)
	}
	return cases, err
}

// SelfTest runs the tests of a module's manifest; it is what Options.SelfTest wants.
func SelfTest(ctx context.Context, s *wasm.Sandbox, tests json.RawMessage) error {
	cases, err := parseTests(tests)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	var errs []error
	for i := range cases {
		t, err := runCase(ctx, s, &cases[i])
		if err != nil {
			return err
		}
		if t.Err != nil {
			errs = append(errs, fmt.Errorf("its own test %q: %w", t.Name, t.Err))
		}
	}
	return errors.Join(errs...)
}

// runCase runs one case. The error ends all of them.
func runCase(ctx context.Context, s *wasm.Sandbox, c *Case) (Result, error) {
	t := Result{Name: c.Name}
	grants := s.Grants(c.Grants)
	if t.Err = s.CheckGrants(grants); t.Err != nil {
		return t, nil
	}
	m, err := s.Subject(ctx, grants, c.clock)
	if err != nil {
		return t, err
	}
	defer m.Stop()
	if h, ok := c.hook(); ok && !m.Exports(h) {
		t.Err = fmt.Errorf("the module does not export %s", h)
		return t, nil
	}
	runs, err := runRepeatedly(ctx, c, m)
	if errors.Is(err, wasm.ErrTestFuel) || ctx.Err() != nil {
		return t, err
	}
	if err != nil {
		t.Err = err
		return t, nil
	}
	warm := runs[1]
	t.Output, t.Fuel, t.Memory, t.Duration = c.output(warm), warm.fuel, warm.memory, warm.took
	t.Err = errors.Join(c.check(warm), checkDeterminism(runs))
	return t, nil
}

// runRepeatedly runs a case twice on one instance and then on two others. After a fault the
// second run has a new instance, too.
func runRepeatedly(ctx context.Context, c *Case, m *wasm.Subject) ([]run, error) {
	runs := make([]run, 0, 4)
	for i := range 4 {
		r, err := runOnce(ctx, c, m, i != 1 || breaksInstance(runs[0].err))
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// breaksInstance reports whether the instance is of no use after an error: after any but a
// rejection.
func breaksInstance(err error) bool {
	var r *hook.Rejection
	return err != nil && !errors.As(err, &r)
}

// runOnce runs a case once, on the instance that is there or on a new one. The error says why
// not all of the case was run.
func runOnce(ctx context.Context, c *Case, m *wasm.Subject, fresh bool) (run, error) {
	m.SetStore(c.entries())
	if fresh || !m.Started() {
		err := m.Start(ctx, c.Config)
		switch {
		case errors.Is(err, wasm.ErrTestFuel) || ctx.Err() != nil:
			return run{}, err
		case err != nil:
			return run{err: err, store: m.Store()}, nil
		}
	}
	m.SetStore(c.entries()) // without what penstock_init has written
	var took time.Duration  // of the calls alone, without conversions
	r, err := c.play(m.FlatReads(), func(h hook.Hook, in []byte) ([]byte, int64, error) {
		began := time.Now()
		out, fuel, err := m.Call(ctx, h, uint64(c.Seed), in, nil)
		took += time.Since(began)
		return out, fuel, err
	})
	r.took, r.memory, r.store = took, m.Memory(), m.Store()
	if errors.Is(r.err, wasm.ErrTestFuel) || ctx.Err() != nil {
		err = errors.Join(err, r.err)
	}
	return r, err
}

// checkDeterminism reports runs with different results.
func checkDeterminism(runs []run) error {
	for i, r := range runs[1:] {
		what := difference(runs[0], r)
		if what == "" {
			continue
		}
		where := "on a fresh instance"
		if i == 0 {
			where = "when the same instance is called again"
		}
		return fmt.Errorf("it answers differently %s: %s", where, what)
	}
	return nil
}

// difference describes how two runs differ; empty if they do not.
func difference(a, b run) string {
	if x, y := errText(a.err), errText(b.err); x != y {
		return fmt.Sprintf("first %s, then %s", x, y)
	}
	for i := range min(len(a.outs), len(b.outs)) {
		if x, y := a.outs[i], b.outs[i]; string(x) != string(y) {
			return fmt.Sprintf("first %q, then %q", hook.Clip(x), hook.Clip(y))
		}
	}
	same := func(x, y []byte) bool { return string(x) == string(y) }
	if !maps.EqualFunc(a.store, b.store, same) {
		return fmt.Sprintf("first it keeps %q, then %q", a.store, b.store)
	}
	return ""
}

func errText(err error) string {
	if err == nil {
		return "a result"
	}
	return err.Error()
}
