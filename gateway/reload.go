package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/penstock/penstock/gateway/internal/config"
)

// reload builds a new world from the configuration as it is now and swaps it in.
// Any fault keeps the last good one. Every reload comes this way: a change of a file,
// SIGHUP and the admin API.
func (g *gateway) reload(ctx context.Context) error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	w, err := g.rebuild(ctx)
	if err != nil {
		g.failure.Store(&err)
		g.log.Error("reload refused, the last good configuration stays", "err", err)
		return err
	}
	g.failure.Store(nil)
	old := g.world.Swap(w)
	w.inheritHealth(old, g.health)
	g.log.Info("reloaded", w.changes(old)...)
	for _, warning := range w.warnings(old) {
		g.log.Warn(warning)
	}
	old.retire()
	g.reaping.Go(func() { old.drained(context.Background()) })
	return nil
}

func (g *gateway) rebuild(ctx context.Context) (*world, error) {
	c, err := g.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := reloadable(g.world.Load().config, c); err != nil {
		return nil, err
	}
	return g.build(ctx, c)
}

// load reads the configuration. What it refers to is watched from here on: what is
// read of it later can't change unnoticed.
func (g *gateway) load(ctx context.Context) (*config.Config, error) {
	path := g.app.configPath()
	g.app.config = path // also when it is gone: then there is a fault, and not no configuration
	g.watch(path)
	c, err := g.app.load(ctx)
	if err != nil || path == "" {
		return c, err
	}
	g.watch(c.Policies)
	for _, p := range c.Plugins.Own {
		g.watch(p.File)
		if len(c.Plugins.Trusted) > 0 {
			g.watch(p.File + ".sig")
		}
	}
	return c, nil
}

// watch begins to watch a file or folder, unless it is watched already. What is no
// longer referred to stays watched: a reload for nothing does no harm.
func (g *gateway) watch(path string) {
	if g.watcher == nil || path == "" {
		return
	}
	if err := g.watcher.Add(path); err != nil {
		g.log.Warn("changes will not be noticed; send SIGHUP to reload", "path", path, "err", err)
	}
}

// watchFiles makes load watch what it reads. The keeper acts on changes.
func (g *gateway) watchFiles(ctx context.Context) {
	var err error
	g.changed = make(chan struct{}, 1)
	g.watcher, err = config.Watch(ctx, func() {
		select {
		case g.changed <- struct{}{}:
		default: // a reload is due anyway
		}
	})
	if err != nil {
		g.log.Warn("changes of files will not be noticed; send SIGHUP to reload", "err", err)
	}
}

// reloaded is a reload by way of the admin API.
func (g *gateway) reloaded(ctx context.Context) (any, error) {
	if err := g.reload(ctx); err != nil {
		return nil, refusedReload(err)
	}
	w := g.world.Load()
	return map[string]any{"reloaded": true, "policy": w.policy.Status().Revision, "models": len(w.config.Models)}, nil
}

// keeper does what has to be done now and then while a gateway serves.
type keeper struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// keep reloads when files change and on SIGHUP, and looks after the reservations.
func (g *gateway) keep(ctx context.Context) *keeper {
	ctx, cancel := context.WithCancel(ctx)
	k := &keeper{cancel: cancel}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	k.wg.Go(func() {
		defer signal.Stop(hup)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
			case <-g.changed:
			}
			_ = g.reload(ctx) // it has been logged, and /readyz says it
		}
	})
	k.wg.Go(func() { (&maintenance{gateway: g}).run(ctx) })
	return k
}

// stop ends the keeping and returns when nothing of it is running any more.
func (k *keeper) stop() {
	k.cancel()
	k.wg.Wait()
}
