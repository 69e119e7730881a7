// Package httpapi is the gateway's HTTP server: two handlers on an Echo router, one for
// applications and one for operators. It reads requests within limits, authenticates
// callers, hands an llm.Request to the gateway, writes the reply as it comes, and renders
// every error once, in the client's dialect.
//
// It decides nothing about models, policy or money, and it does not parse request
// bodies: the gateway implements the interfaces Service, Formats and Admin for all of
// that. It is the only importer of Echo, which serves as router alone; the http.Server is
// this package's own.
package httpapi

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/queue"
)

// AdminAuth says who may use the admin listener.
type AdminAuth string

// The modes of AdminAuth.
const (
	// AdminLoopback lets in requests from this machine: loopback address, loopback Host
	// header, same Origin. Without a key they may do everything.
	AdminLoopback AdminAuth = "loopback"
	// AdminKey asks for a virtual key with one of the roles of package admin.
	AdminKey AdminAuth = "key"
)

// Options are what an API is made of. Service and Formats are required.
type Options struct {
	Service Service
	Formats Formats
	// Admin is what operators can do; nil leaves the admin handler with its index page
	// and the health checks, and then refused callers are not counted.
	Admin Admin
	// Dashboard is served by the admin handler; nil leaves it out.
	Dashboard *dashboard.Dashboard
	// AdminAuth guards the admin handler; empty means AdminLoopback.
	AdminAuth AdminAuth
	// Limits bounds bodies, waits and load.
	Limits Limits
	// Prefix is a path, such as /ai, that may stand before every path of the data handler;
	// empty for none.
	Prefix string
	// Log receives the gateway's own errors; nil discards them.
	Log *slog.Logger
	// Access gets a line about every request of either handler; nil for none. It must not block.
	Access *slog.Logger
	// Tracing says which requests of the data handler have a trace.
	Tracing Tracing
}

// API holds the two handlers. It starts no goroutines and needs no closing.
type API struct {
	service   Service
	formats   Formats
	operators Admin                // nil when operators can do nothing
	dashboard *dashboard.Dashboard // nil for none
	adminAuth AdminAuth
	limits    Limits
	log       *slog.Logger
	access    *slog.Logger // nil for none
	tracing   Tracing

	memory *memory
	// queue holds the requests that wait for their turn, callers counts each caller's.
	queue, callers *queue.Queue
	throttle       *authThrottle
	data           []route
	admin          []route

	// Data serves applications, Admin operators.
	Data, Admin http.Handler
}

// New builds the handlers.
func New(o Options) (*API, error) {
	if o.Service == nil || o.Formats == nil {
		return nil, errors.New("httpapi needs a Service and Formats")
	}
	limits := o.Limits.withDefaults()
	a := &API{
		service: o.Service, formats: o.Formats, operators: o.Admin, dashboard: o.Dashboard,
		adminAuth: cmp.Or(o.AdminAuth, AdminLoopback), limits: limits, log: o.Log, access: o.Access, tracing: o.Tracing,
		memory: newMemory(limits.Bodies, limits.BodiesPerCaller), throttle: newAuthThrottle(),
		queue: queue.New(limits.Queue, limits.QueueWait), callers: queue.New(0, 0),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.data, a.admin = a.dataRoutes(), a.adminRoutes()
	a.Data = a.crossOrigin(cleanPaths(withoutPrefix(a.handler(a.data, true), o.Prefix)))
	a.Admin = cleanPaths(a.handler(a.admin, false))
	return a, nil
}

// SignInPath returns a path of the admin handler that signs an operator of this machine in to
// the dashboard, once. Where operators need a key it only leads to the page that asks for
// one: whoever reads the output of the gateway need not be an admin. The API must have a
// dashboard.
func (a *API) SignInPath() string {
	if a.adminAuth != AdminLoopback {
		return "/sign-in"
	}
	return a.dashboard.SignInPath(llm.Principal{})
}

// Inflight returns how many requests to the data handler are being served.
func (a *API) Inflight() int64 { return int64(a.queue.Used(everybody)) }

// Waiting returns how many requests of a class wait for their turn.
func (a *API) Waiting(p llm.Priority) int64 { return int64(a.queue.Waiting(p)) }

// Held returns how many bytes of bodies and plain replies are held in memory.
func (a *API) Held() int64 { return a.memory.held() }
