package server

import (
	"bytes"
	"cmp"
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

	"github.com/penstock/penstock/gateway/internal/calllog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
	"github.com/penstock/penstock/gateway/internal/wire"
	"github.com/penstock/penstock/plugins/dialects"
	"github.com/penstock/penstock/plugins/strategies"
)

// plugin is one of the operator's modules, or the built-in one with the operator's weights. Snapshots share it as long as neither its file
// nor its settings change, and each holds a reference.
type plugin struct {
	module *wasm.Module
	// spec is what it was loaded from, without the bytes.
	spec wasm.Spec
	// reloads counts the earlier versions of the plugin. cached counts the versions, this
	// one included, that were in the compile cache.
	reloads, cached int64
}

// openPlugins loads the operator's modules.
func (sn *snapshot) openPlugins(ctx context.Context, s *Server) error {
	var errs []error
	for name, p := range sn.config.Plugins.Own {
		loaded, err := sn.openPlugin(ctx, s, name, p)
		if err != nil {
			at := config.Path(config.Path("plugins", name), "file")
			errs = append(errs, config.Faults{sn.config.Fault(at, "penstock check tries it without serving", "%v", err)})
			continue
		}
		sn.plugins[name] = loaded
	}
	return errors.Join(errs...)
}

// openPlugin takes over the current snapshot's plugin if nothing about it has changed,
// else loads it.
func (sn *snapshot) openPlugin(ctx context.Context, s *Server, name string, p config.Plugin) (plugin, error) {
	spec, err := pluginSpec(name, p)
	if err == nil {
		err = sn.addTrust(&spec, p)
	}
	if err == nil && p.Record {
		spec.Record, err = s.recordCalls(sn.config)
	}
	if err != nil {
		return plugin{}, err
	}
	return sn.load(ctx, s, spec)
}

// load takes over the current snapshot's module of this name, or loads it.
func (sn *snapshot) load(ctx context.Context, s *Server, spec wasm.Spec) (plugin, error) {
	next := plugin{spec: spec}
	if before := s.snapshot.Load(); before != nil {
		old, had := before.plugins[spec.Name]
		if had && old.loadedFrom(spec) && old.module.Retain() {
			return old, nil
		}
		if had {
			next.reloads, next.cached = old.reloads+1, old.cached
		}
	}
	var err error
	if next.module, err = s.modules.Load(ctx, spec); err != nil {
		return plugin{}, err
	}
	next.cached += cached(next.module.Stats())
	next.spec.Wasm = nil
	return next, nil
}

// cached returns 1 for a module that was in the compile cache, else 0.
func cached(s hook.Stats) int64 {
	if s.FromCache {
		return 1
	}
	return 0
}

// loadedFrom reports whether loading the spec would make the same plugin again.
func (p plugin) loadedFrom(s wasm.Spec) bool {
	sum := sha256.Sum256(s.Wasm)
	return p.module.SHA256() == hex.EncodeToString(sum[:]) && p.spec.SHA256 == s.SHA256 && bytes.Equal(p.spec.Config, s.Config) &&
		slices.Equal(p.spec.Grants, s.Grants) && p.spec.MaxMemory == s.MaxMemory && p.spec.Fuel == s.Fuel &&
		p.spec.Kind == s.Kind && p.spec.Isolate == s.Isolate && (p.spec.Record == nil) == (s.Record == nil) &&
		p.spec.Signature == s.Signature && slices.EqualFunc(p.spec.Trusted, s.Trusted, ed25519Equal)
}

// pluginSpec reads a plugin's file and its settings.
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
	for _, grant := range p.Grants {
		s.Grants = append(s.Grants, string(grant))
	}
	return s, nil
}

// failed reports whether a plugin could not be loaded. openPlugins has returned the error.
func (sn *snapshot) failed(name string) bool {
	_, configured := sn.config.Plugins.Own[name]
	return configured && sn.plugins[name].module == nil
}

// recordCalls returns the function that records plugins' calls, and starts the recorder
// when the first plugin wants it. It is nil if the ledger is not a file, since calls are
// kept beside it.
func (s *Server) recordCalls(c *config.Config) (func(wasm.Recorded), error) {
	dir := calllog.Dir(string(c.Ledger.URL))
	if dir == "" || s.ledger == nil {
		return nil, nil
	}
	if s.recorder.Load() == nil { // one reload runs at a time
		r, err := calllog.Open(dir, calllog.Options{Log: s.log})
		if err != nil {
			return nil, err
		}
		s.recorder.Store(r)
	}
	return s.recorder.Load().Record, nil
}

func ed25519Equal(a, b ed25519.PublicKey) bool { return a.Equal(b) }

// addTrust adds how the configuration uses the plugin, the keys that it trusts, and the
// signature in the file beside the plugin's.
func (sn *snapshot) addTrust(s *wasm.Spec, p config.Plugin) error {
	s.Kind = sn.config.KindOf(s.Name)
	for _, key := range sn.config.Plugins.Trusted {
		s.Trusted = append(s.Trusted, ed25519.PublicKey(key))
	}
	if len(s.Trusted) == 0 {
		return nil
	}
	signature, err := os.ReadFile(p.File + ".sig")
	s.Signature = strings.TrimSpace(string(signature))
	return err
}

// digests returns the plugins' digests by name.
func (sn *snapshot) digests() map[string]string {
	out := make(map[string]string, len(sn.plugins))
	for name, p := range sn.plugins {
		out[name] = p.module.SHA256()
	}
	return out
}

// openRouters makes a ranker for each router with each of its settings.
func (sn *snapshot) openRouters(ctx context.Context, s *Server, stage routerStage) error {
	builtin, err := wasm.NewRouter(s.builtin, time.Now)
	if err != nil {
		return err
	}
	routers := map[string]*wasm.Router{}
	if err := stage.add(ctx, builtin, config.DefaultRouter(), nil); err != nil { // for routes that no model configures
		return err
	}
	var faults config.Faults
	for name, m := range sn.config.Models {
		if sn.failed(m.Router) {
			continue
		}
		router, err := builtin, error(nil)
		if plugin, ok := sn.plugins[m.Router]; ok { // an operator's, or the classifier with own weights
			if router = routers[m.Router]; router == nil {
				router, err = wasm.NewRouter(plugin.module, time.Now)
				routers[m.Router] = router
			}
			stage.strict[m.Router] = sn.config.Plugins.Own[m.Router].OnError.Route == config.Fail
		}
		if err == nil {
			err = stage.add(ctx, reading(router, m.Router), m.Router, m.With)
		}
		if err != nil {
			faults = append(faults, sn.routerFault(name, err))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	slices.SortFunc(faults, func(a, b config.Fault) int { return cmp.Compare(a.Line, b.Line) })
	return faults
}

// routerFault returns the fault of a model whose router can't be used, at the setting that the
// router says is wrong.
func (sn *snapshot) routerFault(model string, err error) config.Fault {
	at := config.Path("models", model)
	var r *hook.Rejection
	if !errors.As(err, &r) {
		return sn.config.Fault(config.Path(at, "router"), "", "%v", err)
	}
	setting, message := r.Setting()
	if setting == "" {
		return sn.config.Fault(config.Path(at, "router"), "", "the router refuses its settings: %s", message)
	}
	for name := range strings.SplitSeq(setting, ".") {
		at = config.Path(at, name)
	}
	return sn.config.Fault(at, "", "%s", message)
}

// reading returns the router with the texts of the request that a built-in strategy needs.
func reading(r *wasm.Router, strategy string) *wasm.Router {
	reads, err := hook.ParseReads(strategies.Reads(strategy))
	if err != nil || reads == 0 {
		return r
	}
	return r.WithReads(reads)
}

// add adds a ranker unless there is one with the same router and settings.
func (s routerStage) add(ctx context.Context, r *wasm.Router, strategy string, with config.Object) error {
	route := &llm.Route{Router: strategy, With: []byte(with)}
	if s.rankers[rankerName(route)] != nil {
		return nil
	}
	ranker, err := r.Prepare(strategy, route.With)
	if err == nil {
		err = ranker.Check(ctx) // finds wrong settings now, not with every request
	}
	if err != nil {
		return err
	}
	s.rankers[rankerName(route)] = ranker
	return nil
}

// openTransforms makes a transform of every plugin that a route uses as one.
func (sn *snapshot) openTransforms(into map[string]wire.Transform) error {
	var errs []error
	for alias, m := range sn.config.Models {
		for i, name := range m.Transform {
			if into[name] != nil || sn.failed(name) {
				continue
			}
			t, err := wasm.NewTransform(sn.plugins[name].module, sn.transformOptions(name))
			if err != nil {
				at := fmt.Sprintf("%s[%d]", config.Path(config.Path("models", alias), "transform"), i)
				errs = append(errs, config.Faults{sn.config.Fault(at, "", "%v", err)})
				continue
			}
			into[name] = transform{t}
		}
	}
	return errors.Join(errs...)
}

func (sn *snapshot) transformOptions(name string) wasm.TransformOptions {
	on := sn.config.Plugins.Own[name].OnError
	return wasm.TransformOptions{
		SkipRequest: on.Request == config.Skip, SkipResponse: on.Response == config.Skip, SkipEvent: on.Event == config.Skip,
	}
}

// openTranslators finds the module for each dialect of the configured providers: the
// built-in one or a plugin.
func (sn *snapshot) openTranslators(s *Server, d *wire.Dialects) error {
	builtin, err := wasm.NewProviderDialect(s.builtin)
	errs := []error{err}
	modules := translators{llm.OpenAI: translator{builtin}} // for requests of other clients
	for _, name := range dialects.ProviderNames() {
		modules[llm.Dialect(name)] = translator{builtin}
		d.Builtin = append(d.Builtin, llm.Dialect(name))
	}
	for name, p := range sn.config.Providers {
		plugin, ok := sn.plugins[string(p.Dialect)]
		if !ok || modules[p.Dialect] != nil {
			continue
		}
		own, err := wasm.NewProviderDialect(plugin.module)
		if err != nil {
			at := config.Path(config.Path("providers", name), "dialect")
			errs = append(errs, config.Faults{sn.config.Fault(at, "", "%v", err)})
			continue
		}
		modules[p.Dialect] = translator{own}
	}
	d.Modules = modules
	return errors.Join(errs...)
}
