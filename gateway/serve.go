package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Start the gateway",
		Long: "Without a configuration file, serve looks for provider keys in the environment and for a local Ollama,\n" +
			"and a demo model answers in any case. It stops on SIGTERM or Ctrl-C once running requests are over, and reads\n" +
			"its configuration anew on SIGHUP or when the file changes.",
		Example: "  penstock serve\n  penstock serve -c penstock.yaml",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd.Context(), time.Now())
		},
	}
}

// serve runs a gateway until ctx ends, and then until its requests are over.
func (a *app) serve(ctx context.Context, started time.Time) error {
	g := a.newGateway()
	defer tameStandardLog(g.log)()
	g.watchFiles(ctx)
	// The addresses come first: what else opens a port must not get one of them.
	if err := g.open(ctx, g.bind); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it had started, which is no fault
		}
		return err
	}
	c := g.world.Load().config
	s, err := g.servers(c)
	if err != nil {
		return errors.Join(err, g.close(ctx))
	}
	keeper := g.keep(ctx)
	g.tuneMemory()
	s.serve()
	a.greet(g, s, time.Since(started))

	select {
	case <-ctx.Done():
		g.drain(c.Server.DrainDelay)
		err = nil
	case err = <-s.failed:
	}
	g.draining.Store(true)
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), c.Server.Grace)
	defer stop()
	s.stop(grace, g)
	keeper.stop()
	last, done := context.WithTimeout(context.WithoutCancel(ctx), cutGrace)
	defer done()
	return errors.Join(err, g.close(last))
}

// drain makes the gateway not ready and goes on serving for a while, in which load
// balancers notice that and callers' connections end with a reply.
func (g *gateway) drain(delay time.Duration) {
	g.draining.Store(true)
	if delay > 0 {
		g.log.Info("stopping; new requests are still served for a while (server.drain_delay)", "delay", delay.String())
		time.Sleep(delay)
	}
}

// parting makes replies the last ones on their connections while the gateway drains,
// so that no caller sends a request into a connection that is being closed.
func (g *gateway) parting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// servers are the two listeners of a gateway.
type servers struct {
	api         *httpapi.API
	data, admin *http.Server
	on, adminOn net.Listener
	// cut ends the requests that outlast the grace.
	cut    context.CancelCauseFunc
	failed chan error
	wg     sync.WaitGroup
}

// servers makes the servers for the listeners that are open.
func (g *gateway) servers(c *config.Config) (*servers, error) {
	api, err := httpapi.New(g.apiOptions(c))
	if err != nil {
		return nil, err
	}
	g.api.Store(api)
	s := &servers{api: api, data: api.NewServer(g.parting(api.Data)), admin: api.NewServer(api.Admin), on: g.on, adminOn: g.adminOn, failed: make(chan error, 2)}
	base, cut := context.WithCancelCause(context.Background())
	s.cut = cut
	s.data.BaseContext = func(net.Listener) context.Context { return base }
	return s, nil
}

// bind opens the listeners. Who connects waits until the gateway is ready.
func (g *gateway) bind(_ context.Context, c *config.Config) (err error) {
	if g.on, err = listenOn(c.Listen, "listen"); err != nil {
		return err
	}
	g.adminOn, err = listenOn(c.Admin.Listen, "admin: {listen: …}")
	return err
}

// listenOn opens a listener; its error says whom to look for and what to change.
func listenOn(addr, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	_, port, _ := net.SplitHostPort(addr)
	if strings.Contains(err.Error(), "address already in use") {
		return nil, hint(fmt.Errorf("the address %s is in use by another process, perhaps another Penstock", addr),
			"find it with `ss -ltnp 'sport = :%s'`, or set another address: %s in penstock.yaml", port, setting)
	}
	return nil, hint(fmt.Errorf("listen on %s: %w", addr, err), "set another address: %s in penstock.yaml", setting)
}

func (s *servers) serve() {
	run := func(server *http.Server, l net.Listener) {
		if err := server.Serve(s.api.Listener(l)); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}
	s.wg.Go(func() { run(s.data, s.on) })
	s.wg.Go(func() { run(s.admin, s.adminOn) })
}

// cutGrace is how long requests have to end once they are cut: time for an in-band
// error and the ledger.
const cutGrace = 5 * time.Second

// stop takes no more requests and waits for those under way until ctx ends. Those
// that are left get an in-band error, and then their connections are closed.
func (s *servers) stop(ctx context.Context, g *gateway) {
	if err := s.data.Shutdown(ctx); err != nil {
		g.log.Warn("cutting requests that outlast the grace", "requests", s.api.Inflight())
		s.cut(&llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, Fault: llm.FaultCut,
			Message: "The gateway is shutting down and could not wait for the rest of this answer."})
		last, done := context.WithTimeout(context.Background(), cutGrace)
		defer done()
		if s.data.Shutdown(last) != nil {
			s.data.Close()
		}
	}
	s.cut(nil)
	s.admin.Close()
	s.wg.Wait()
}

// apiOptions fits the gateway to its HTTP face.
func (g *gateway) apiOptions(c *config.Config) httpapi.Options {
	return httpapi.Options{
		Serve: func(ctx context.Context, req *llm.Request, out httpapi.Writer) error {
			w := g.acquire()
			defer w.release()
			if err := g.bookable(w.config); err != nil {
				return err
			}
			return w.pipeline.Serve(ctx, req, out)
		},
		Scan:         func(body []byte) (llm.Facts, llm.CacheControl, error) { return intake.Scan(body, intake.Options{}) },
		Authenticate: g.keys.Authenticate,
		Keys:         func() httpapi.Keys { return httpapi.Keys(g.world.Load().config.Keys) },
		Endpoint:     g.endpoint,
		Models:       g.models,
		Model:        g.model,
		Origins:      func() []string { return g.world.Load().config.CORS.AllowedOrigins() },
		Refused:      g.telemetry.Refused,
		Ready:        g.ready,
		Metrics:      g.telemetry.Handler(),
		Record:       func(ctx context.Context, id string) (any, error) { return g.ledger.Get(ctx, id) },
		Spend:        g.spend,
		Budgets:      func(context.Context) (any, error) { return g.budgets(), nil },
		Correct:      g.correct,
		Explain:      g.explainAs,
		Purge:        g.purge,
		Reload:       func(ctx context.Context) (any, error) { return g.reloaded(ctx) },
		AdminAuth:    httpapi.AdminAuth(c.Admin.Auth),
		Limits: httpapi.Limits{Body: int64(c.Server.MaxBody), Bodies: bodiesLimit(c.Server, availableMemory(os.DirFS("/"))),
			Header: c.Server.HeaderTimeout, BodyTime: c.Server.BodyTimeout, Write: c.Server.WriteTimeout, Requests: int64(c.Server.MaxRequests)},
		Log: g.log,
	}
}
