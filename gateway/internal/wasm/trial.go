package wasm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
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
func (h *Host) Try(ctx context.Context, s Spec, cases []Case) ([]Trial, error) {
	w, err := h.bench(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("load module %s: %w", s.Name, err)
	}
	defer w.close()
	trials := make([]Trial, 0, len(cases))
	for i := range cases {
		if err := ctx.Err(); err != nil {
			return trials, fmt.Errorf("try module %s: %w", s.Name, err)
		}
		t, err := w.try(ctx, &cases[i])
		if err != nil {
			return trials, fmt.Errorf("load module %s: %w", s.Name, err)
		}
		trials = append(trials, t)
	}
	return trials, nil
}

// bench prepares for trying a module. The caller closes it.
func (h *Host) bench(ctx context.Context, s Spec) (*bench, error) {
	d, err := h.draft(s, grantNames)
	if err != nil {
		return nil, err
	}
	w := newBench(h, d)
	if err := w.learn(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// bench is where a module is tried: one loaded form of it for every set of grants.
type bench struct {
	host    *Host
	draft   *draft
	modules map[string]*Module
	// purse is the fuel for everything that is tried here.
	purse *purse
}

// purse is fuel that several calls share; nil is without end.
type purse struct{ left int64 }

// errPurse says that the shared fuel is gone.
var errPurse = fmt.Errorf("its own tests take more than %d instructions together, starting up included", int64(testFuel))

// allow is how much of a call's budget the purse has left.
func (p *purse) allow(ctx context.Context, budget int64) (int64, error) {
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case p == nil:
		return budget, nil
	case p.empty():
		return 0, errPurse
	}
	return min(budget, p.left), nil
}

func (p *purse) empty() bool { return p != nil && p.left <= 0 }

func (p *purse) spend(fuel int64) {
	if p != nil {
		p.left -= fuel
	}
}

func newBench(h *Host, d *draft) *bench {
	own := *d
	own.spec.Record = nil // a trial is no traffic
	return &bench{host: h, draft: &own, modules: map[string]*Module{}}
}

// learn finds out which grants the module's manifest names, for cases that leave theirs
// out. Asking the module needs what it imports.
func (w *bench) learn(ctx context.Context) error {
	if !w.draft.outline.described() {
		return nil
	}
	m, err := w.module(ctx, w.draft.outline.needs())
	if err != nil {
		return err
	}
	w.draft.manifest, err = m.describe()
	return err
}

// grants are those of a case: its own, or else those of the manifest. A module that has
// none gets what its spec allows.
func (w *bench) grants(own []string) []string {
	if own == nil && w.draft.manifest != nil {
		own = w.draft.manifest.Grants
	}
	if own == nil {
		return w.draft.spec.Grants
	}
	return own
}

func (w *bench) close() {
	for _, m := range w.modules {
		m.abandon(context.Background())
	}
}

// try runs one case. The error is about the module as a whole.
func (w *bench) try(ctx context.Context, c *Case) (Trial, error) {
	t := Trial{Name: c.Name}
	grants := w.grants(c.Grants)
	if t.Err = w.draft.granted(grants); t.Err != nil {
		return t, nil
	}
	m, err := w.module(ctx, grants)
	if err != nil {
		return t, err
	}
	if h, ok := c.hook(); ok && !m.exports[h] {
		t.Err = fmt.Errorf("the module does not export %s", h)
		return t, nil
	}
	runs, err := m.rehearse(ctx, c, w.purse)
	if errors.Is(err, errPurse) || ctx.Err() != nil {
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

// module is the module loaded with these grants, without an instance.
func (w *bench) module(ctx context.Context, grants []string) (*Module, error) {
	key := strings.Join(slices.Sorted(slices.Values(grants)), " ")
	if m := w.modules[key]; m != nil {
		return m, nil
	}
	d := *w.draft
	d.spec.Grants = grants
	m, err := w.host.open(ctx, &d)
	if err != nil {
		return nil, err
	}
	w.modules[key] = m
	return m, nil
}

// rehearse runs a case twice on one instance and then on two more. After a fault, which
// breaks the instance, the second run has a fresh one, too.
func (m *Module) rehearse(ctx context.Context, c *Case, p *purse) ([]run, error) {
	m.now = c.clock
	m.store = newStore(c.clock)
	var g *instance
	defer func() { g.closeIfThere() }()
	runs := make([]run, 0, 4)
	for i := range 4 {
		if i != 1 || outcomeOf(runs[0].err) == broken {
			g.closeIfThere()
			g = nil
		}
		r, next, err := m.perform(ctx, c, g, p)
		if g = next; err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// perform runs a case once, on g or on a fresh instance. An error is the case's own:
// nothing was run, or not all of it.
func (m *Module) perform(ctx context.Context, c *Case, g *instance, p *purse) (run, *instance, error) {
	m.store.fill(c.entries())
	if _, err := p.allow(ctx, initFuel); err != nil {
		return run{}, g, err
	}
	if g == nil {
		var err error
		if g, err = m.instantiate(appendInit(nil, m.name, orEmpty(c.Config))); err != nil {
			p.spend(initFuel) // at most: the instance that would know is gone
			return run{err: err, store: m.store.all()}, nil, nil
		}
		p.spend(g.used(initFuel))
	}
	m.store.fill(c.entries()) // what penstock_init kept is not the case's
	var took time.Duration    // of the calls alone, not of what is made of JSON around them
	var stopped error         // why the next call was not made
	r, err := c.play(func(h Hook, in []byte) ([]byte, int64, error) {
		budget, err := p.allow(ctx, m.fuel+m.perByte*int64(len(in)))
		if err != nil {
			stopped = err
			return nil, 0, err
		}
		began := time.Now()
		view, err := g.call(h, uint64(c.Seed), in, budget)
		took += time.Since(began)
		if p.spend(g.used(budget)); p.empty() {
			stopped = errPurse
		}
		return append([]byte(nil), view...), g.used(budget), err
	})
	r.took, r.memory, r.store = took, int64(g.memory.Size()), m.store.all()
	return r, g, errors.Join(err, stopped)
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
			return fmt.Sprintf("first %q, then %q", clip(x), clip(y))
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
