package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// plugin is one of the operator's modules as it stands in a world. Worlds share it as
// long as neither its file nor its settings change; each holds a reference.
type plugin struct {
	module *wasm.Module
	// spec is what it was loaded from, without the bytes.
	spec wasm.Spec
	// reloads counts the versions before it, cached those, itself among them, that the
	// compile cache had.
	reloads, cached int64
}

// openPlugins loads the operator's modules.
func (w *world) openPlugins(ctx context.Context, g *gateway) error {
	var errs []error
	for name, p := range w.config.Plugins.Own {
		loaded, err := w.openPlugin(ctx, g, name, p)
		if err != nil {
			at := config.Path(config.Path("plugins", name), "file")
			errs = append(errs, config.Faults{w.config.Fault(at, "penstock check tries it without serving", "%v", err)})
			continue
		}
		w.plugins[name] = loaded
	}
	return errors.Join(errs...)
}

// openPlugin takes over the plugin of the world before this one if it is still the
// same, else it loads it.
func (w *world) openPlugin(ctx context.Context, g *gateway, name string, p config.Plugin) (plugin, error) {
	spec, err := pluginSpec(name, p)
	if err == nil {
		err = w.trust(&spec, p)
	}
	if err == nil && p.Record {
		spec.Record, err = g.recording(w.config)
	}
	if err != nil {
		return plugin{}, err
	}
	next := plugin{spec: spec}
	if before := g.world.Load(); before != nil {
		old, had := before.plugins[name]
		if had && old.serves(spec) && old.module.Retain() {
			return old, nil
		}
		if had {
			next.reloads, next.cached = old.reloads+1, old.cached
		}
	}
	if next.module, err = g.modules.Load(ctx, spec); err != nil {
		return plugin{}, err
	}
	next.cached += cached(next.module.Stats())
	next.spec.Wasm = nil
	return next, nil
}

// cached is 1 for a module that the compile cache had.
func cached(s wasm.Stats) int64 {
	if s.FromCache {
		return 1
	}
	return 0
}

// serves reports whether the plugin is what the spec would make.
func (p plugin) serves(s wasm.Spec) bool {
	sum := sha256.Sum256(s.Wasm)
	return p.module.SHA256() == hex.EncodeToString(sum[:]) && p.spec.SHA256 == s.SHA256 && bytes.Equal(p.spec.Config, s.Config) &&
		slices.Equal(p.spec.Grants, s.Grants) && p.spec.MaxMemory == s.MaxMemory && p.spec.Fuel == s.Fuel &&
		p.spec.Kind == s.Kind && p.spec.Isolate == s.Isolate && (p.spec.Record == nil) == (s.Record == nil) && p.spec.Signature == s.Signature && slices.EqualFunc(p.spec.Trusted, s.Trusted, ed25519Equal)
}

// pluginSpec says what to load and what it may do.
func pluginSpec(name string, p config.Plugin) (wasm.Spec, error) {
	binary, err := os.ReadFile(p.File)
	if err != nil {
		return wasm.Spec{}, err
	}
	s := wasm.Spec{Name: name, Wasm: binary, SHA256: p.SHA256, MaxMemory: int64(p.MaxMemory), Fuel: p.Fuel,
		Isolate: p.Isolate == config.IsolateCall}
	if len(p.With) > 0 {
		s.Config = []byte(p.With)
	}
	for _, g := range p.Grants {
		s.Grants = append(s.Grants, string(g))
	}
	return s, nil
}

// broken reports whether a name is that of a plugin that could not be loaded:
// openPlugins has said why.
func (w *world) broken(name string) bool {
	_, configured := w.config.Plugins.Own[name]
	return configured && w.plugins[name].module == nil
}

// recording is what plugins tell of their calls, once one of them is to be recorded.
// Without a ledger on the disk there is no place beside it, and nothing is.
func (g *gateway) recording(c *config.Config) (func(wasm.Recorded), error) {
	dir := callsDir(string(c.Ledger))
	if dir == "" || g.ledger == nil {
		return nil, nil
	}
	if g.recorder.Load() == nil { // reloads come one at a time
		r, err := openRecorder(dir, recorderOptions{Log: g.log})
		if err != nil {
			return nil, err
		}
		g.recorder.Store(r)
	}
	return g.recorder.Load().Record, nil
}

func ed25519Equal(a, b ed25519.PublicKey) bool { return a.Equal(b) }

// trust adds what the rules for all plugins want: the use that the configuration makes
// of it, and the signature in the file beside it.
func (w *world) trust(s *wasm.Spec, p config.Plugin) error {
	s.Kind = w.config.KindOf(s.Name)
	for _, key := range w.config.Plugins.Trusted {
		s.Trusted = append(s.Trusted, ed25519.PublicKey(key))
	}
	if len(s.Trusted) == 0 {
		return nil
	}
	signature, err := os.ReadFile(p.File + ".sig")
	s.Signature = strings.TrimSpace(string(signature))
	return err
}

// digests are those of the plugins by name.
func (w *world) digests() map[string]string {
	out := make(map[string]string, len(w.plugins))
	for name, p := range w.plugins {
		out[name] = p.module.SHA256()
	}
	return out
}

// openRouters makes a ranker for every pair of router and settings.
func (w *world) openRouters(ctx context.Context, g *gateway, stage routerStage) error {
	builtin, err := wasm.NewRouter(g.builtin, time.Now)
	if err != nil {
		return err
	}
	routers := map[string]*wasm.Router{}
	errs := []error{stage.add(ctx, builtin, "ordered", nil)} // routes that no model configures
	for name, m := range w.config.Models {
		if w.broken(m.Router) {
			continue
		}
		router, err := builtin, error(nil)
		if plugin, ok := w.plugins[m.Router]; ok {
			if router = routers[m.Router]; router == nil {
				router, err = wasm.NewRouter(plugin.module, time.Now)
				routers[m.Router] = router
			}
			stage.strict[m.Router] = w.config.Plugins.Own[m.Router].OnError.Route == config.Fail
		}
		if err == nil {
			err = stage.add(ctx, router, m.Router, m.With)
		}
		if err != nil {
			at := config.Path(config.Path("models", name), "router")
			errs = append(errs, config.Faults{w.config.Fault(at, "", "%v", err)})
		}
	}
	return errors.Join(errs...)
}

func (s routerStage) add(ctx context.Context, r *wasm.Router, strategy string, with config.Object) error {
	route := &llm.Route{Router: strategy, With: []byte(with)}
	if s.rankers[rankerName(route)] != nil {
		return nil
	}
	ranker, err := r.Prepare(strategy, route.With)
	if err == nil {
		err = ranker.Check(ctx) // a misspelt setting shows now, not in every request
	}
	if err != nil {
		return err
	}
	s.rankers[rankerName(route)] = ranker
	return nil
}

// openTransforms makes a transform of every plugin that a route passes its requests
// and replies through.
func (w *world) openTransforms(into map[string]wire.Transform) error {
	var errs []error
	for alias, m := range w.config.Models {
		for i, name := range m.Transform {
			if into[name] != nil || w.broken(name) {
				continue
			}
			t, err := wasm.NewTransform(w.plugins[name].module, w.transformOptions(name))
			if err != nil {
				at := fmt.Sprintf("%s[%d]", config.Path(config.Path("models", alias), "transform"), i)
				errs = append(errs, config.Faults{w.config.Fault(at, "", "%v", err)})
				continue
			}
			into[name] = transform{t}
		}
	}
	return errors.Join(errs...)
}

func (w *world) transformOptions(name string) wasm.TransformOptions {
	on := w.config.Plugins.Own[name].OnError
	return wasm.TransformOptions{
		SkipRequest: on.Request == config.Skip, SkipResponse: on.Response == config.Skip, SkipEvent: on.Event == config.Skip,
	}
}

// openTranslators finds the module for every dialect that a provider of this
// configuration speaks: the built-in one, or a plugin.
func (w *world) openTranslators(g *gateway, d *wire.Dialects) error {
	builtin, err := wasm.NewDialects(g.builtin)
	errs := []error{err}
	modules := translators{llm.Anthropic: translator{builtin}}
	for name, p := range w.config.Providers {
		plugin, ok := w.plugins[string(p.Dialect)]
		if !ok || modules[p.Dialect] != nil {
			continue
		}
		own, err := wasm.NewDialects(plugin.module)
		if err != nil {
			at := config.Path(config.Path("providers", name), "dialect")
			errs = append(errs, config.Faults{w.config.Fault(at, "", "%v", err)})
			continue
		}
		modules[p.Dialect] = translator{own}
	}
	d.Modules = modules
	return errors.Join(errs...)
}
