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
	// CacheDir keeps compiled modules between runs; it is made with mode 0700, since
	// what lies in it is run as machine code. Empty means in memory only.
	CacheDir string
	// Apart compiles in another process what is not the gateway's own; nil, or without a
	// CacheDir, this process does.
	Apart Apart
	// Log receives what modules write, and faults nobody waits for. Nil means
	// nowhere.
	Log *slog.Logger
	// Now is the clock that modules with the grant see, and by which their stores
	// forget. Nil means time.Now.
	Now func() time.Time
	// SelfTest runs the tests of a module's manifest in a sandbox; package cases has the one
	// that is meant. Nil refuses modules that have tests.
	SelfTest func(ctx context.Context, s *Sandbox, tests json.RawMessage) error
	// Charging is the form of the fuel pass. The zero value is the one for traffic; with the
	// others that one is tested.
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

// NewHost prepares for loading. The caller closes the host.
func NewHost(o Options) (*Host, error) {
	h := &Host{log: o.Log, now: o.Now, selfTest: o.SelfTest, charging: o.Charging, modules: map[*Module]struct{}{}, stores: map[string]*store{}}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.now == nil {
		h.now = time.Now
	}
	var err error
	if h.cache, err = newCompileCache(o.CacheDir, o.Apart, h.log); err != nil {
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
		return err // the machine code is in use still
	}
	return h.cache.close(ctx)
}

// Live counts the modules and instances that exist at this moment, those that are
// draining included.
func (h *Host) Live() (modules, instances int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m := range h.modules {
		instances += m.Stats().Instances
	}
	return len(h.modules), instances
}

// storeOf is the store of the plugin with this name, which outlives its modules.
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
