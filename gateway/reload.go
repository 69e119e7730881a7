package main

import (
	"context"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
)

// reload builds a new world from the configuration as it is now and swaps it in.
// Any fault keeps the last good one.
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
	g.health.Retain(w.keepHealth(old))
	old.retire()
	g.reaping.Go(func() { old.drained(context.Background()) })
	g.log.Info("reloaded", "policy", w.policy.Status().Revision)
	return nil
}

func (g *gateway) rebuild(ctx context.Context) (*world, error) {
	c, err := g.app.load(ctx)
	if err != nil {
		return nil, err
	}
	return g.build(ctx, c)
}

// keepHealth are the targets whose figures outlive a reload: those of fixed routes
// in either world. Pattern targets begin anew.
func (w *world) keepHealth(old *world) []string {
	return append(w.routes.targets(), old.routes.targets()...)
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

	mu       sync.Mutex
	watchers map[string]*config.Watcher // by path
}

// keep watches the configuration and the policies, listens for SIGHUP, and looks after
// the reservations.
func (g *gateway) keep(ctx context.Context) *keeper {
	ctx, cancel := context.WithCancel(ctx)
	k := &keeper{cancel: cancel, watchers: map[string]*config.Watcher{}}
	k.watch(ctx, g)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	k.wg.Go(func() {
		defer signal.Stop(hup)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
				k.reload(ctx, g)
			}
		}
	})
	k.wg.Go(func() { g.maintain(ctx) })
	return k
}

// reload reloads, and watches what the new configuration refers to as well.
func (k *keeper) reload(ctx context.Context, g *gateway) {
	if g.reload(ctx) == nil { // an error has been logged
		k.watch(ctx, g)
	}
}

// watch begins to watch what is not watched yet. What is no longer referred to stays
// watched: a reload for nothing does no harm.
func (k *keeper) watch(ctx context.Context, g *gateway) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, path := range g.watched() {
		if k.watchers[path] != nil {
			continue
		}
		w, err := config.Watch(ctx, path, func() { k.reload(ctx, g) })
		if err != nil {
			g.log.Warn("changes will not be noticed; send SIGHUP to reload", "path", path, "err", err)
			continue
		}
		k.watchers[path] = w
	}
}

// watched are the files and folders whose change is a reason to reload.
func (g *gateway) watched() []string {
	path := g.app.configPath()
	if path == "" {
		return nil
	}
	paths := []string{path}
	if dir := g.world.Load().config.Policies; dir != "" {
		paths = append(paths, dir)
	}
	for _, p := range g.world.Load().config.Plugins.Own {
		paths = append(paths, p.File)
		if len(g.world.Load().config.Plugins.Trusted) > 0 {
			paths = append(paths, p.File+".sig")
		}
	}
	return paths
}

// maintain looks after the reservations until ctx ends.
func (g *gateway) maintain(ctx context.Context) {
	tick := time.NewTicker(holdEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			g.holds.tend(ctx, now)
		}
	}
}

// stop ends the keeping and returns when nothing of it is running any more.
func (k *keeper) stop() {
	k.cancel()
	k.wg.Wait()
	k.mu.Lock()
	watchers := slices.Collect(maps.Values(k.watchers))
	k.mu.Unlock()
	for _, w := range watchers { // a reload under way may want the lock
		_ = w.Close() // there is nothing left to watch
	}
}
