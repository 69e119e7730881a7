package wasm

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func newModule(d *draft, log *slog.Logger) *Module {
	s := d.spec
	m := &Module{
		name: s.Name, digest: hex.EncodeToString(d.sum[:]), salt: binary.LittleEndian.Uint64(d.sum[:]), size: len(s.Wasm),
		grants: hook.Grants(s.Grants), fuel: s.Fuel, perByte: s.FuelPerByte, config: s.Config, recorder: s.Record,
		pool: newPool(s.MaxInstances, log),
		quit: make(chan struct{}), done: make(chan struct{}), forget: func() {},
	}
	m.pool.fresh = s.Isolate
	m.refs.Store(1)
	for h := range hook.Count {
		_, m.exports[h] = d.outline.Exports[h.String()]
	}
	return m
}

// open compiles a module in a runtime of its own. It has no instance yet.
func (h *Host) open(ctx context.Context, d *draft) (*Module, error) {
	m := newModule(d, h.log.With("module", d.spec.Name))
	m.now, m.store = h.now, newStore(h.now)
	m.runtime = wazero.NewRuntimeWithConfig(ctx, runtimeConfig().
		WithMemoryLimitPages(uint32((d.spec.MaxMemory+pageSize-1)/pageSize)).
		WithCompilationCache(h.cache.code))
	err := m.furnish(ctx, d.outline, d.spec.Grants)
	if err == nil {
		m.compiled, err = h.cache.compile(ctx, m.runtime, d.code, d.spec.Inside)
	}
	if err != nil {
		_ = m.runtime.Close(ctx)
		return nil, err
	}
	return m, nil
}

// furnish gives the runtime those host functions that the module imports.
func (m *Module) furnish(ctx context.Context, o *fuel.Module, grants hook.Grants) error {
	hosts := map[string]wazero.HostModuleBuilder{}
	for _, i := range o.Imports {
		f, err := resolve(o, i, grants)
		if err != nil {
			return err
		}
		b := hosts[i.Module]
		if b == nil {
			b = m.runtime.NewHostModuleBuilder(i.Module)
			hosts[i.Module] = b
		}
		b.NewFunctionBuilder().WithGoModuleFunction(f.goFunc(), f.params, f.results).Export(i.Name)
	}
	for name, b := range hosts {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("host module %s: %w", name, err)
		}
	}
	return nil
}

// warm makes the first instance, which is also the check of the operator's settings.
func (m *Module) warm(ctx context.Context, s Spec) error {
	config := hook.AppendInit(nil, s.Name, s.Config)
	m.pool.build = func(context.Context) (*instance, error) { return m.instantiate(config) }
	nearlyFull := uint64(s.MaxMemory) / 4 * 3
	m.pool.full = func(g *instance) bool { return uint64(g.memory.Size()) > nearlyFull && g.memory.Size() > g.warm }
	recycle := s.Recycle // the spec holds the whole file, which is not to be kept
	m.pool.worn = func(g *instance) bool {
		return g.calls >= recycle || uint64(g.memory.Size()) > 2*uint64(g.warm)
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
	_ = m.compiled.code.Close(ctx)
	_ = m.runtime.Close(ctx)
}

// instantiate makes and starts one instance.
func (m *Module) instantiate(config []byte) (*instance, error) {
	g, err := m.awake()
	if err != nil {
		return nil, err
	}
	if err := g.configure(config); err != nil {
		g.close()
		return nil, err
	}
	g.seal()
	return g, nil
}

// awake makes an instance and runs its start-up, without its settings.
func (m *Module) awake() (*instance, error) {
	g := &instance{owner: m}
	g.ctx = context.WithValue(context.Background(), instanceKey{}, g)
	mod, err := m.runtime.InstantiateModule(
		experimental.WithMemoryAllocator(g.ctx, experimental.MemoryAllocatorFunc(allocateLinear)), m.compiled.code,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, &hook.Fault{Module: m.name, Hook: "instantiate", Kind: hook.NoInstance, Detail: firstLine(err), Err: err}
	}
	g.mod, g.memory = mod, mod.ExportedMemory(hook.ExportMemory)
	g.fuel = mod.ExportedGlobal(fuel.GlobalName).(api.MutableGlobal)
	g.alloc, g.init = mod.ExportedFunction(hook.ExportAlloc), mod.ExportedFunction(hook.ExportInit)
	for h := range hook.Count {
		g.hooks[h] = mod.ExportedFunction(h.String())
	}
	if err := g.start(); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// learn asks the module for its manifest if it has no section with one.
func (m *Module) learn(d *draft) error {
	if described(d.outline) {
		told, err := m.describe()
		if err != nil {
			return err
		}
		d.manifest = told
	}
	if d.manifest == nil {
		d.manifest = new(Manifest)
	}
	m.manifest = d.manifest
	return d.manifest.fits(d.spec)
}
