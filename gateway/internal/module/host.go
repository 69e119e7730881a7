package module

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Options are a host's settings. The zero value works.
type Options struct {
	// CacheDir keeps compiled modules between runs; it is made with mode 0700, since
	// what lies in it is run as machine code. Empty means in memory only.
	CacheDir string
	// Log receives what modules write, and faults nobody waits for. Nil means
	// nowhere.
	Log *slog.Logger
}

// Host loads modules. It is safe for concurrent use.
type Host struct {
	cache wazero.CompilationCache
	log   *slog.Logger
	// each is the fuel pass's; tests set it.
	each bool

	mu      sync.Mutex
	modules map[*Module]struct{}
	closed  bool
}

// NewHost prepares for loading. The caller closes the host.
func NewHost(o Options) (*Host, error) {
	h := &Host{log: o.Log, modules: map[*Module]struct{}{}}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if o.CacheDir == "" {
		h.cache = wazero.NewCompilationCache()
		return h, nil
	}
	if err := private(o.CacheDir); err != nil {
		return nil, fmt.Errorf("compile cache: %w", err)
	}
	var err error
	if h.cache, err = wazero.NewCompilationCacheWithDir(o.CacheDir); err != nil {
		return nil, fmt.Errorf("compile cache: %w", err)
	}
	return h, nil
}

// private makes the directory, or refuses one that others can write to: they could
// put machine code there for the gateway to run.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode()&fs.FileMode(0o022) != 0 {
		return fmt.Errorf("other users can write to %s: run chmod 700 on it", dir)
	}
	return nil
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
	return h.cache.Close(ctx)
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

// Load checks, meters, compiles and starts a module, and returns it ready to be
// called, with one warm instance. Its error says everything that is wrong with the
// module, or that its penstock_init said no to its settings. The caller closes the
// module.
func (h *Host) Load(ctx context.Context, s Spec) (*Module, error) {
	m, err := h.load(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("load module %s: %w", s.Name, err)
	}
	return m, nil
}

func (h *Host) load(ctx context.Context, s Spec) (*Module, error) {
	s, err := s.normal()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(s.Wasm)
	if err := pinned(s.SHA256, hex.EncodeToString(sum[:])); err != nil {
		return nil, err
	}
	o, err := sketch(s.Wasm)
	if err != nil {
		return nil, err
	}
	if err := o.vet(s); err != nil {
		return nil, err
	}
	code, err := metered(o, h.each)
	if err != nil {
		return nil, err
	}
	m := newModule(s, o, sum, h.log.With("module", s.Name))
	if err := m.open(ctx, h.cache, o, s, code); err != nil {
		return nil, err
	}
	return m, h.adopt(m)
}

func pinned(want, have string) error {
	if want != "" && !strings.EqualFold(want, have) {
		return fmt.Errorf("its sha256 is %s, but %s is pinned", have, want)
	}
	return nil
}

// adopt starts the module's keeper and remembers the module until it is gone.
func (h *Host) adopt(m *Module) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		m.teardown()
		return ErrClosed
	}
	h.modules[m] = struct{}{}
	m.forget = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.modules, m)
	}
	go m.keep()
	return nil
}

func newModule(s Spec, o *outline, sum [32]byte, log *slog.Logger) *Module {
	m := &Module{
		name: s.Name, digest: hex.EncodeToString(sum[:]), salt: binary.LittleEndian.Uint64(sum[:]), size: len(s.Wasm),
		grants: Grants(s.Grants), fuel: s.Fuel, perByte: s.FuelPerByte,
		pool: newPool(s.MaxInstances, log),
		quit: make(chan struct{}), done: make(chan struct{}), forget: func() {},
	}
	m.refs.Store(1)
	for h, name := range hookNames {
		_, m.exports[h] = o.exports[name]
	}
	return m
}

// open compiles the module in a runtime of its own and starts the first instance.
func (m *Module) open(ctx context.Context, cache wazero.CompilationCache, o *outline, s Spec, code []byte) error {
	m.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2).
		WithMemoryLimitPages(uint32((s.MaxMemory+pageSize-1)/pageSize)).
		WithDebugInfoEnabled(false).
		WithCompilationCache(cache))
	err := m.furnish(ctx, o, s.Grants)
	if err == nil {
		err = m.build(ctx, code)
	}
	if err == nil {
		err = m.warm(ctx, s)
	}
	if err != nil {
		_ = m.runtime.Close(ctx)
	}
	return err
}

// furnish gives the runtime those host functions that the module imports.
func (m *Module) furnish(ctx context.Context, o *outline, grants Grants) error {
	hosts := map[string]wazero.HostModuleBuilder{}
	for _, i := range o.imports {
		f, err := o.resolve(i, grants)
		if err != nil {
			return err
		}
		b := hosts[i.module]
		if b == nil {
			b = m.runtime.NewHostModuleBuilder(i.module)
			hosts[i.module] = b
		}
		b.NewFunctionBuilder().WithGoModuleFunction(f.goFunc(), f.params, f.results).Export(i.name)
	}
	for name, b := range hosts {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("host module %s: %w", name, err)
		}
	}
	return nil
}

// build compiles. A fault of the compiler's own on a strange module must not take the
// gateway down.
func (m *Module) build(ctx context.Context, code []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compile: the compiler gave up: %v", r)
		}
	}()
	began := time.Now()
	if m.compiled, err = m.runtime.CompileModule(ctx, code); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	m.compile = time.Since(began)
	return nil
}

// warm makes the first instance, which is also the check of the operator's settings.
func (m *Module) warm(ctx context.Context, s Spec) error {
	config := appendInit(nil, s.Name, s.Config)
	m.pool.build = func(ctx context.Context) (*instance, error) { return m.instantiate(ctx, config) }
	m.pool.worn = func(g *instance) bool {
		return g.calls >= s.Recycle || uint64(g.memory.Size()) > 2*uint64(g.warm)
	}
	g, err := m.pool.build(ctx)
	if err != nil {
		_ = m.compiled.Close(ctx)
		return err
	}
	m.pool.idle, m.pool.live = []*instance{g}, 1
	return nil
}

// instantiate makes and starts one instance.
func (m *Module) instantiate(ctx context.Context, config []byte) (*instance, error) {
	g := &instance{owner: m}
	g.ctx = context.WithValue(context.Background(), instanceKey{}, g)
	mod, err := m.runtime.InstantiateModule(g.ctx, m.compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, &Fault{Module: m.name, Hook: "instantiate", Kind: NoInstance, Detail: firstLine(err), Err: err}
	}
	g.mod, g.memory = mod, mod.ExportedMemory(exportMemory)
	g.fuel = mod.ExportedGlobal(exportFuel).(api.MutableGlobal)
	g.alloc, g.init = mod.ExportedFunction(exportAlloc), mod.ExportedFunction(exportInit)
	for h, name := range hookNames {
		g.hooks[h] = mod.ExportedFunction(name)
	}
	if err := g.start(config); err != nil {
		g.close()
		return nil, err
	}
	g.seal()
	return g, nil
}
