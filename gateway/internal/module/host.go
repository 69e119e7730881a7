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
	// Now is the clock that modules with the grant see, and by which their stores
	// forget. Nil means time.Now.
	Now func() time.Time
}

// Host loads modules. It is safe for concurrent use.
type Host struct {
	cache wazero.CompilationCache
	log   *slog.Logger
	now   func() time.Time
	// meter is the fuel pass; tests put another one here.
	meter func(*outline) ([]byte, error)

	mu      sync.Mutex
	modules map[*Module]struct{}
	// stores are the plugins' key-value stores by name.
	stores map[string]*store
	closed bool
}

// NewHost prepares for loading. The caller closes the host.
func NewHost(o Options) (*Host, error) {
	h := &Host{log: o.Log, now: o.Now, modules: map[*Module]struct{}{}, stores: map[string]*store{},
		meter: func(o *outline) ([]byte, error) { return metered(o, false) }}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.now == nil {
		h.now = time.Now
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
	d, err := h.draft(s, s.Grants)
	if err != nil {
		return nil, err
	}
	m, err := h.open(ctx, d)
	if err != nil {
		return nil, err
	}
	m.store = h.storeOf(s.Name)
	if err := m.warm(ctx, d.spec); err != nil {
		m.abandon(ctx)
		return nil, err
	}
	return m, h.adopt(m)
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

// draft is a module that passed every check of its bytes, with fuel counting built in.
type draft struct {
	spec    Spec
	outline *outline
	sum     [32]byte
	code    []byte
}

// draft checks and meters a module whose imports may need these grants.
func (h *Host) draft(s Spec, grants []string) (*draft, error) {
	s, err := s.normal()
	if err != nil {
		return nil, err
	}
	d := &draft{spec: s, sum: sha256.Sum256(s.Wasm)}
	if err := pinned(s.SHA256, hex.EncodeToString(d.sum[:])); err != nil {
		return nil, err
	}
	if d.outline, err = sketch(s.Wasm); err != nil {
		return nil, err
	}
	if err := d.outline.vet(s.MaxMemory, grants); err != nil {
		return nil, err
	}
	d.code, err = h.meter(d.outline)
	return d, err
}

// grants are those of a case: its own, or else what its spec allows.
func (d *draft) grants(own []string) []string {
	if own != nil {
		return own
	}
	return d.spec.Grants
}

// granted reports imports that are not allowed by these grants.
func (d *draft) granted(grants []string) error {
	if err := checkGrants(grants); err != nil {
		return err
	}
	return d.outline.vetImports(grants)
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
		m.abandon(context.Background())
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

func newModule(d *draft, log *slog.Logger) *Module {
	s := d.spec
	m := &Module{
		name: s.Name, digest: hex.EncodeToString(d.sum[:]), salt: binary.LittleEndian.Uint64(d.sum[:]), size: len(s.Wasm),
		grants: Grants(s.Grants), fuel: s.Fuel, perByte: s.FuelPerByte, config: s.Config, recorder: s.Record,
		pool: newPool(s.MaxInstances, log),
		quit: make(chan struct{}), done: make(chan struct{}), forget: func() {},
	}
	m.refs.Store(1)
	for h, name := range hookNames {
		_, m.exports[h] = d.outline.exports[name]
	}
	return m
}

// open compiles a module in a runtime of its own. It has no instance yet.
func (h *Host) open(ctx context.Context, d *draft) (*Module, error) {
	m := newModule(d, h.log.With("module", d.spec.Name))
	m.now = h.now
	m.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2).
		WithMemoryLimitPages(uint32((d.spec.MaxMemory+pageSize-1)/pageSize)).
		WithDebugInfoEnabled(false).
		WithCompilationCache(h.cache))
	err := m.furnish(ctx, d.outline, d.spec.Grants)
	if err == nil {
		err = m.build(ctx, d.code)
	}
	if err != nil {
		_ = m.runtime.Close(ctx)
		return nil, err
	}
	return m, nil
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
		return err
	}
	m.pool.idle, m.pool.live = []*instance{g}, 1
	return nil
}

// abandon frees a module that nobody has come to know.
func (m *Module) abandon(ctx context.Context) {
	m.pool.close()
	_ = m.compiled.Close(ctx)
	_ = m.runtime.Close(ctx)
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
