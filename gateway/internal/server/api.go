package server

import (
	"context"
	"net/http"
	"os"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
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

// SignInPath returns a path of the admin listener that signs the operator in to the dashboard,
// once.
func (s *Server) SignInPath() string { return s.api.Load().SignInPath() }

// apiOptions connects the HTTP API to the server.
func (s *Server) apiOptions(c *config.Config) httpapi.Options {
	return httpapi.Options{
		Service: service{s}, Formats: formats{s}, Admin: operators{s}, Dashboard: s.newDashboard(),
		AdminAuth: httpapi.AdminAuth(c.Admin.Auth), Prefix: c.Server.Prefix,
		Limits: httpapi.Limits{Body: int64(c.Server.MaxBody), Bodies: bodiesLimit(c.Server, availableMemory(os.DirFS("/"))),
			Header: c.Server.HeaderTimeout, BodyTime: c.Server.BodyTimeout, Write: c.Server.WriteTimeout, Requests: int64(c.Server.MaxRequests),
			RequestsPerCaller: c.Server.MaxRequestsPerCaller, Queue: c.Server.Queue.Size, QueueWait: c.Server.Queue.Wait},
		Log: s.log, Access: s.accessLogger(&c.Log), Tracing: tracingOf(&c.Telemetry),
	}
}

// serve serves one request with the current snapshot.
func (s *Server) serve(ctx context.Context, req *llm.Request, out llm.Writer) error {
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

// waiting returns how many requests of a class wait for the gateway, and how many for a target.
func (s *Server) waiting(p llm.Priority) (gateway, target int64) {
	if api := s.api.Load(); api != nil {
		gateway = api.Waiting(p)
	}
	return gateway, s.capacity.Waiting(p)
}

// following returns the number of requests in flight that share the reply to another one.
func (s *Server) following() int64 { return s.cache.Following() }

// heldBytes returns how many bytes the requests in flight hold.
func (s *Server) heldBytes() int64 {
	if api := s.api.Load(); api != nil {
		return api.Held()
	}
	return 0
}

// The types below fit the server to the HTTP API's interfaces. They decide nothing.

// service is the server as applications use it.
type service struct{ server *Server }

func (s service) Serve(ctx context.Context, req *llm.Request, w llm.Writer) error {
	return s.server.serve(ctx, req, w)
}

func (s service) KeyMode() httpapi.KeyMode {
	return httpapi.KeyMode(s.server.snapshot.Load().config.Keys)
}

func (s service) Authenticate(ctx context.Context, token string) (llm.Principal, error) {
	return s.server.authenticate(ctx, token)
}

func (s service) Recognizes(token string) bool { return s.server.recognizes(token) }

func (s service) Models(_ context.Context, who llm.Principal) ([]httpapi.Model, error) {
	return s.server.models(who), nil
}

func (s service) Model(_ context.Context, who llm.Principal, id string) (httpapi.Model, bool) {
	return s.server.model(who, id)
}

func (s service) Targets(_ context.Context, model string) []*llm.Target {
	return s.server.serving(model)
}

func (s service) Feedback(ctx context.Context, who llm.Principal, f *llm.Feedback) error {
	return s.server.addFeedback(ctx, who, f)
}

func (s service) AllowedOrigins() []string {
	return s.server.snapshot.Load().config.CORS.AllowedOrigins()
}

func (s service) Ready(context.Context) (bool, any) { return s.server.ready() }

// operators is the server as operators use it.
type operators struct{ server *Server }

func (o operators) Record(ctx context.Context, id string) (*llm.Record, error) {
	return o.server.ledger.Record(ctx, id)
}

func (o operators) Requests(ctx context.Context, f llm.RecordFilter) ([]*llm.Record, error) {
	return o.server.requests(ctx, f)
}

func (o operators) Follow(ctx context.Context, each func(*llm.Record)) error {
	return o.server.feed.follow(ctx, each)
}

func (o operators) Policies(context.Context) (any, error) { return o.server.policyList(), nil }

func (o operators) Plugins(_ context.Context, p admin.Page) (any, error) {
	return o.server.pluginList(p), nil
}

func (o operators) Replay(ctx context.Context, id string) (any, error) {
	return o.server.Replay(ctx, o.server.ledger.Reader, id)
}

func (o operators) CompareRouters(ctx context.Context, c admin.Comparison) (any, error) {
	return compareFor(ctx, o.server, "penstock route compare", func(ctx context.Context, l *ledger.Reader) (*replay.Report, error) {
		return o.server.CompareRouters(ctx, l, c)
	})
}

func (o operators) DiffPolicy(ctx context.Context, q admin.PolicyChange) (any, error) {
	report, err := compareFor(ctx, o.server, "penstock policy diff", func(ctx context.Context, l *ledger.Reader) (*replay.PolicyReport, error) {
		return o.server.DiffPolicy(ctx, l, q)
	})
	return report, badFiles(err)
}

func (o operators) Spend(ctx context.Context, q admin.SpendQuery) (any, error) {
	return o.server.ledger.Spend(ctx, ledger.Query{By: q.By, Since: q.Since, Until: q.Until, Zone: q.Zone, Where: q.Where})
}

func (o operators) Budgets(_ context.Context, q admin.BudgetsQuery) (any, error) {
	return o.server.budgets(q)
}

func (o operators) Correct(ctx context.Context, c admin.Correction) (any, error) {
	return o.server.correct(ctx, c)
}

func (o operators) Raises(_ context.Context, p admin.Page) (any, error) {
	return o.server.raiseList(p)
}

func (o operators) Raise(ctx context.Context, spec admin.RaiseSpec, operator string) (any, error) {
	return o.server.raise(ctx, spec, operator)
}

func (o operators) EndRaise(ctx context.Context, id string) (any, error) {
	return o.server.endRaise(ctx, id)
}

func (o operators) Limits(ctx context.Context, q admin.LimitsQuery) (any, error) {
	return o.server.limits(ctx, q)
}

func (o operators) Explain(ctx context.Context, req *llm.Request, as admin.Asker) (*llm.Record, error) {
	return o.server.explainAs(ctx, req, as)
}

func (o operators) Targets(_ context.Context, p admin.Page) (any, error) {
	return o.server.targetList(p), nil
}

func (o operators) OpenTarget(_ context.Context, opening admin.Opening) (any, error) {
	return o.server.openTarget(opening)
}

func (o operators) CloseTarget(_ context.Context, opening admin.Opening) (any, error) {
	return o.server.closeTarget(opening)
}

func (o operators) CacheStats() admin.CacheStats { return o.server.cacheStats() }

func (o operators) Purge(ctx context.Context, what admin.Purge) error {
	return o.server.purge(ctx, what)
}

func (o operators) Reload(ctx context.Context) (any, error) { return o.server.reloadNow(ctx) }

func (o operators) Keys() *keys.Keys { return o.server.keys }

func (o operators) AuditLog() *audit.Log { return o.server.audit }

func (o operators) Audit(ctx context.Context, e audit.Entry) { o.server.addAudit(ctx, e) }

func (o operators) Metrics() http.Handler { return o.server.telemetry.Handler() }

func (o operators) CountRefused(reason string) { o.server.telemetry.Refused(reason) }

func (o operators) CountOverload(reason string, p llm.Priority) {
	o.server.telemetry.Overload(reason, p)
}
