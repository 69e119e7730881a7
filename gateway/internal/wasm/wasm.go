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
// It is reference-counted, so that a reload can swap modules under load: Load gives
// the owner one reference, which Close drops, or Release for an owner who does not
// wait; every call, and whoever used Retain, holds another. The module goes away when
// the last one is gone.
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
	// now is the clock behind the calls' frozen one.
	now      func() time.Time
	store    *store
	counters counters
	config   []byte
	manifest *Manifest
	// breaker is that of everything which uses the module, on whatever route.
	breaker  breaker
	recorder func(Recorded)

	refs atomic.Int64
	shut sync.Once
	// quit tells the keeper to tear down, done says that it has.
	quit, done chan struct{}
	forget     func()
}

// Name is the name that the module was loaded under.
func (m *Module) Name() string { return m.name }

// SHA256 is the hexadecimal digest of the module's bytes as they were given.
func (m *Module) SHA256() string { return m.digest }

// Exports reports whether the module has a hook.
func (m *Module) Exports(h hook.Hook) bool { return m.exports[h] }

// Grants are what the operator allowed the module.
func (m *Module) Grants() hook.Grants { return m.grants }

// Manifest is what the module says about itself; empty if it says nothing.
func (m *Module) Manifest() Manifest { return *m.manifest }

// Retain takes a reference, so that the module stays callable until Release even if
// its owner closes it meanwhile: a stream keeps the version that it began with. It
// reports false when the module is gone already.
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

// Release drops a reference that Retain or Load gave.
func (m *Module) Release() {
	if m.refs.Add(-1) == 0 {
		close(m.quit)
	}
}

// Close drops the owner's reference and waits until the module is torn down: calls
// that run and references that others hold come first. When ctx ends sooner, Close
// returns its error and the last reference to go tears the module down. Close may be
// called more than once.
func (m *Module) Close(ctx context.Context) error {
	m.shut.Do(m.Release)
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close module %s: %w", m.name, ctx.Err())
	}
}

// Call runs one hook on one pooled instance and appends the result to dst; a result
// of no bytes means that the module has no opinion. Seed makes the module's
// randomness a function of the request. The second result is the fuel that the call
// used.
//
// The error is a *Fault when the module misbehaved, a *Rejection when it said no,
// ErrNoHook, ErrClosed, or ctx's error when no instance came free in time. A call
// that runs is not interrupted by ctx: its fuel bounds it.
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
	out = append(dst, view...) // before the instance goes back: view is its memory
	fuel = g.used(budget)
	if m.recorder != nil {
		m.record(g, h, in, view, fuel, err)
	}
	m.pool.put(g, outcomeOf(err), cost{fuel, took})
	return out, fuel, err
}

// nonsense is the fault of a call that ended well with a result that means nothing.
func (m *Module) nonsense(h hook.Hook, err error) *hook.Fault {
	m.pool.blame()
	return &hook.Fault{Module: m.name, Hook: h.String(), Kind: hook.BadResult, Detail: err.Error()}
}

// Stats returns the figures of this moment.
func (m *Module) Stats() hook.Stats {
	s := hook.Stats{Name: m.name, SHA256: m.digest, Size: m.size, Compile: m.compiled.took, FromCache: m.compiled.stored}
	s.Metrics = m.counters.all()
	m.pool.fill(&s)
	return s
}

// keep is the module's one goroutine: it builds replacements off the request path
// and tears everything down at the end.
func (m *Module) keep() {
	defer close(m.done)
	for {
		select {
		case <-m.pool.wake:
			m.pool.replenish(context.Background())
		case <-m.quit:
			m.teardown()
			return
		}
	}
}

// teardown runs when nobody can call any more. Errors of closing have no one to act
// on them: the memory is Go's and goes with the runtime.
func (m *Module) teardown() {
	m.abandon(context.Background())
	m.forget()
}
