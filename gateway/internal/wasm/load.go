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
	if err := d.manifest.fits(d.spec); err != nil {
		return nil, err
	}
	m, err := h.open(ctx, d)
	if err != nil {
		return nil, err
	}
	m.store = h.storeOf(s.Name)
	if err := h.prove(ctx, d, m); err != nil {
		m.abandon(ctx)
		return nil, err
	}
	return m, h.adopt(m)
}

// prove makes the first instance, which is also the check of the operator's settings,
// and runs the manifest's tests.
func (h *Host) prove(ctx context.Context, d *draft, m *Module) error {
	if err := m.learn(d); err != nil {
		return err
	}
	if err := m.warm(ctx, d.spec); err != nil {
		return err
	}
	if len(d.manifest.Tests) == 0 {
		return nil
	}
	if h.selfTest == nil {
		return errors.New("its manifest has tests, and this host can't run them")
	}
	s := newSandbox(h, d)
	s.fuel = &sharedFuel{left: testFuel}
	defer s.Close()
	return h.selfTest(ctx, s, d.manifest.Tests)
}

// draft is a module that passed every check of its bytes, with fuel counting built in.
type draft struct {
	spec    Spec
	outline *fuel.Module
	sum     [32]byte
	code    []byte
	// manifest is the section's; nil until a module without one was asked.
	manifest *Manifest
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
	if err := s.signed(); err != nil {
		return nil, err
	}
	if d.outline, err = fuel.Parse(s.Wasm); err != nil {
		return nil, err
	}
	d.spec.MaxMemory = cmp.Or(s.MaxMemory, memoryFor(d.outline))
	if err := vet(d.outline, d.spec.MaxMemory, grants); err != nil {
		return nil, err
	}
	if d.manifest, err = readManifest(d.outline); err != nil {
		return nil, err
	}
	d.code, err = d.outline.Instrument(h.charging)
	return d, err
}

// granted reports imports that are not allowed by these grants.
func (d *draft) granted(grants []string) error {
	if err := hook.CheckGrants(grants); err != nil {
		return err
	}
	return vetImports(d.outline, grants)
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
