package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
)

// Options are a host's settings. The zero value works.
type Options struct {
	// CacheDir keeps compiled modules between runs; it is made with mode 0700, since its
	// contents are run as machine code. Empty means in memory only.
	CacheDir string
	// Compiler compiles plugins in another process. Nil, or no CacheDir, means in this one.
	Compiler Compiler
	// Log receives what modules log, and errors that no caller is there for. Nil discards
	// them.
	Log *slog.Logger
	// Now is the clock for modules with the grant and for expiry in their stores. Nil means
	// time.Now.
	Now func() time.Time
	// SelfTest runs the tests of a module's manifest in a sandbox: cases.SelfTest. Nil refuses
	// modules that have tests.
	SelfTest func(ctx context.Context, s *Sandbox, tests json.RawMessage) error
	// Charging is the form of the fuel pass. Zero is the one for production; the others exist
	// to test it.
	Charging fuel.Charging
}

// Host loads modules. It is safe for concurrent use.
type Host struct {
	cache *compileCache
	log   *slog.Logger
	now   func() time.Time
	// selfTest runs the tests of manifests.
	selfTest func(context.Context, *Sandbox, json.RawMessage) error
	charging fuel.Charging

	mu      sync.Mutex
	modules map[*Module]struct{}
	// stores are the plugins' key-value stores by name.
	stores map[string]*store
	closed bool
}

// NewHost returns a host without modules. The caller closes it.
func NewHost(o Options) (*Host, error) {
	h := &Host{log: o.Log, now: o.Now, selfTest: o.SelfTest, charging: o.Charging, modules: map[*Module]struct{}{}, stores: map[string]*store{}}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.now == nil {
		h.now = time.Now
	}
	var err error
	if h.cache, err = newCompileCache(o.CacheDir, o.Compiler, h.log); err != nil {
		return nil, fmt.Errorf("compile cache: %w", err)
	}
	return h, nil
}

// Close closes every module, waiting for their calls until ctx ends, and then the
// compile cache. After an error it may be called again.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	open := make([]*Module, 0, len(h.modules))
	for m := range h.modules {
		open = append(open, m)
	}
	h.mu.Unlock()
	var errs []error
	for _, m := range open {
		errs = append(errs, m.Close(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return err // the machine code is still in use
	}
	return h.cache.close(ctx)
}

// Live counts the modules and instances that exist now, draining ones included.
func (h *Host) Live() (modules, instances int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m := range h.modules {
		instances += m.Stats().Instances
	}
	return len(h.modules), instances
}

// storeOf returns the store of the plugin with this name. It outlives the plugin's modules,
// so that a reload keeps it.
func (h *Host) storeOf(name string) *store {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stores[name]
	if s == nil {
		s = newStore(h.now)
		h.stores[name] = s
	}
	return s
}
