package server

import (
	"context"
	"net/http"
	"os"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// openAPI makes the HTTP API.
func (s *Server) openAPI(c *config.Config) error {
	api, err := httpapi.New(s.apiOptions(c))
	if err == nil {
		s.api.Store(api)
	}
	return err
}

// Handler serves the API that callers use.
func (s *Server) Handler() http.Handler { return s.api.Load().Data }

// AdminHandler serves the admin API.
func (s *Server) AdminHandler() http.Handler { return s.api.Load().Admin }

// apiOptions connects the HTTP API to the server.
func (s *Server) apiOptions(c *config.Config) httpapi.Options {
	return httpapi.Options{
		Serve:        s.serve,
		Scan:         func(body []byte) (llm.Facts, llm.CacheControl, error) { return intake.Scan(body, intake.Options{}) },
		Authenticate: s.keys.Authenticate,
		Keys:         func() httpapi.Keys { return httpapi.Keys(s.snapshot.Load().config.Keys) },
		Endpoint:     s.endpoint,
		Models:       s.models,
		Model:        s.model,
		Origins:      func() []string { return s.snapshot.Load().config.CORS.AllowedOrigins() },
		Refused:      s.telemetry.Refused,
		Ready:        s.ready,
		Metrics:      s.telemetry.Handler(),
		Record:       func(ctx context.Context, id string) (any, error) { return s.ledger.Get(ctx, id) },
		Spend:        s.spend,
		Budgets:      func(context.Context) (any, error) { return s.budgets(), nil },
		Correct:      s.correct,
		Explain:      s.explainAs,
		Purge:        s.purge,
		Reload:       s.reloadNow,
		AdminAuth:    httpapi.AdminAuth(c.Admin.Auth),
		Limits: httpapi.Limits{Body: int64(c.Server.MaxBody), Bodies: bodiesLimit(c.Server, availableMemory(os.DirFS("/"))),
			Header: c.Server.HeaderTimeout, BodyTime: c.Server.BodyTimeout, Write: c.Server.WriteTimeout, Requests: int64(c.Server.MaxRequests)},
		Log: s.log,
	}
}

// serve serves one request with the current snapshot.
func (s *Server) serve(ctx context.Context, req *llm.Request, out httpapi.Writer) error {
	sn := s.acquire()
	defer sn.release()
	if err := s.recordable(sn.config); err != nil {
		return err
	}
	return sn.pipeline.Serve(ctx, req, out)
}

// inflight returns the number of requests in flight.
func (s *Server) inflight() int64 {
	if api := s.api.Load(); api != nil {
		return api.Inflight()
	}
	return 0
}

// heldBytes returns how many bytes the requests in flight hold.
func (s *Server) heldBytes() int64 {
	if api := s.api.Load(); api != nil {
		return api.Held()
	}
	return 0
}
