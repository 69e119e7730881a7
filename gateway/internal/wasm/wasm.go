// Package wasm runs plugins: WebAssembly modules that route requests, transform them and
// translate between wire formats. It loads, checks, compiles, pools and calls modules, and
// keeps each to what its operator granted.
//
// A module is a pure function in a sandbox: bytes in, bytes out, no file system, network,
// environment or clock, a bounded memory and a bounded number of instructions. What a
// module does wrong is returned as a *hook.Fault, what it rejects as a *hook.Rejection.
//
// The package does not decide what a fault means for a request beyond a router's lost
// opinion, does not read files, and does not retry. Package hook knows the form of what goes
// in and out, package fuel the rewriting that counts instructions, and package cases tests
// modules. Only this package imports wazero.
package wasm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// ErrClosed is returned by calls into a module after its last reference is gone.
var ErrClosed = errors.New("the module is closed")

// ErrNoHook is returned by Call for a hook that the module does not export.
var ErrNoHook = errors.New("the module does not export this hook")

// Module is a loaded module, ready to be called. It is safe for concurrent use.
//
// It is reference-counted, so that a reload can swap modules under load. Load returns it
// with one reference for the owner, which Close drops, or Release for an owner who does not
// wait; every call and every Retain holds another. The module is freed with the last one.
type Module struct {
	name     string
	digest   string
	salt     uint64
	size     int
	exports  [hook.Count]bool
	grants   hook.Grants
	fuel     int64
	perByte  int64
	runtime  wazero.Runtime
	compiled compiled
	pool     *pool
	// now is the clock; it is read once a call.
	now      func() time.Time
	store    *store
	counters counters
	config   []byte
	manifest *Manifest
	// breaker counts the faults of all uses of the module, on whatever route.
	breaker  breaker
	recorder func(Recorded)

	refs      atomic.Int64
	closeOnce sync.Once
	// quit is closed with the last reference, done when the module has been freed.
	quit, done chan struct{}
	unregister func()
}

// Name is the name from the spec.
func (m *Module) Name() string { return m.name }

// SHA256 is the hexadecimal digest of the module's file.
func (m *Module) SHA256() string { return m.digest }

// Exports reports whether the module has a hook.
func (m *Module) Exports(h hook.Hook) bool { return m.exports[h] }

// Grants are what the operator allowed the module.
func (m *Module) Grants() hook.Grants { return m.grants }

// Manifest is the module's manifest; empty without one.
func (m *Module) Manifest() Manifest { return *m.manifest }

// Retain takes a reference, so that the module stays callable until Release even if its
// owner closes it meanwhile: a stream keeps the version that it began with. It reports
// false when the module is closed already.
func (m *Module) Retain() bool {
	for {
		n := m.refs.Load()
		if n <= 0 {
			return false
		}
		if m.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release drops a reference that Retain or Load took.
func (m *Module) Release() {
	if m.refs.Add(-1) == 0 {
		close(m.quit)
	}
}

// Close drops the owner's reference and waits until the module is freed, which is after the
// last running call and the last reference. When ctx ends sooner, Close returns its error
// and the module is freed later. Close may be called more than once.
func (m *Module) Close(ctx context.Context) error {
	m.closeOnce.Do(m.Release)
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close module %s: %w", m.name, ctx.Err())
	}
}

// Call runs one hook on one pooled instance and appends the result to dst; an empty result
// means that the module has no opinion. Seed makes the module's randomness a function of
// the request. The second result is the fuel that the call used.
//
// The error is a *hook.Fault when the module misbehaved, a *hook.Rejection when it rejected
// the call, ErrNoHook, ErrClosed, or ctx's error when no instance became free in time. ctx
// does not interrupt a running call: its fuel bounds it.
func (m *Module) Call(ctx context.Context, h hook.Hook, seed uint64, in, dst []byte) (out []byte, fuel int64, err error) {
	if !m.exports[h] {
		return dst, 0, fmt.Errorf("call %s of module %s: %w", h, m.name, ErrNoHook)
	}
	if !m.Retain() {
		return dst, 0, fmt.Errorf("call %s of module %s: %w", h, m.name, ErrClosed)
	}
	defer m.Release()
	g, err := m.pool.get(ctx)
	if err != nil {
		return dst, 0, fmt.Errorf("call %s of module %s: wait for an instance: %w", h, m.name, err)
	}
	budget := m.fuel + m.perByte*int64(len(in))
	began := time.Now()
	view, err := g.call(h, seed, in, budget)
	took := time.Since(began)
	out = append(dst, view...) // before the instance is returned: view is its memory
	fuel = g.fuelUsed(budget)
	if m.recorder != nil && ctx.Value(replaying{}) == nil {
		m.record(g, h, in, view, fuel, err)
	}
	m.pool.put(g, outcomeOf(err), cost{fuel, took})
	return out, fuel, err
}

// invalidResult counts and returns the fault of a call that ended with an invalid result.
func (m *Module) invalidResult(h hook.Hook, err error) *hook.Fault {
	m.pool.countFault()
	return &hook.Fault{Module: m.name, Hook: h.String(), Kind: hook.BadResult, Detail: err.Error()}
}

// Stats returns the current figures.
func (m *Module) Stats() hook.Stats {
	s := hook.Stats{Name: m.name, SHA256: m.digest, Size: m.size, Compile: m.compiled.took, FromCache: m.compiled.stored}
	s.Metrics = m.counters.all()
	m.pool.fill(&s)
	return s
}

// Disabled says why the module is not called, because of its faults; empty when it is.
func (m *Module) Disabled() string {
	if m.breaker.until.Load() == 0 {
		return ""
	}
	return m.breaker.blocked(time.Now())
}

// maintain is the module's one goroutine: it builds instances off the request path and frees
// the module at the end.
func (m *Module) maintain() {
	defer close(m.done)
	for {
		select {
		case <-m.pool.notify:
			m.pool.buildAhead(context.Background())
		case <-m.quit:
			m.teardown()
			return
		}
	}
}

// teardown frees the module after the last reference. Errors of closing are ignored: the
// memory goes with the runtime.
func (m *Module) teardown() {
	m.discard(context.Background())
	m.unregister()
}
