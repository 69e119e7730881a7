package wasm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The kinds of plugins.
const (
	KindRouter    = "router"
	KindTransform = "transform"
	KindDialect   = "dialect"
)

var kinds = []string{KindRouter, KindTransform, KindDialect}

var stages = []string{"policy", "provider", "client"}

// The bounds of a manifest.
const (
	maxManifest = 64 << 10 // bytes
	maxTests    = 16
)

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
	// Tests must pass before the module is put to work.
	Tests []Case `json:"tests,omitempty"`
}

// ParseManifest reads a manifest and checks it. Members that it does not know are left
// to later versions of the contract, except in tests.
func ParseManifest(b []byte) (*Manifest, error) {
	if len(b) > maxManifest {
		return nil, fmt.Errorf("manifest: it has %d bytes; at most %d are accepted", len(b), maxManifest)
	}
	var m struct {
		Manifest
		Tests json.RawMessage `json:"tests"`
	}
	if _, err := decoded(b); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if len(m.Tests) > 0 && string(m.Tests) != "null" {
		tests, err := ParseCases("tests", m.Tests)
		if err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		m.Manifest.Tests = tests
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return &m.Manifest, nil
}

func (m *Manifest) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, text := range []string{m.Name, m.Version, m.Description} {
		if printable(text) != text {
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
	if err := checkGrants(m.Grants); err != nil {
		errs = append(errs, err)
	}
	if len(m.Tests) > maxTests {
		bad("it has %d tests; at most %d are run", len(m.Tests), maxTests)
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
		if g != GrantLog && !slices.Contains(s.Grants, g) {
			missing = append(missing, g)
		}
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("its manifest asks for grants that it does not have: %s", strings.Join(missing, ", ")))
	}
	return errors.Join(errs...)
}

// WithManifest returns the module with this manifest in its custom section, in place of
// one that was there. The error says what is wrong with either.
func WithManifest(wasm, manifest []byte) ([]byte, error) {
	if _, err := ParseManifest(manifest); err != nil {
		return nil, err
	}
	o, err := sketch(wasm)
	if err != nil {
		return nil, err
	}
	var short bytes.Buffer
	if err := json.Compact(&short, manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	out := append([]byte(nil), wasm[:8]...)
	for _, s := range o.sections {
		if s.id != secCustom || !s.named(sectionManifest) {
			out = appendSection(out, s.id, s.body)
		}
	}
	body := append(appendU32(nil, uint32(len(sectionManifest))), sectionManifest...)
	out = appendSection(out, secCustom, append(body, short.Bytes()...))
	if len(out) > maxModule {
		return nil, fmt.Errorf("with its manifest the file has %d bytes; at most %d are accepted", len(out), maxModule)
	}
	return out, nil
}

// manifest reads the module's manifest from its section; nil without one.
func (o *outline) readManifest() (*Manifest, error) {
	if o.manifest == nil {
		return nil, nil
	}
	return ParseManifest(o.manifest)
}

// described reports whether the manifest has to be asked for.
func (o *outline) described() bool {
	_, ok := o.exports[exportDescribe]
	return ok && o.manifest == nil
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
	return ParseManifest(text)
}

func (g *instance) describe() ([]byte, error) {
	g.begin(exportDescribe, 0, initFuel)
	defer g.end()
	if err := g.mod.ExportedFunction(exportDescribe).CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return nil, g.fault(err)
	}
	return g.result(g.stack[0], maxManifest)
}

// selfTest runs the tests of a module's manifest.
func (w *bench) selfTest(ctx context.Context, m *Manifest) error {
	var errs []error
	for i := range m.Tests {
		t, err := w.try(ctx, &m.Tests[i])
		if err != nil {
			return err
		}
		if t.Err != nil {
			errs = append(errs, fmt.Errorf("its own test %q: %w", t.Name, t.Err))
		}
	}
	return errors.Join(errs...)
}
