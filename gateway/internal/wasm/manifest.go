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

// Manifest is a module's description of itself.
type Manifest struct {
	Name        string `json:"name,omitempty"`
	Version     string `json:"version,omitempty"`
	Description string `json:"description,omitempty"`
	// Kind is one of the Kind constants, or empty.
	Kind string `json:"kind,omitempty"`
	// Stage is "policy" for transforms, "provider" or "client" for dialects.
	Stage string `json:"stage,omitempty"`
	// Grants are the grants that it requires.
	Grants []string `json:"grants,omitempty"`
	// Hook is the one that a router is called with, "route" or "route_flat"; empty means
	// the flat one if there are both.
	Hook string `json:"hook,omitempty"`
	// Reads names the texts of a request that a router gets; nil means what routers without
	// this member get.
	Reads []string `json:"reads,omitempty"`
	// Tests must pass before the module is used. They are cases, which package cases reads
	// and runs.
	Tests json.RawMessage `json:"tests,omitempty"`
}

// parseManifest reads a manifest and checks all but its tests. It ignores unknown members,
// which later versions of the contract may add.
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
	return errors.Join(append(errs, m.checkRouting())...)
}

// checkRouting checks what only a router's manifest has.
func (m *Manifest) checkRouting() error {
	if m.Hook == "" && m.Reads == nil {
		return nil
	}
	_, known := m.routeHook()
	reads, err := hook.ParseReads(m.Reads)
	switch {
	case m.Kind != "" && m.Kind != KindRouter:
		return fmt.Errorf("a %s has no hook and no reads; only a router has", m.Kind)
	case m.Hook != "" && !known:
		return fmt.Errorf("hook is %q; there are route, route_flat", m.Hook)
	case err != nil:
		return err
	case reads.Has(hook.ReadMessages) && m.Hook != "route":
		return errors.New("reads has messages, which only the JSON form has: set hook to route")
	case reads.Prompt() && !slices.Contains(m.Grants, hook.GrantMessages):
		return fmt.Errorf("reads has text of the prompt: add %s to the grants", hook.GrantMessages)
	}
	return nil
}

// routeHook returns the hook that the manifest declares, if it declares one.
func (m *Manifest) routeHook() (h hook.Hook, ok bool) {
	for _, h := range [...]hook.Hook{hook.Route, hook.RouteFlat} {
		if h.String() == hook.ExportPrefix+m.Hook {
			return h, true
		}
	}
	return 0, false
}

// checkExports reports a hook that the manifest declares and the module does not export.
func (m *Manifest) checkExports(exports func(hook.Hook) bool) error {
	if h, ok := m.routeHook(); ok && !exports(h) {
		return fmt.Errorf("hook is %q, but the module does not export %s", m.Hook, h)
	}
	return nil
}

// checkUse reports what keeps a module with this manifest from being loaded with the spec.
// A nil manifest allows everything.
func (m *Manifest) checkUse(s Spec) error {
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

// WithManifest returns the module with this manifest in its custom section, in place of any
// other. CheckTests checks the manifest's tests. The error says what is wrong with either.
func WithManifest(wasm, manifest []byte, checkTests func(json.RawMessage) error) ([]byte, error) {
	info, err := fuel.Parse(wasm)
	if err != nil {
		return nil, err
	}
	m, err := parseManifestOf(exportsOf(info), manifest)
	if err != nil {
		return nil, err
	}
	if err := checkTests(m.Tests); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var short bytes.Buffer
	if err := json.Compact(&short, manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	out := info.WithCustom(sectionManifest, short.Bytes())
	if len(out) > maxModule {
		return nil, fmt.Errorf("with its manifest the file has %d bytes; at most %d are accepted", len(out), maxModule)
	}
	return out, nil
}

// readManifest reads the manifest in the custom section; nil without one.
func readManifest(info *fuel.Module) (*Manifest, error) {
	switch all := info.Custom(sectionManifest); len(all) {
	case 0:
		return nil, nil
	case 1:
		return parseManifestOf(exportsOf(info), all[0])
	}
	return nil, errors.New("it has two manifests")
}

// parseManifestOf reads the manifest of a module that exports these hooks.
func parseManifestOf(exports func(hook.Hook) bool, b []byte) (*Manifest, error) {
	m, err := parseManifest(b)
	if err != nil {
		return nil, err
	}
	if err := m.checkExports(exports); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

func exportsOf(info *fuel.Module) func(hook.Hook) bool {
	return func(h hook.Hook) bool { _, ok := info.Exports[h.String()]; return ok }
}

// hasDescribe reports whether the module has to be called for its manifest.
func hasDescribe(info *fuel.Module) bool {
	_, ok := info.Exports[hook.ExportDescribe]
	return ok && len(info.Custom(sectionManifest)) == 0
}

// describe calls the module for its manifest, on an instance without settings, since the
// caller may not have any.
func (m *Module) describe() (*Manifest, error) {
	g, err := m.newInstance()
	if err != nil {
		return nil, err
	}
	defer g.close()
	text, err := g.describe()
	if err != nil || len(text) == 0 {
		return nil, err
	}
	return parseManifestOf(m.Exports, text)
}

func (g *instance) describe() ([]byte, error) {
	g.beginCall(hook.ExportDescribe, 0, initFuel)
	defer g.endCall()
	if err := g.mod.ExportedFunction(hook.ExportDescribe).CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return nil, g.fault(err)
	}
	return g.readResult(g.stack[0], maxManifest)
}
