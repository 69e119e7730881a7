package httpapi

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// access is the rule of who may use a route.
type access int

const (
	// The zero value is no rule, so that a route without one serves nobody.
	_ access = iota
	// forAnyone is for probes that say nothing about anybody.
	forAnyone
	// forCallers asks for a virtual key as Options.Keys says.
	forCallers
	// forAdmins asks for what Options.AdminAuth says.
	forAdmins
)

// route is one endpoint.
type route struct {
	method, path string
	access       access
	// says is a line for the index page.
	says  string
	serve func(*exchange) error
}

func (a *API) dataRoutes() []route {
	var all []route
	// Clients disagree on whether the base URL ends in /v1.
	for _, base := range []string{"/v1", ""} {
		all = append(all, route{http.MethodPost, base + "/chat/completions", forCallers, "OpenAI chat completions", a.chat})
		if a.o.Models != nil {
			all = append(all,
				route{http.MethodGet, base + "/models", forCallers, "the models that can be asked for", a.models},
				route{http.MethodGet, base + "/models/*", forCallers, "one model", a.model})
		}
	}
	return append(all,
		route{http.MethodGet, "/healthz", forAnyone, "whether the process is up", a.health},
		route{http.MethodGet, "/readyz", forAnyone, "whether requests can be served", a.ready})
}

func (a *API) adminRoutes() []route {
	all := []route{
		{http.MethodGet, "/", forAdmins, "this page", a.index},
		{http.MethodGet, "/healthz", forAnyone, "whether the process is up", a.health},
		{http.MethodGet, "/readyz", forAdmins, "whether requests can be served, and what is wrong", a.readyDetail},
	}
	add := func(when bool, r route) {
		if when {
			all = append(all, r)
		}
	}
	add(a.o.Metrics != nil, route{http.MethodGet, "/metrics", forAdmins, "figures for Prometheus", a.metrics})
	add(a.o.Record != nil, route{http.MethodGet, "/admin/v1/requests/:id", forAdmins, "why a request was routed and what it cost", a.record})
	add(a.o.Spend != nil, route{http.MethodGet, "/admin/v1/spend", forAdmins, "spend by dimension: ?by=model,team&since=24h&format=json|csv", a.spend})
	add(a.o.Budgets != nil, route{http.MethodGet, "/admin/v1/budgets", forAdmins, "what is used and reserved of every limit", a.budgets})
	add(a.o.Correct != nil, route{http.MethodPost, "/admin/v1/budgets", forAdmins, `correct a counter: {"scope","unit","window","used"}`, a.correct})
	add(a.o.Explain != nil, route{http.MethodPost, "/admin/v1/explain", forAdmins, "what would happen to a request, without sending it", a.explain})
	add(a.o.Purge != nil, route{http.MethodDelete, "/admin/v1/cache", forAdmins, "forget cached replies: ?all=true, ?model=NAME or ?namespace=NAME", a.purge})
	add(a.o.Reload != nil, route{http.MethodPost, "/admin/v1/reload", forAdmins, "load configuration, policies and modules again", a.reload})
	return all
}

// handler routes to the given endpoints, to those that further knows if it is not nil,
// and to nothing else.
func (a *API) handler(routes []route, further func(echo.Context) bool) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if further == nil || !further(c) {
			a.unrouted(routes, err, c)
		}
	}
	for _, r := range routes {
		serve := func(c echo.Context) error {
			a.run(r, c)
			return nil
		}
		e.Add(r.method, r.path, serve)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, serve) // net/http leaves out the body
		}
	}
	return tolerant(e)
}

// further serves a path of the configuration's, and reports false when it is none.
func (a *API) further(c echo.Context) bool {
	if a.o.Endpoint == nil {
		return false
	}
	found, ok := a.o.Endpoint(c.Request().URL.Path)
	if !ok {
		return false
	}
	a.carry(route{method: http.MethodPost, access: forCallers, serve: a.chat}, c, &found)
	return true
}

// run carries one request through its route and renders what went wrong.
func (a *API) run(r route, c echo.Context) { a.carry(r, c, nil) }

// carry is run for a caller who may speak a format of its own.
func (a *API) carry(r route, c echo.Context, e *Endpoint) {
	x := a.exchange(c.Response().Writer, c.Request())
	x.param = c.Param
	if e != nil {
		x.endpoint, x.dialect = e, e.Dialect
	}
	defer x.end()
	defer func() {
		if v := recover(); v != nil {
			a.panicked(x, v)
		}
	}()
	if err := a.guarded(r, x); err != nil {
		x.fail(err)
	}
}

// guarded serves a route once its rule is satisfied.
func (a *API) guarded(r route, x *exchange) error {
	if x.r.Method != r.method && x.endpoint != nil {
		return x.wrongMethod(r.method)
	}
	switch r.access {
	case forAnyone:
	case forCallers:
		if err := a.identify(x); err != nil {
			return err
		}
	case forAdmins:
		if err := a.admit(x); err != nil {
			return err
		}
	default:
		return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "This endpoint has no access rule, so nobody may use it."}
	}
	return r.serve(x)
}

// panicked turns a panic into an error of that one request.
func (a *API) panicked(x *exchange, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	a.log.Error("panic while serving a request", "request", x.id, "panic", v, "stack", string(debug.Stack()))
	x.fail(&llm.Error{Code: llm.CodeInternal, Status: http.StatusInternalServerError,
		Message: "The gateway hit an internal error; its log has the details under this request id."})
}

// unrouted answers for paths and methods that no route has.
func (a *API) unrouted(routes []route, err error, c echo.Context) {
	x := a.exchange(c.Response().Writer, c.Request())
	defer x.end()
	var h *echo.HTTPError
	if errors.As(err, &h) && h.Code == http.StatusMethodNotAllowed {
		allow, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
		allow = strings.TrimPrefix(strings.TrimPrefix(allow, http.MethodOptions), ", ")
		x.fail(x.wrongMethod(allow))
		return
	}
	x.fail(&llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound,
		Message: "There is no " + visible(shown(x.r.URL.Path)) + " here. There is: " + listed(routes) + "."})
}

func (x *exchange) wrongMethod(allow string) *llm.Error {
	x.w.Header().Set("Allow", allow)
	return &llm.Error{Code: "method_not_allowed", Status: http.StatusMethodNotAllowed,
		Message: x.r.Method + " does not work on " + visible(shown(x.r.URL.Path)) + ": use " + allow + "."}
}

// listed names the routes once, in their /v1 form where they have two.
func listed(routes []route) string {
	var names []string
	for _, r := range routes {
		if !strings.HasPrefix(r.path, "/chat") && !strings.HasPrefix(r.path, "/models") {
			names = append(names, r.method+" "+strings.Replace(r.path, "*", "{id}", 1))
		}
	}
	return strings.Join(names, ", ")
}

// shown is a path that is safe and short enough to repeat.
func shown(path string) string {
	const limit = 100
	if len(path) > limit {
		path = strings.ToValidUTF8(path[:limit], "") + "…"
	}
	return path
}

// visible is a text in which whatever can't be seen is escaped.
func visible(s string) string { return strings.Trim(llm.Quote(s), `"`) }
