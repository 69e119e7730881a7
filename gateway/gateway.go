package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/telemetry"
	"github.com/penstock/penstock/gateway/internal/tokens"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/plugins"
)

// gateway is everything that lives as long as the process. What a new configuration
// replaces stands in a world.
type gateway struct {
	app       *app
	log       *slog.Logger
	catalog   *catalog.Catalog
	ledger    *ledger.Ledger
	keys      *keys.Keys
	meter     *meter.Meter
	holds     *holds
	tokens    tokens.Counter
	cache     *cache.Cache
	health    *upstream.Health
	retries   *upstream.RetryBudget
	modules   *wasm.Host
	builtin   *wasm.Module // strategies and dialects
	telemetry *telemetry.Metrics
	demo      *demo.Server // nil until a model leads to it
	workers   *policy.Workers
	decisions *policy.DecisionLog // nil where none is kept
	// decisionFile is where decisions are written, if that is a file.
	decisionFile *os.File
	// recorder keeps calls of plugins; nil until one of them is to be recorded.
	recorder atomic.Pointer[recorder]

	// watcher watches what has been read; nil in a gateway that does not serve. changed
	// says that a file has changed.
	watcher *config.Watcher
	changed chan struct{}
	// on and adminOn are where the gateway listens; nil in one that does not serve.
	on, adminOn net.Listener

	world     atomic.Pointer[world]
	reloading sync.Mutex
	// reaping are the goroutines that wait for old worlds to be unused.
	reaping sync.WaitGroup
	// failure is why the last reload was refused; nil when it was not.
	failure atomic.Pointer[error]
	// api is the HTTP face, once there is one.
	api atomic.Pointer[httpapi.API]
	// draining says that no more requests are welcome.
	draining atomic.Bool
}

// open reads the configuration and opens the parts, those before the ledger first. When
// it fails, everything is closed again.
func (g *gateway) open(ctx context.Context, first ...opener) error {
	c, err := g.load(ctx)
	if err != nil {
		return errors.Join(err, g.close(ctx))
	}
	if err := g.start(ctx, c, append(first, g.openLedger, g.openDecisions)...); err != nil {
		return errors.Join(err, g.close(ctx))
	}
	return nil
}

// rehearse puts together a gateway that has no ledger and serves nobody, to see
// whether it could and what it would decide. It may stand beside one that serves.
func (a *app) rehearse(ctx context.Context, c *config.Config) (*gateway, error) {
	g := a.newGateway()
	if err := g.start(ctx, c); err != nil {
		return nil, errors.Join(err, g.close(ctx))
	}
	return g, nil
}

func (a *app) newGateway() *gateway {
	return &gateway{app: a, log: slog.New(slog.NewTextHandler(a.stderr, nil)), workers: policy.NewWorkers()}
}

// opener opens one part of a gateway.
type opener func(context.Context, *config.Config) error

// start opens the parts in the order in which they need each other. Compiling the
// modules takes longest, so it goes on beside everything else.
func (g *gateway) start(ctx context.Context, c *config.Config, more ...opener) error {
	compiled := make(chan error, 1)
	go func() { compiled <- g.loadModules(ctx) }()
	errs := []error{g.openParts(c)}
	for _, open := range more {
		errs = append(errs, open(ctx, c))
	}
	errs = append(errs, <-compiled)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	w, err := g.build(ctx, c)
	if err != nil {
		return err
	}
	g.world.Store(w)
	return nil
}

func (g *gateway) openParts(c *config.Config) (err error) {
	if g.catalog, err = catalog.Load(); err != nil {
		return err
	}
	g.meter = meter.New(time.Now, c.TimeZone.Location(), meter.Options{Lease: holdLife})
	g.holds = &holds{meter: g.meter, log: g.log, open: map[string]*hold{}}
	if g.cache, err = cache.New(int64(c.Cache.Size)); err != nil {
		return err
	}
	g.health = upstream.NewHealth(upstream.HealthOptions{Known: g.names}, time.Now)
	g.retries = upstream.NewRetryBudget(upstream.RetryBudgetOptions{}, time.Now)
	g.telemetry = telemetry.New(telemetry.Options{DecisionsDropped: g.droppedDecisions, Inflight: g.inflight, Held: g.held, Modules: g.figures, Known: g.names,
		Ledger: g.ledgerFigures})
	return nil
}

// What one call of the built-in module may take: instructions, a further allowance for
// each byte of input, and bytes of memory. Translating 200 kB of very small messages
// was measured at 1,800 instructions a byte, a body of 30 MB at 215 MiB.
const (
	moduleFuel        = 20_000_000
	moduleFuelPerByte = 2000
	moduleMemory      = 256 << 20
)

// loadModules loads the module that comes with the gateway. A call is short and does
// not wait, so one instance for each processor serves all.
func (g *gateway) loadModules(ctx context.Context) (err error) {
	if g.modules, err = g.openHost(); err != nil {
		return err
	}
	binary, err := plugins.Builtin()
	if err != nil {
		return err
	}
	g.builtin, err = g.modules.Load(ctx, wasm.Spec{Name: config.Builtin, Wasm: binary, Fuel: moduleFuel, FuelPerByte: moduleFuelPerByte,
		MaxMemory: moduleMemory, MaxInstances: runtime.GOMAXPROCS(0), Inside: true})
	return err
}

// openHost keeps compiled modules where the user keeps caches. Without such a place
// they are compiled anew at every start.
func (g *gateway) openHost() (*wasm.Host, error) {
	const costs = "modules are compiled at every start, which takes some seconds"
	dir := g.app.getenv("PENSTOCK_CACHE_DIR")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			g.log.Warn(costs+": set PENSTOCK_CACHE_DIR to a folder that is this user's alone", "err", err)
			return wasm.NewHost(wasm.Options{Log: g.log})
		}
		dir = filepath.Join(base, "penstock")
	}
	host, err := wasm.NewHost(wasm.Options{CacheDir: filepath.Join(dir, "modules"), Apart: apart(), Log: g.log})
	if err != nil {
		g.log.Warn(costs+": PENSTOCK_CACHE_DIR names another folder for what is compiled", "err", err)
		return wasm.NewHost(wasm.Options{Log: g.log})
	}
	return host, nil
}

// names reports whether the configuration of this moment or the catalogue names a
// target: what only callers name gets no figures and no label of its own.
func (g *gateway) names(target string) bool {
	w := g.world.Load()
	return w != nil && w.routes.names(target)
}

// inflight is the number of requests in hand.
func (g *gateway) inflight() int64 {
	if api := g.api.Load(); api != nil {
		return api.Inflight()
	}
	return 0
}

// explainAs explains a request of the given caller.
func (g *gateway) explainAs(ctx context.Context, req *llm.Request, as httpapi.Asker) (any, error) {
	if err := assume(ctx, req, as, g.keys, g.world.Load().config.TimeZone.Location()); err != nil {
		return nil, err
	}
	return g.explain(ctx, req), nil
}

// held is how many bytes the requests in hand hold.
func (g *gateway) held() int64 {
	if api := g.api.Load(); api != nil {
		return api.Held()
	}
	return 0
}

// explain makes every decision about a request without sending it.
func (g *gateway) explain(ctx context.Context, req *llm.Request) *llm.Record {
	w := g.acquire()
	defer w.release()
	req.Dry = true
	return w.pipeline.Explain(ctx, req)
}

// close ends the parts in reverse. Parts that were never opened are skipped.
func (g *gateway) close(ctx context.Context) error {
	var errs []error
	if w := g.world.Swap(nil); w != nil {
		w.retire()
		w.drained(ctx)
	}
	g.reaping.Wait()
	for _, l := range []net.Listener{g.on, g.adminOn} {
		if l != nil {
			_ = l.Close() // a server has closed it already
		}
	}
	if g.watcher != nil {
		errs = append(errs, g.watcher.Close())
	}
	errs = append(errs, g.closeDecisions())
	if g.modules != nil {
		errs = append(errs, g.modules.Close(ctx))
	}
	if r := g.recorder.Load(); r != nil {
		r.Close()
	}
	if g.demo != nil {
		errs = append(errs, g.demo.Close())
	}
	if g.cache != nil {
		errs = append(errs, g.cache.Close())
	}
	if g.ledger != nil {
		errs = append(errs, g.ledger.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}
