package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// The kinds of plugins.
const (
	KindRouter    = "router"
	KindTransform = "transform"
	KindDialect   = "dialect"
)

var kinds = []string{KindRouter, KindTransform, KindDialect}

var stages = []string{"policy", "provider", "client"}

// sectionManifest is the custom section that holds the manifest.
const sectionManifest = "penstock.manifest"

// maxManifest bounds a manifest, in bytes.
const maxManifest = 64 << 10

// Manifest is what a module says about itself.
type Manifest struct {
	Name        string `json:"name,omitempty"`
	Version     string `json:"version,omitempty"`
	Description string `json:"description,omitempty"`
	// Kind is one of the Kind constants; empty means that it does not say.
	Kind string `json:"kind,omitempty"`
	// Stage is "policy" for transforms, "provider" or "client" for dialects.
	Stage string `json:"stage,omitempty"`
	// Grants are what it can't do without.
	Grants []string `json:"grants,omitempty"`
	// Tests must pass before the module is put to work. They are cases, which package cases
	// reads and runs.
	Tests json.RawMessage `json:"tests,omitempty"`
}

// parseManifest reads a manifest and checks all but its tests. Members that it does not
// know are left to later versions of the contract.
func parseManifest(b []byte) (*Manifest, error) {
	if len(b) > maxManifest {
		return nil, fmt.Errorf("manifest: it has %d bytes; at most %d are accepted", len(b), maxManifest)
	}
	var m Manifest
	if err := hook.CheckJSON(b); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if string(m.Tests) == "null" {
		m.Tests = nil
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return &m, nil
}

func (m *Manifest) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, text := range []string{m.Name, m.Version, m.Description} {
		if hook.Printable(text) != text {
			bad("%q holds control characters", text)
		}
	}
	if m.Kind != "" && !slices.Contains(kinds, m.Kind) {
		bad("kind is %q; there are %s", m.Kind, strings.Join(kinds, ", "))
	}
	if m.Stage != "" && !slices.Contains(stages, m.Stage) {
		bad("stage is %q; there are %s", m.Stage, strings.Join(stages, ", "))
	}
	if m.Stage != "" && m.Kind != "" && (m.Stage == "policy") != (m.Kind == KindTransform) || m.Stage != "" && m.Kind == KindRouter {
		bad("a %s has no stage %q", m.Kind, m.Stage)
	}
	if err := hook.CheckGrants(m.Grants); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// fits reports what keeps a module with this manifest from being loaded like that. No
// manifest fits everything.
func (m *Manifest) fits(s Spec) error {
	if m == nil {
		return nil
	}
	var errs []error
	if s.Kind != "" && m.Kind != "" && s.Kind != m.Kind {
		errs = append(errs, fmt.Errorf("it is a %s, as its manifest says, and can't be used as a %s", m.Kind, s.Kind))
	}
	var missing []string
	for _, g := range m.Grants {
		if g != hook.GrantLog && !slices.Contains(s.Grants, g) {
			missing = append(missing, g)
		}
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("its manifest asks for grants that it does not have: %s", strings.Join(missing, ", ")))
	}
	return errors.Join(errs...)
}

// WithManifest returns the module with this manifest in its custom section, in place of
// one that was there. CheckTests reads the manifest's tests. The error says what is wrong
// with either.
func WithManifest(wasm, manifest []byte, checkTests func(json.RawMessage) error) ([]byte, error) {
	m, err := parseManifest(manifest)
	if err != nil {
		return nil, err
	}
	if err := checkTests(m.Tests); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	o, err := fuel.Parse(wasm)
	if err != nil {
		return nil, err
	}
	var short bytes.Buffer
	if err := json.Compact(&short, manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	out := o.WithCustom(sectionManifest, short.Bytes())
	if len(out) > maxModule {
		return nil, fmt.Errorf("with its manifest the file has %d bytes; at most %d are accepted", len(out), maxModule)
	}
	return out, nil
}

// readManifest reads the module's manifest from its section; nil without one.
func readManifest(o *fuel.Module) (*Manifest, error) {
	switch all := o.Custom(sectionManifest); len(all) {
	case 0:
		return nil, nil
	case 1:
		return parseManifest(all[0])
	}
	return nil, errors.New("it has two manifests")
}

// described reports whether the manifest has to be asked for.
func described(o *fuel.Module) bool {
	_, ok := o.Exports[hook.ExportDescribe]
	return ok && len(o.Custom(sectionManifest)) == 0
}

// describe asks the module for its manifest. That comes before its settings, which a
// caller may not have.
func (m *Module) describe() (*Manifest, error) {
	g, err := m.awake()
	if err != nil {
		return nil, err
	}
	defer g.close()
	text, err := g.describe()
	if err != nil || len(text) == 0 {
		return nil, err
	}
	return parseManifest(text)
}

func (g *instance) describe() ([]byte, error) {
	g.begin(hook.ExportDescribe, 0, initFuel)
	defer g.end()
	if err := g.mod.ExportedFunction(hook.ExportDescribe).CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return nil, g.fault(err)
	}
	return g.result(g.stack[0], maxManifest)
}
