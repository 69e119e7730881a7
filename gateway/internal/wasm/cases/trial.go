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

// Trial is what came of one case.
type Trial struct {
	Name string
	// Err is nil when the case passed. Else its text says what was expected and what
	// came; a rejection or a fault stands in its chain.
	Err error
	// Output is the last call's result; for the flat form it is put into JSON, for events
	// it is a JSON list of each one's lines, null where the plugin had no opinion.
	Output []byte
	// Fuel is that of a warm instance, in instructions, all events together.
	Fuel int64
	// Memory is the instance's after the call, in bytes, Duration the time of its calls.
	Memory   int64
	Duration time.Duration
}

// Try loads a module as the gateway does and runs the cases, each twice on one
// instance and twice on fresh ones; a module whose answers differ fails the case. The
// settings and grants are the cases' own, not the spec's. The error is about the module
// as a whole, which could then not be tried, or ctx's.
func Try(ctx context.Context, h *wasm.Host, spec wasm.Spec, cases []Case) ([]Trial, error) {
	s, err := h.Sandbox(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	trials := make([]Trial, 0, len(cases))
	for i := range cases {
		if err := ctx.Err(); err != nil {
			return trials, fmt.Errorf("try module %s: %w", spec.Name, err)
		}
		t, err := runCase(ctx, s, &cases[i])
		if err != nil {
			return trials, err
		}
		trials = append(trials, t)
	}
	return trials, nil
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
	cases, err := ParseCases("tests", tests)
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

// runCase runs one case. The error is about the module as a whole.
func runCase(ctx context.Context, s *wasm.Sandbox, c *Case) (Trial, error) {
	t := Trial{Name: c.Name}
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
	runs, err := rehearse(ctx, c, m)
	if errors.Is(err, wasm.ErrTestFuel) || ctx.Err() != nil {
		return t, err
	}
	if err != nil {
		t.Err = err
		return t, nil
	}
	warm := runs[1]
	t.Output, t.Fuel, t.Memory, t.Duration = c.output(warm), warm.fuel, warm.memory, warm.took
	t.Err = errors.Join(c.judge(warm), agree(runs))
	return t, nil
}

// rehearse runs a case twice on one instance and then on two more. After a fault, which
// breaks the instance, the second run has a fresh one, too.
func rehearse(ctx context.Context, c *Case, m *wasm.Subject) ([]run, error) {
	runs := make([]run, 0, 4)
	for i := range 4 {
		r, err := perform(ctx, c, m, i != 1 || broke(runs[0].err))
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// broke reports an error that breaks the instance: any but a rejection.
func broke(err error) bool {
	var r *hook.Rejection
	return err != nil && !errors.As(err, &r)
}

// perform runs a case once, on the instance that is there or on a fresh one. An error is
// the case's own, or ends all testing: nothing was run, or not all of it.
func perform(ctx context.Context, c *Case, m *wasm.Subject, fresh bool) (run, error) {
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
	m.SetStore(c.entries()) // what penstock_init kept is not the case's
	var took time.Duration  // of the calls alone, not of what is made of JSON around them
	r, err := c.play(func(h hook.Hook, in []byte) ([]byte, int64, error) {
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

// agree reports a module that answers the same question in two ways.
func agree(runs []run) error {
	for i, r := range runs[1:] {
		what := differing(runs[0], r)
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

// differing says what is not the same in two runs; empty when all is.
func differing(a, b run) string {
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
