package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// listen opens the listeners. Clients that connect wait until the server accepts.
func (s *Server) listen(_ context.Context, c *config.Config) (err error) {
	if s.data, err = listenOn(c.Listen, "listen"); err != nil {
		return err
	}
	if s.admin, err = listenOn(c.Admin.Listen, "admin: {listen: …}"); err != nil {
		return err
	}
	return s.openTLS(c)
}

// listenOn opens a listener. The error says which setting names another address.
func listenOn(addr, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	_, port, _ := net.SplitHostPort(addr)
	if strings.Contains(err.Error(), "address already in use") {
		return nil, hint.Add(fmt.Errorf("the address %s is in use by another process, perhaps another Penstock", addr),
			"find it with `ss -ltnp 'sport = :%s'`, or set another address: %s in penstock.yaml", port, setting)
	}
	return nil, hint.Add(fmt.Errorf("listen on %s: %w", addr, err), "set another address: %s in penstock.yaml", setting)
}

// Addrs returns the addresses of the API and of the admin API of a server that runs.
func (s *Server) Addrs() (api, admin string) {
	return s.data.Addr().String(), s.admin.Addr().String()
}

// listeners are the HTTP servers on the two listeners.
type listeners struct {
	s           *Server
	api         *httpapi.API
	data, admin *http.Server
	// challenges answers a certificate authority; nil where none is asked.
	challenges *http.Server
	// cut cancels the requests that outlast the grace period.
	cut    context.CancelCauseFunc
	failed chan error
	wg     sync.WaitGroup
}

func (s *Server) newListeners() *listeners {
	api, c := s.api.Load(), s.snapshot.Load().config
	l := &listeners{s: s, api: api, data: api.NewServer(s.closeConnections(api.Data)), admin: api.NewServer(api.Admin), failed: make(chan error, 3)}
	l.data.TLSConfig, l.admin.TLSConfig = s.dataTLS(c), s.adminTLS(c)
	if s.challenges != nil {
		l.challenges = s.newChallengeServer()
	}
	base, cut := context.WithCancelCause(context.Background())
	l.cut = cut
	l.data.BaseContext = func(net.Listener) context.Context { return base }
	return l
}

// closeConnections makes a reply the last one on its connection while the server drains,
// so that no caller sends a request into a connection that is being closed.
func (s *Server) closeConnections(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// start accepts requests. An error that ends a listener is sent to failed.
func (l *listeners) start() {
	run := func(server *http.Server, on net.Listener) {
		if err := serveOn(server, on); !errors.Is(err, http.ErrServerClosed) {
			l.failed <- err
		}
	}
	l.wg.Go(func() { run(l.data, l.api.Listener(l.s.data)) })
	l.wg.Go(func() { run(l.admin, l.api.Listener(l.s.admin)) })
	if l.challenges != nil {
		l.wg.Go(func() { run(l.challenges, l.s.challenges) })
	}
}

// cutGrace is how long requests have to end once they are cut: time for an in-band
// error and the ledger.
const cutGrace = 5 * time.Second

// stop accepts no more requests and waits for those in flight until ctx ends. Requests
// that are still running then get an in-band error, and their connections are closed.
func (l *listeners) stop(ctx context.Context) {
	if err := l.data.Shutdown(ctx); err != nil {
		l.s.log.Warn("cutting requests that outlast the grace", "requests", l.api.Inflight())
		l.cut(&llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, Fault: llm.FaultCut,
			Message: "The gateway is shutting down and could not wait for the rest of this answer."})
		last, done := context.WithTimeout(context.Background(), cutGrace)
		defer done()
		if l.data.Shutdown(last) != nil {
			l.data.Close()
		}
	}
	l.cut(nil)
	l.admin.Close()
	if l.challenges != nil {
		l.challenges.Close()
	}
	l.wg.Wait()
}
