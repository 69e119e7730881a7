package httpapi

import (
	"errors"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// access is the rule of who may use a route.
type access int

const (
	// The zero value is no rule, so that a route without one serves nobody.
	_ access = iota
	// forAnyone is for health checks that reveal nothing.
	forAnyone
	// forCallers asks for a virtual key as Service.KeyMode says.
	forCallers
	// forOperators asks for what Options.AdminAuth says, and for one of the route's roles.
	forOperators
	// forPages asks that the request can reach the dashboard at all: from this machine where
	// Options.AdminAuth says so, and from no other page. The dashboard decides who is signed in.
	forPages
)

// route is one endpoint. Parameters in its path are written as Echo has them.
type route struct {
	method, path string
	access       access
	// summary describes it in a line.
	summary string
	serve   func(*exchange) error
	// roles may use the route, if it is for operators.
	roles admin.Roles
	// action names what the route changes, for the audit log; empty when it changes nothing.
	action string
}

func (a *API) dataRoutes() []route {
	var all []route
	for _, p := range a.formats.Paths() {
		all = append(all, route{method: http.MethodPost, path: p.Path, access: forCallers, summary: p.Title, serve: a.chat})
	}
	// Clients disagree on whether the base URL ends in /v1.
	for _, base := range []string{"/v1", ""} {
		all = append(all,
			route{method: http.MethodGet, path: base + "/models", access: forCallers, summary: "the models that can be used", serve: a.models},
			route{method: http.MethodGet, path: base + "/models/*", access: forCallers, summary: "one model", serve: a.model},
			route{method: http.MethodGet, path: base + "/capabilities", access: forCallers, summary: "what the models can do, hold and cost", serve: a.capabilities},
			route{method: http.MethodPost, path: base + "/feedback", access: forCallers, summary: "say how good the reply to a request was", serve: a.feedback})
	}
	all = append(all,
		route{method: http.MethodGet, path: "/v1beta/models", access: forCallers, summary: "the models that can be used, as Gemini lists them", serve: a.models},
		route{method: http.MethodGet, path: "/v1beta/models/*", access: forCallers, summary: "one model, as Gemini describes it", serve: a.model})
	return append(all,
		route{method: http.MethodGet, path: "/", access: forAnyone, summary: "whether there is a gateway", serve: a.root},
		route{method: http.MethodGet, path: "/openapi.yaml", access: forAnyone, summary: "this API, as OpenAPI has it", serve: serveDocument},
		route{method: http.MethodGet, path: "/openapi.json", access: forAnyone, summary: "the same as JSON", serve: serveDocument},
		route{method: http.MethodGet, path: "/healthz", access: forAnyone, summary: "whether the process is up", serve: a.health},
		route{method: http.MethodGet, path: "/readyz", access: forAnyone, summary: "whether requests can be served", serve: a.ready})
}

// handler routes to the given endpoints and, if formats is true, to the paths at which
// clients speak a format, of which the configuration may define some.
func (a *API) handler(routes []route, formats bool) http.Handler {
	e := echo.New()
	unrouted := func(x *exchange, err error, c echo.Context) error {
		if x.hasFormat && wantsWebSocket(x.r) {
			return x.refuseWebSocket()
		}
		if x.hasFormat && !routed(routes, x.r.URL.Path) {
			return a.serveAllowed(route{method: http.MethodPost, access: forCallers, serve: a.chat}, x)
		}
		if !formats && a.dashboard != nil && dashboard.WantsPage(x.r) {
			return a.noPage(x, x.noRoute(nil, err, c))
		}
		return x.noRoute(routes, err, c)
	}
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		a.serve(c, formats, func(x *exchange) error { return unrouted(x, err, c) })
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Request().Method != http.MethodOptions { // which Echo answers by itself
				return next(c)
			}
			a.serve(c, formats, func(x *exchange) error {
				c.Response().Writer = x.w
				x.closeIfUnread()
				if err := next(c); err != nil {
					return unrouted(x, err, c)
				}
				x.reply.sent = true
				return nil
			})
			return nil
		}
	})
	for _, r := range routes {
		serve := func(c echo.Context) error {
			a.serve(c, formats, func(x *exchange) error { return a.serveAllowed(r, x) })
			return nil
		}
		e.Add(r.method, r.path, serve)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, serve) // net/http leaves out the body
		}
	}
	return e
}

// routed reports whether a path is one of the routes', whatever its method.
func routed(routes []route, path string) bool {
	return slices.ContainsFunc(routes, func(r route) bool { return r.path == path })
}

// serve takes one request through a route and renders errors.
func (a *API) serve(c echo.Context, formats bool, run func(*exchange) error) {
	x := a.exchange(c.Response().Writer, c.Request(), formats)
	x.param = c.Param
	defer x.end()
	defer x.logAccess()
	defer func() {
		if v := recover(); v != nil {
			a.panicked(x, v)
		}
	}()
	if err := run(x); err != nil {
		x.fail(err)
	}
}

// serveAllowed serves a route if its access rule is satisfied.
func (a *API) serveAllowed(r route, x *exchange) error {
	if x.r.Method != r.method && (r.method != http.MethodGet || x.r.Method != http.MethodHead) {
		return x.wrongMethod(r.method)
	}
	switch r.access {
	case forAnyone:
	case forCallers:
		if err := a.authenticateCaller(x); err != nil {
			return err
		}
	case forOperators:
		return a.serveOperator(r, x)
	case forPages:
		if err := a.authorizePage(x); err != nil {
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

// noRoute is the error for a path or method that no route has.
func (x *exchange) noRoute(routes []route, err error, c echo.Context) error {
	var h *echo.HTTPError
	if errors.As(err, &h) && h.Code == http.StatusMethodNotAllowed && !x.asksUnknownMethod() {
		allow, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
		return x.wrongMethod(strings.TrimPrefix(strings.TrimPrefix(allow, http.MethodOptions), ", "))
	}
	return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound,
		Message: "There is no endpoint " + printablePath(x.r.URL.Path) + ". Endpoints: " + routeList(routes) + "."}
}

// noPage shows a browser that there is no such page of the dashboard.
func (a *API) noPage(x *exchange, err error) error {
	if err := a.authorizePage(x); err != nil {
		return err
	}
	if llm.AsError(err).HTTPStatus() == http.StatusNotFound {
		err = &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "There is no page " + printablePath(x.r.URL.Path) + "."}
	}
	x.reply.sent = true
	a.dashboard.ServeError(x.w, x.r, err)
	return nil
}

// asksUnknownMethod reports whether something is asked of a model, as Google's API does it, that
// no format has: /v1beta/models/{id}:predict.
func (x *exchange) asksUnknownMethod() bool {
	_, last, _ := strings.Cut(x.r.URL.Path, "/models/")
	return x.r.Method == http.MethodPost && strings.Contains(last, ":")
}

func (x *exchange) wrongMethod(allow string) *llm.Error {
	x.w.Header().Set("Allow", allow)
	return &llm.Error{Code: "method_not_allowed", Status: http.StatusMethodNotAllowed,
		Message: x.r.Method + " does not work on " + printablePath(x.r.URL.Path) + ": use " + allow + "."}
}

// routeList names the routes once, in their /v1 form where they have two.
func routeList(routes []route) string {
	var names []string
	for _, r := range routes {
		if !slices.ContainsFunc(routes, func(long route) bool { return long.path == "/v1"+r.path }) {
			names = append(names, r.method+" "+readablePath(r.path))
		}
	}
	return strings.Join(names, ", ")
}
