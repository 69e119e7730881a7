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
	// forAnyone is for health checks that reveal nothing.
	forAnyone
	// forCallers asks for a virtual key as Service.KeyMode says.
	forCallers
	// forAdmins asks for what Options.AdminAuth says.
	forAdmins
)

// route is one endpoint. Parameters in its path are written as Echo has them.
type route struct {
	method, path string
	access       access
	// summary is a line for the index page.
	summary string
	serve   func(*exchange) error
}

func (a *API) dataRoutes() []route {
	var all []route
	// Clients disagree on whether the base URL ends in /v1.
	for _, base := range []string{"/v1", ""} {
		all = append(all,
			route{http.MethodPost, base + "/chat/completions", forCallers, "OpenAI chat completions", a.chat},
			route{http.MethodGet, base + "/models", forCallers, "the models that can be used", a.models},
			route{http.MethodGet, base + "/models/*", forCallers, "one model", a.model})
	}
	return append(all,
		route{http.MethodGet, "/healthz", forAnyone, "whether the process is up", a.health},
		route{http.MethodGet, "/readyz", forAnyone, "whether requests can be served", a.ready})
}

// handler routes to the given endpoints. A request that no route takes goes to fallback,
// unless it is nil or returns false; then it is answered with 404 or 405.
func (a *API) handler(routes []route, fallback func(echo.Context) bool) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if fallback == nil || !fallback(c) {
			a.noRoute(routes, err, c)
		}
	}
	for _, r := range routes {
		serve := func(c echo.Context) error {
			a.serve(r, c, nil)
			return nil
		}
		e.Add(r.method, r.path, serve)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, serve) // net/http leaves out the body
		}
	}
	return cleanPaths(e)
}

// serveEndpoint serves a path that the configuration defines; it returns false if the
// path is none.
func (a *API) serveEndpoint(c echo.Context) bool {
	e, ok := a.formats.Endpoint(c.Request().URL.Path)
	if !ok {
		return false
	}
	a.serve(route{method: http.MethodPost, access: forCallers, serve: a.chat}, c, &e)
	return true
}

// serve takes one request through its route and renders errors. The endpoint is nil
// unless its callers speak a format of their own.
func (a *API) serve(r route, c echo.Context, e *Endpoint) {
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
	if err := a.serveAllowed(r, x); err != nil {
		x.fail(err)
	}
}

// serveAllowed serves a route if its access rule is satisfied.
func (a *API) serveAllowed(r route, x *exchange) error {
	if x.r.Method != r.method && x.endpoint != nil {
		return x.wrongMethod(r.method)
	}
	switch r.access {
	case forAnyone:
	case forCallers:
		if err := a.authenticateCaller(x); err != nil {
			return err
		}
	case forAdmins:
		if err := a.authorizeAdmin(x); err != nil {
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

// noRoute answers for paths and methods that no route has.
func (a *API) noRoute(routes []route, err error, c echo.Context) {
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
		Message: "There is no endpoint " + printablePath(x.r.URL.Path) + ". Endpoints: " + routeList(routes) + "."})
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
		if !strings.HasPrefix(r.path, "/chat") && !strings.HasPrefix(r.path, "/models") {
			names = append(names, r.method+" "+readablePath(r.path))
		}
	}
	return strings.Join(names, ", ")
}
