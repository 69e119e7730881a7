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

// Sandbox runs a module outside of traffic, for its tests: calls there are neither pooled
// nor counted nor recorded. It is for one goroutine.
type Sandbox struct {
	host  *Host
	draft *draft
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
	d, err := h.draft(spec, hook.AllGrants())
	if err != nil {
		return nil, err
	}
	s := newSandbox(h, d)
	if err := s.describe(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newSandbox(h *Host, d *draft) *Sandbox {
	own := *d
	own.spec.Record = nil // tests are no traffic
	return &Sandbox{host: h, draft: &own, modules: map[string]*Module{}}
}

// describe asks the module for its manifest, since that names the grants of tests which
// leave theirs out. Asking needs what the module imports.
func (s *Sandbox) describe(ctx context.Context) error {
	if !described(s.draft.outline) {
		return nil
	}
	m, err := s.module(ctx, neededGrants(s.draft.outline))
	if err != nil {
		return err
	}
	s.draft.manifest, err = m.describe()
	return err
}

// Grants are those of a test: its own, or without any those of the manifest. A module that
// has none gets what its spec allows.
func (s *Sandbox) Grants(own []string) []string {
	if own == nil && s.draft.manifest != nil {
		own = s.draft.manifest.Grants
	}
	if own == nil {
		return s.draft.spec.Grants
	}
	return own
}

// CheckGrants reports grants that do not exist, and imports that these do not allow.
func (s *Sandbox) CheckGrants(grants []string) error { return s.draft.granted(grants) }

// Close frees the module. Its subjects are of no use afterwards.
func (s *Sandbox) Close() {
	for _, m := range s.modules {
		m.abandon(context.Background())
	}
}

// module is the module loaded with these grants, without an instance.
func (s *Sandbox) module(ctx context.Context, grants []string) (*Module, error) {
	key := strings.Join(slices.Sorted(slices.Values(grants)), " ")
	if m := s.modules[key]; m != nil {
		return m, nil
	}
	d := *s.draft
	d.spec.Grants = grants
	m, err := s.host.open(ctx, &d)
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
}

// Subject prepares the module for one test with these grants and this clock. Only one
// subject of a sandbox is used at a time; the caller stops it.
func (s *Sandbox) Subject(ctx context.Context, grants []string, now func() time.Time) (*Subject, error) {
	m, err := s.module(ctx, grants)
	if err != nil {
		return nil, fmt.Errorf("load module %s: %w", s.draft.spec.Name, err)
	}
	m.now, m.store = now, newStore(now)
	return &Subject{module: m, fuel: s.fuel}, nil
}

// Exports reports whether the module has a hook.
func (s *Subject) Exports(h hook.Hook) bool { return s.module.exports[h] }

// SetStore makes entries the whole contents of the store.
func (s *Subject) SetStore(entries map[string][]byte) { s.module.store.fill(entries) }

// Store is a copy of what the module keeps in its store.
func (s *Subject) Store() map[string][]byte { return s.module.store.all() }

// Start makes a fresh instance with these settings, in place of the one that was there.
// The error is the module's *Fault or *Rejection, ErrTestFuel or ctx's.
func (s *Subject) Start(ctx context.Context, config json.RawMessage) error {
	s.Stop()
	if _, err := s.fuel.allow(ctx, initFuel); err != nil {
		return err
	}
	g, err := s.module.instantiate(hook.AppendInit(nil, s.module.name, orEmpty(config)))
	if err != nil {
		s.fuel.charge(initFuel) // at most: the instance that would know is gone
		return err
	}
	s.fuel.charge(g.used(initFuel))
	s.instance = g
	return nil
}

// Started reports whether there is an instance.
func (s *Subject) Started() bool { return s.instance != nil }

// Call runs a hook on the instance and appends the result to dst. Errors are as for
// Module.Call, or ErrTestFuel.
func (s *Subject) Call(ctx context.Context, h hook.Hook, seed uint64, in, dst []byte) (out []byte, fuel int64, err error) {
	budget, err := s.fuel.allow(ctx, s.module.fuel+s.module.perByte*int64(len(in)))
	if err != nil {
		return dst, 0, err
	}
	view, err := s.instance.call(h, seed, in, budget)
	fuel = s.instance.used(budget)
	if s.fuel.charge(fuel); s.fuel.empty() {
		err = ErrTestFuel
	}
	return append(dst, view...), fuel, err
}

// Memory is the linear memory of the instance, in bytes.
func (s *Subject) Memory() int64 { return int64(s.instance.memory.Size()) }

// Stop frees the instance, if there is one.
func (s *Subject) Stop() {
	s.instance.closeIfThere()
	s.instance = nil
}

// sharedFuel is what all tests of a manifest may use together; nil is without bound.
type sharedFuel struct{ left int64 }

// ErrTestFuel is returned when the tests of a manifest have used up the fuel that they
// share.
var ErrTestFuel = fmt.Errorf("its own tests take more than %d instructions together, starting up included", int64(testFuel))

// allow is how much of a call's budget is left.
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
