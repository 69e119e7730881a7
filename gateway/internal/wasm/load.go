package wasm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Load checks, meters, compiles and starts a module, and returns it ready to be called, with
// one instance. Its error reports everything that is wrong with the module, or that its
// penstock_init rejected its settings. The caller closes the module.
func (h *Host) Load(ctx context.Context, s Spec) (*Module, error) {
	m, err := h.load(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("load module %s: %w", s.Name, err)
	}
	return m, nil
}

func (h *Host) load(ctx context.Context, s Spec) (*Module, error) {
	p, err := h.prepare(s, s.Grants)
	if err != nil {
		return nil, err
	}
	if err := p.manifest.checkUse(p.spec); err != nil {
		return nil, err
	}
	m, err := h.open(ctx, p)
	if err != nil {
		return nil, err
	}
	m.store = h.storeOf(s.Name)
	if err := h.verify(ctx, p, m); err != nil {
		m.discard(ctx)
		return nil, err
	}
	return m, h.register(m)
}

// verify reads the manifest, makes the first instance, which also checks the operator's
// settings, and runs the manifest's tests.
func (h *Host) verify(ctx context.Context, p *prepared, m *Module) error {
	if err := m.loadManifest(p); err != nil {
		return err
	}
	if err := m.startPool(ctx, p.spec); err != nil {
		return err
	}
	if len(p.manifest.Tests) == 0 {
		return nil
	}
	if h.selfTest == nil {
		return errors.New("its manifest has tests, and this host can't run them")
	}
	s := newSandbox(h, p)
	s.fuel = &sharedFuel{left: testFuel}
	defer s.Close()
	return h.selfTest(ctx, s, p.manifest.Tests)
}

// prepared is a module whose bytes passed every check, with fuel counting added.
type prepared struct {
	spec Spec
	info *fuel.Module
	sum  [32]byte
	code []byte
	// manifest is the one in the custom section; nil if the module has to be asked for it.
	manifest *Manifest
}

// prepare checks and meters a module that may have these grants.
func (h *Host) prepare(s Spec, grants []string) (*prepared, error) {
	s, err := s.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &prepared{spec: s, sum: sha256.Sum256(s.Wasm)}
	if err := checkDigest(s.SHA256, hex.EncodeToString(p.sum[:])); err != nil {
		return nil, err
	}
	if err := s.checkSignature(); err != nil {
		return nil, err
	}
	if p.info, err = fuel.Parse(s.Wasm); err != nil {
		return nil, err
	}
	p.spec.MaxMemory = cmp.Or(s.MaxMemory, memoryFor(p.info))
	if err := validate(p.info, p.spec.MaxMemory, grants); err != nil {
		return nil, err
	}
	if p.manifest, err = readManifest(p.info); err != nil {
		return nil, err
	}
	p.code, err = h.cache.metered(p.sum, h.charging, p.info)
	return p, err
}

// checkGrants reports unknown grants, and imports that these grants do not allow.
func (p *prepared) checkGrants(grants []string) error {
	if err := hook.CheckGrants(grants); err != nil {
		return err
	}
	return validateImports(p.info, grants)
}

func checkDigest(want, have string) error {
	if want != "" && !strings.EqualFold(want, have) {
		return fmt.Errorf("its sha256 is %s, but %s is pinned", have, want)
	}
	return nil
}

// register starts the module's maintenance and records the module until it is closed.
func (h *Host) register(m *Module) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		m.discard(context.Background())
		return ErrClosed
	}
	h.modules[m] = struct{}{}
	m.unregister = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.modules, m)
	}
	go m.maintain()
	return nil
}
