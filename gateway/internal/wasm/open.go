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

func newModule(p *prepared, log *slog.Logger) *Module {
	s := p.spec
	m := &Module{
		name: s.Name, digest: hex.EncodeToString(p.sum[:]), salt: binary.LittleEndian.Uint64(p.sum[:]), size: len(s.Wasm),
		grants: hook.Grants(s.Grants), fuel: s.Fuel, perByte: s.FuelPerByte, config: s.Config, recorder: s.Record,
		pool: newPool(s.MaxInstances, log),
		quit: make(chan struct{}), done: make(chan struct{}), unregister: func() {},
	}
	m.pool.isolate, m.breaker.never = s.Isolate, s.BuiltIn
	m.refs.Store(1)
	for h := range hook.Count {
		_, m.exports[h] = p.info.Exports[h.String()]
	}
	return m
}

// open compiles a module in a runtime of its own. The module has no instance yet.
func (h *Host) open(ctx context.Context, p *prepared) (*Module, error) {
	m := newModule(p, h.log.With("module", p.spec.Name))
	m.now, m.store = h.now, newStore(h.now)
	m.runtime = wazero.NewRuntimeWithConfig(ctx, runtimeConfig().
		WithMemoryLimitPages(uint32((p.spec.MaxMemory+pageSize-1)/pageSize)).
		WithCompilationCache(h.cache.code))
	err := m.addHostFunctions(ctx, p.info, p.spec.Grants)
	if err == nil {
		m.compiled, err = h.cache.compile(ctx, m.runtime, p.code, p.spec.BuiltIn)
	}
	if err != nil {
		_ = m.runtime.Close(ctx)
		return nil, err
	}
	return m, nil
}

// addHostFunctions adds to the runtime the host functions that the module imports.
func (m *Module) addHostFunctions(ctx context.Context, info *fuel.Module, grants hook.Grants) error {
	hosts := map[string]wazero.HostModuleBuilder{}
	for _, i := range info.Imports {
		f, err := resolve(info, i, grants)
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

// startPool makes the first instance, which also checks the operator's settings.
func (m *Module) startPool(ctx context.Context, s Spec) error {
	config := hook.AppendInit(nil, s.Name, s.Config)
	m.pool.build = func(context.Context) (*instance, error) { return m.instantiate(config) }
	nearlyFull := uint64(s.MaxMemory) / 4 * 3
	m.pool.nearlyFull = func(g *instance) bool { return uint64(g.memory.Size()) > nearlyFull && g.memory.Size() > g.baseline }
	recycle := s.Recycle // not s, which would keep the whole file in memory
	m.pool.shouldReplace = func(g *instance) bool {
		return g.calls >= recycle || uint64(g.memory.Size()) > 2*uint64(g.baseline)
	}
	g, err := m.pool.build(ctx)
	if err != nil {
		return err
	}
	m.pool.idle, m.pool.live = []*instance{g}, 1
	return nil
}

// discard frees a module that nobody uses.
func (m *Module) discard(ctx context.Context) {
	m.pool.close()
	_ = m.compiled.code.Close(ctx)
	_ = m.runtime.Close(ctx)
}

// instantiate makes and configures one instance.
func (m *Module) instantiate(config []byte) (*instance, error) {
	g, err := m.newInstance()
	if err != nil {
		return nil, err
	}
	if err := g.configure(config); err != nil {
		g.close()
		return nil, err
	}
	g.recordBaseline()
	return g, nil
}

// newInstance makes an instance and runs its start-up, before penstock_init.
func (m *Module) newInstance() (*instance, error) {
	g := &instance{module: m}
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

// loadManifest calls the module for its manifest if it has no section with one.
func (m *Module) loadManifest(p *prepared) error {
	if hasDescribe(p.info) {
		manifest, err := m.describe()
		if err != nil {
			return err
		}
		p.manifest = manifest
	}
	if p.manifest == nil {
		p.manifest = new(Manifest)
	}
	m.manifest = p.manifest
	return p.manifest.checkUse(p.spec)
}
