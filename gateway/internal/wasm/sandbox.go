package wasm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Sandbox runs a module for its tests: calls in it are not pooled, counted or recorded. One
// goroutine uses it at a time.
type Sandbox struct {
	host     *Host
	prepared *prepared
	// modules holds one loaded form of the module for every set of grants.
	modules map[string]*Module
	fuel    *sharedFuel
}

// Sandbox checks a module's bytes as Load does and prepares for testing it. The caller
// closes the sandbox.
func (h *Host) Sandbox(ctx context.Context, spec Spec) (*Sandbox, error) {
	s, err := h.sandbox(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("load module %s: %w", spec.Name, err)
	}
	return s, nil
}

func (h *Host) sandbox(ctx context.Context, spec Spec) (*Sandbox, error) {
	p, err := h.prepare(spec, hook.AllGrants())
	if err != nil {
		return nil, err
	}
	s := newSandbox(h, p)
	if err := s.describe(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newSandbox(h *Host, p *prepared) *Sandbox {
	own := *p
	own.spec.Record = nil
	return &Sandbox{host: h, prepared: &own, modules: map[string]*Module{}}
}

// describe calls the module for its manifest, which names the grants of tests that name
// none. That call needs the grants of the module's imports.
func (s *Sandbox) describe(ctx context.Context) error {
	if !hasDescribe(s.prepared.info) {
		return nil
	}
	m, err := s.module(ctx, neededGrants(s.prepared.info))
	if err != nil {
		return err
	}
	s.prepared.manifest, err = m.describe()
	return err
}

// Grants returns the grants of a test: its own, else those of the manifest, else those of
// the spec.
func (s *Sandbox) Grants(own []string) []string {
	if own == nil && s.prepared.manifest != nil {
		own = s.prepared.manifest.Grants
	}
	if own == nil {
		return s.prepared.spec.Grants
	}
	return own
}

// CheckGrants reports grants that do not exist, and imports that these do not allow.
func (s *Sandbox) CheckGrants(grants []string) error { return s.prepared.checkGrants(grants) }

// Close frees the module and its subjects.
func (s *Sandbox) Close() {
	for _, m := range s.modules {
		m.discard(context.Background())
	}
}

// module returns the module loaded with these grants, without an instance.
func (s *Sandbox) module(ctx context.Context, grants []string) (*Module, error) {
	key := strings.Join(slices.Sorted(slices.Values(grants)), " ")
	if m := s.modules[key]; m != nil {
		return m, nil
	}
	p := *s.prepared
	p.spec.Grants = grants
	m, err := s.host.open(ctx, &p)
	if err != nil {
		return nil, err
	}
	s.modules[key] = m
	return m, nil
}

// Subject is a module under test, with a clock and a store of its own and at most one
// instance.
type Subject struct {
	module   *Module
	instance *instance
	fuel     *sharedFuel
	reads    hook.Reads
}

// Subject prepares the module for one test with these grants and this clock. Only one
// subject of a sandbox is used at a time; the caller stops it.
func (s *Sandbox) Subject(ctx context.Context, grants []string, now func() time.Time) (*Subject, error) {
	m, err := s.module(ctx, grants)
	if err != nil {
		return nil, fmt.Errorf("load module %s: %w", s.prepared.spec.Name, err)
	}
	m.now, m.store = now, newStore(now)
	t := &Subject{module: m, fuel: s.fuel, reads: hook.AllReads}
	if s.prepared.manifest != nil {
		t.reads = s.prepared.manifest.routeReads(hook.RouteFlat, grants)
	}
	return t, nil
}

// FlatReads returns the texts of a request that the module gets in the flat form: those that
// its manifest declares, or all if it has none yet.
func (s *Subject) FlatReads() hook.Reads { return s.reads }

// Exports reports whether the module has a hook.
func (s *Subject) Exports(h hook.Hook) bool { return s.module.exports[h] }

// SetStore replaces the contents of the store.
func (s *Subject) SetStore(entries map[string][]byte) { s.module.store.replace(entries) }

// Store returns a copy of the contents of the store.
func (s *Subject) Store() map[string][]byte { return s.module.store.snapshot() }

// Start makes a new instance with these settings and closes any other. The error is a
// *hook.Fault, a *hook.Rejection, ErrTestFuel or ctx's.
func (s *Subject) Start(ctx context.Context, config json.RawMessage) error {
	s.Stop()
	if _, err := s.fuel.allow(ctx, initFuel); err != nil {
		return err
	}
	g, err := s.module.instantiate(hook.AppendInit(nil, s.module.name, orEmpty(config)))
	if err != nil {
		s.fuel.charge(initFuel) // the most it can have used: the instance is gone
		return err
	}
	s.fuel.charge(g.fuelUsed(initFuel))
	s.instance = g
	return nil
}

// Started reports whether there is an instance.
func (s *Subject) Started() bool { return s.instance != nil }

// Call runs a hook on the instance and appends the result to dst. The error is one of
// Module.Call's or ErrTestFuel.
func (s *Subject) Call(ctx context.Context, h hook.Hook, seed uint64, in, dst []byte) (out []byte, fuel int64, err error) {
	budget, err := s.fuel.allow(ctx, s.module.fuel+s.module.perByte*int64(len(in)))
	if err != nil {
		return dst, 0, err
	}
	view, err := s.instance.call(h, seed, in, budget)
	fuel = s.instance.fuelUsed(budget)
	if s.fuel.charge(fuel); s.fuel.empty() {
		err = ErrTestFuel
	}
	return append(dst, view...), fuel, err
}

// Memory returns the size of the instance's linear memory, in bytes.
func (s *Subject) Memory() int64 { return int64(s.instance.memory.Size()) }

// Stop frees the instance, if there is one.
func (s *Subject) Stop() {
	s.instance.closeIfAny()
	s.instance = nil
}

// sharedFuel is the fuel that all tests of a manifest share; nil is without bound.
type sharedFuel struct{ left int64 }

// ErrTestFuel is returned when the tests of a manifest have used up their shared fuel.
var ErrTestFuel = fmt.Errorf("its own tests take more than %d instructions together, start-up included", int64(testFuel))

// allow returns the budget, or what is left if that is less.
func (f *sharedFuel) allow(ctx context.Context, budget int64) (int64, error) {
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case f == nil:
		return budget, nil
	case f.empty():
		return 0, ErrTestFuel
	}
	return min(budget, f.left), nil
}

func (f *sharedFuel) empty() bool { return f != nil && f.left <= 0 }

func (f *sharedFuel) charge(fuel int64) {
	if f != nil {
		f.left -= fuel
	}
}
