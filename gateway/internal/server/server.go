// Package server is one process of the gateway: it opens the parts, serves, reloads,
// drains and closes. It is the only package that sees every part. What one configuration
// makes is a snapshot; a reload builds a new snapshot and swaps it in. Decisions about
// requests are not made here but in the parts.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/activity"
	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/cache/remote"
	"github.com/penstock/penstock/gateway/internal/calllog"
	"github.com/penstock/penstock/gateway/internal/certs"
	"github.com/penstock/penstock/gateway/internal/compiler"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/decisionlog"
	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/holds"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/raises"
	"github.com/penstock/penstock/gateway/internal/routes"
	"github.com/penstock/penstock/gateway/internal/telemetry"
	"github.com/penstock/penstock/gateway/internal/tokens"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
	"github.com/penstock/penstock/gateway/internal/wire"
	"github.com/penstock/penstock/plugins"
)

// Options say what a server is made from.
type Options struct {
	// Config is the path of the configuration file. Empty means $PENSTOCK_CONFIG, else
	// penstock.yaml where there is one, else no file: then providers are discovered.
	Config string
	// Getenv looks up environment variables.
	Getenv func(string) string
	// Stderr receives the log, and the decision log if the configuration wants it there.
	Stderr io.Writer
	// Version is the gateway's version, for the user agent and for operators.
	Version string
}

// Server is a gateway. It holds what lives as long as the process; what a new
// configuration replaces is in the snapshot.
type Server struct {
	o Options
	// logTo is what log is written to.
	logTo io.Writer
	log   *slog.Logger
	// logLevel is that of log, once a configuration has been read.
	logLevel slog.LevelVar
	ledger   *ledger.Ledger // nil in a dry server
	keys     *keys.Keys
	audit    *audit.Log
	meter    *meter.Meter
	holds    *holds.Holds
	raises   *raises.Raises // nil without a ledger
	tokens   tokens.Counter
	cache    *cache.Cache
	// cacheTally counts what the cache did for requests.
	cacheTally cacheTally
	// cacheStore is behind the cache; nil when the configuration names none.
	cacheStore *remote.Store
	health     *upstream.Health
	// capacity counts the attempts in flight over all snapshots.
	capacity *upstream.Capacity
	prompts  *upstream.Prompts
	outputs  *upstream.Outputs
	retries  *upstream.RetryBudget
	modules  *wasm.Host
	builtin  *wasm.Module // strategies and dialects
	// clientDialects are the formats of clients that the built-in module translates.
	clientDialects map[llm.Dialect]wire.ClientModule
	telemetry      *telemetry.Metrics
	demo           *demo.Server // nil until a model uses it
	workers        *policy.Workers
	decisions      *decisionlog.Log // nil where none is kept
	// activity has the figures of the last day, feed the records as they are written.
	activity *activity.Activity
	feed     feed
	observers
	// recorder records calls of plugins; nil until one of them is to be recorded.
	recorder atomic.Pointer[calllog.Recorder]
	// watcher watches the files that have been read, nil unless the server runs; changed
	// gets a value when one of them has changed.
	watcher *config.Watcher
	changed chan struct{}
	// askBundle gets a value when the policy bundle's server is to be asked at once.
	askBundle chan struct{}
	// data and admin are the listeners, nil unless the server runs.
	data, admin net.Listener
	// issuer has the certificates that an authority issues, challenges is the listener for its
	// challenges over HTTP; both are nil where there are none.
	issuer     *certs.Issuer
	challenges net.Listener

	snapshot  atomic.Pointer[snapshot]
	reloading sync.Mutex
	// diffWorkers bound the evaluations of policies that are compared, apart from those that
	// decide on requests.
	diffWorkers *policy.Workers
	// comparing is held by the comparison of routers or policies that runs for an operator.
	comparing sync.Mutex
	// closing are the goroutines that close old snapshots.
	closing sync.WaitGroup
	// reloadError is why the last reload was refused, nil if it was not.
	reloadError atomic.Pointer[error]
	// api is the HTTP API once there is one.
	api atomic.Pointer[httpapi.API]
	// draining says that the server is about to stop.
	draining atomic.Bool
}

// Open opens a server that does not listen. Handler serves its requests. The caller
// closes it.
func Open(ctx context.Context, o Options) (*Server, error) {
	s := newServer(o)
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// OpenDry opens a server without a ledger, to see whether the configuration can be served
// and what would be decided. It may run beside a process that serves the same
// configuration. The caller closes it.
func OpenDry(ctx context.Context, o Options, c *config.Config) (*Server, error) {
	s := newServer(o)
	s.log = slog.New(slog.NewTextHandler(o.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})) // it does nothing that is news
	if err := s.start(ctx, c); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func newServer(o Options) *Server {
	return &Server{o: o, logTo: o.Stderr, log: slog.New(slog.NewTextHandler(o.Stderr, nil)), workers: policy.NewWorkers(), diffWorkers: policy.NewWorkers(), cacheTally: cacheTally{since: time.Now()},
		askBundle: make(chan struct{}, 1)}
}

// open reads the configuration and opens the parts, first those that come before the
// ledger. If it fails, everything is closed again.
func (s *Server) open(ctx context.Context, first ...opener) error {
	c, err := s.load(ctx)
	if err == nil {
		s.setLog(&c.Log)
		err = s.start(ctx, c, append(first, s.openLedger, s.openDecisions, s.openCacheStore, s.openObservers)...)
	}
	if err == nil {
		err = s.openAPI(c)
	}
	if err != nil {
		return errors.Join(err, s.Close(ctx))
	}
	return nil
}

// opener opens one part of a server.
type opener func(context.Context, *config.Config) error

// start opens the parts in the order in which they need each other. Compiling the
// modules takes longest, so it runs beside everything else.
func (s *Server) start(ctx context.Context, c *config.Config, more ...opener) error {
	compiled := make(chan error, 1)
	go func() { compiled <- s.loadModules(ctx) }()
	errs := []error{s.openParts(c)}
	for _, open := range more {
		errs = append(errs, open(ctx, c))
	}
	errs = append(errs, <-compiled)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.holds = holds.New(s.meter, s.ledger, s.raised, s.sinks(), s.log)
	sn, err := s.build(ctx, c)
	if err != nil {
		return err
	}
	s.snapshot.Store(sn)
	return nil
}

func (s *Server) openParts(c *config.Config) (err error) {
	s.meter = meter.New(time.Now, c.TimeZone.Location(), meter.Options{Lease: holds.Lease})
	if s.cache, err = cache.New(int64(c.Cache.Size)); err != nil {
		return err
	}
	s.cache.UseEmbedder(s.embed)
	watched := slices.ContainsFunc(c.Webhooks, func(w config.Webhook) bool { return w.Wants(config.EventCircuit) })
	s.health = upstream.NewHealth(upstream.HealthOptions{Known: s.known, Changes: watched}, time.Now)
	s.capacity = upstream.NewCapacity(c.Server.Queue.Size, c.Server.Queue.Wait)
	s.prompts = upstream.NewPrompts(time.Now)
	s.outputs = upstream.NewOutputs()
	s.activity = activity.New(time.Now)
	s.retries = upstream.NewRetryBudget(upstream.RetryBudgetOptions(c.RetryBudget), time.Now)
	s.telemetry = telemetry.New(telemetry.Options{DecisionsDropped: s.droppedDecisions, Inflight: s.inflight, Held: s.heldBytes, Waiting: s.waiting, Following: s.following,
		Modules: s.moduleMetrics, Known: s.known, Ledger: s.ledgerMetrics, Targets: s.targetMetrics, Credentials: s.credentialMetrics, Cache: s.cacheMetrics, Issuers: s.issuerMetrics, CacheStore: s.cacheStoreMetrics, Retries: s.retryMetrics, Bundle: s.bundleMetrics, Outlets: s.outletMetrics, Meters: s.meterCounters})
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
// not wait, so one instance for each processor is enough.
func (s *Server) loadModules(ctx context.Context) (err error) {
	if s.modules, err = compiler.OpenHost(s.o.Getenv, s.log); err != nil {
		return err
	}
	spec, err := builtinSpec(config.Builtin)
	if err != nil {
		return err
	}
	if s.builtin, err = s.modules.Load(ctx, spec); err != nil {
		return err
	}
	return s.openBuiltinClients()
}

// builtinSpec says how to load the module that comes with the gateway, under a name.
func builtinSpec(name string) (wasm.Spec, error) {
	binary, err := plugins.Builtin()
	return wasm.Spec{Name: name, Wasm: binary, Grants: []string{hook.GrantMessages}, Fuel: moduleFuel, FuelPerByte: moduleFuelPerByte,
		MaxMemory: moduleMemory, MaxInstances: runtime.GOMAXPROCS(0), BuiltIn: true}, err
}

// known reports whether the current configuration or the catalog names a target. A name
// that only callers use gets no statistics and no label of its own.
func (s *Server) known(target string) bool {
	sn := s.snapshot.Load()
	return sn != nil && sn.routes.Known(target)
}

// Close closes the parts in reverse order. Parts that were never opened are skipped.
func (s *Server) Close(ctx context.Context) error {
	var errs []error
	if sn := s.snapshot.Swap(nil); sn != nil {
		if sn.bundle != nil {
			sn.bundle.client.Close()
		}
		sn.drain()
		sn.closeDrained(ctx)
	}
	s.closing.Wait()
	for _, l := range []net.Listener{s.data, s.admin, s.challenges} {
		if l != nil {
			_ = l.Close() // the HTTP server may have closed it
		}
	}
	if s.watcher != nil {
		errs = append(errs, s.watcher.Close())
	}
	errs = append(errs, s.closeOutlets(ctx))
	if s.modules != nil {
		errs = append(errs, s.modules.Close(ctx))
	}
	if r := s.recorder.Load(); r != nil {
		r.Close()
	}
	if s.demo != nil {
		errs = append(errs, s.demo.Close())
	}
	if s.cache != nil {
		errs = append(errs, s.cache.Close())
	}
	if s.cacheStore != nil {
		s.cacheStore.Close()
	}
	if s.keys != nil {
		errs = append(errs, s.keys.Close(ctx))
	}
	if s.ledger != nil {
		errs = append(errs, s.ledger.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// Config returns the current configuration.
func (s *Server) Config() *config.Config { return s.snapshot.Load().config }

// Models returns the models that are served, in the order of their names.
func (s *Server) Models() []routes.Model { return s.snapshot.Load().routes.List() }
