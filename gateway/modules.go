package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/dialect"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/module"
)

// openPlugins loads the operator's modules.
func (w *world) openPlugins(ctx context.Context, g *gateway) error {
	var errs []error
	for name, p := range w.config.Plugins.Own {
		m, err := loadPlugin(ctx, g.modules, name, p)
		if err != nil {
			at := config.Path(config.Path("plugins", name), "file")
			errs = append(errs, config.Faults{w.config.Fault(at, "penstock check tries it without serving", "%v", err)})
			continue
		}
		w.plugins[name] = m
	}
	return errors.Join(errs...)
}

func loadPlugin(ctx context.Context, host *module.Host, name string, p config.Plugin) (*module.Module, error) {
	wasm, err := os.ReadFile(p.File)
	if err != nil {
		return nil, err
	}
	s := module.Spec{Name: name, Wasm: wasm, SHA256: p.SHA256, MaxMemory: int64(p.MaxMemory), Fuel: p.Fuel}
	if len(p.With) > 0 {
		s.Config = []byte(p.With)
	}
	for _, g := range p.Grants {
		if g != "log" { // every plugin may log
			s.Grants = append(s.Grants, string(g))
		}
	}
	return host.Load(ctx, s)
}

// broken reports whether a name is that of a plugin that could not be loaded:
// openPlugins has said why.
func (w *world) broken(name string) bool {
	_, configured := w.config.Plugins.Own[name]
	return configured && w.plugins[name] == nil
}

// digests are those of the plugins by name.
func (w *world) digests() map[string]string {
	out := make(map[string]string, len(w.plugins))
	for name, m := range w.plugins {
		out[name] = m.SHA256()
	}
	return out
}

// openRouters makes a ranker for every pair of router and settings.
func (w *world) openRouters(ctx context.Context, g *gateway, stage routerStage) error {
	builtin, err := module.NewRouter(g.routers, time.Now)
	if err != nil {
		return err
	}
	routers := map[string]*module.Router{}
	errs := []error{stage.add(ctx, builtin, "ordered", nil)} // routes that no model configures
	for name, m := range w.config.Models {
		if w.broken(m.Router) {
			continue
		}
		router, err := builtin, error(nil)
		if plugin, ok := w.plugins[m.Router]; ok {
			if router = routers[m.Router]; router == nil {
				router, err = module.NewRouter(plugin, time.Now)
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

func (s routerStage) add(ctx context.Context, r *module.Router, strategy string, with config.Object) error {
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
func (w *world) openTransforms(g *gateway, into map[string]dialect.Transform) error {
	var errs []error
	for alias, m := range w.config.Models {
		for i, name := range m.Transform {
			if into[name] != nil || w.broken(name) {
				continue
			}
			t, err := module.NewTransform(w.plugins[name], w.transformOptions(g, name))
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

func (w *world) transformOptions(g *gateway, name string) module.TransformOptions {
	on := w.config.Plugins.Own[name].OnError
	return module.TransformOptions{
		SkipRequest: on.Request == config.Skip, SkipResponse: on.Response == config.Skip, SkipEvent: on.Event == config.Skip,
		Observe: func(fault string, fuel int64) { g.telemetry.ModuleCall(name, fault, fuel) },
	}
}

// openTranslators finds the module for every dialect that a provider of this
// configuration speaks: the built-in one, loaded when first needed, or a plugin.
func (w *world) openTranslators(ctx context.Context, g *gateway, d *dialect.Dialects) error {
	modules := translators{}
	errs := []error{g.loadDialects(ctx, w.config)}
	if m := g.dialects.Load(); m != nil {
		builtin, err := module.NewDialects(m)
		errs = append(errs, err)
		modules[llm.Anthropic] = translator{builtin}
	}
	for name, p := range w.config.Providers {
		plugin, ok := w.plugins[string(p.Dialect)]
		if !ok || modules[p.Dialect] != nil {
			continue
		}
		own, err := module.NewDialects(plugin)
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
