package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func (a *API) adminRoutes() []route {
	all := append(a.pageRoutes(), []route{
		operatorRoute(http.MethodGet, "/openapi.yaml", "this API, as OpenAPI has it", serveDocument),
		operatorRoute(http.MethodGet, "/openapi.json", "the same as JSON", serveDocument),
		{method: http.MethodGet, path: "/healthz", access: forAnyone, summary: "whether the process is up", serve: a.health},
		operatorRoute(http.MethodGet, "/readyz", "whether requests can be served, and what is wrong", a.readyDetail),
	}...)
	if a.operators == nil {
		return all
	}
	all = append(all, operatorRoute(http.MethodGet, "/metrics", "metrics for Prometheus", a.metrics(a.operators.Metrics())))
	for _, r := range admin.Routes(a.operators) {
		all = append(all, operatorRoute(r.Method, r.Path, r.Summary, a.operation(r.Serve)))
	}
	return all
}

// operatorRoute is a route for operators. Its roles, and whether it is audited, follow from
// its method and path: so no route can lack them.
func operatorRoute(method, path, summary string, serve func(*exchange) error) route {
	r := route{method: method, path: strings.Replace(path, "{id}", ":id", 1), access: forOperators, summary: summary, serve: serve, roles: admin.RolesFor(method, path)}
	if admin.Changes(method, path) {
		r.action = method + " " + path
	}
	return r
}

// pageRoutes are those of the dashboard.
func (a *API) pageRoutes() []route {
	if a.dashboard == nil {
		return nil
	}
	all := []route{operatorRoute(http.MethodPost, "/admin/v1/sign-in", "a link that signs in to the dashboard, once, within ten minutes", a.signInLink)}
	for _, r := range a.dashboard.Routes() {
		all = append(all, route{method: r.Method, path: strings.Replace(r.Path, "{id}", ":id", 1), access: forPages, summary: r.Summary, serve: page(r.Serve)})
	}
	return all
}

// page serves a page of the dashboard, which writes the reply itself.
func page(serve http.HandlerFunc) func(*exchange) error {
	return func(x *exchange) error {
		x.r.SetPathValue("id", x.pathID())
		x.reply.sent = true
		serve(x.w, x.r)
		return nil
	}
}

// signInLink serves POST /admin/v1/sign-in.
func (a *API) signInLink(x *exchange) error {
	if !x.operator && x.who.KeyID == "" { // the dashboard takes a principal without one for the operator
		return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "Only the holder of a key can be signed in."}
	}
	return x.json(http.StatusOK, map[string]string{"path": a.dashboard.SignInPath(x.who)})
}

// metrics serves GET /metrics with a handler that writes the reply itself.
func (a *API) metrics(h http.Handler) func(*exchange) error {
	return func(x *exchange) error {
		x.closeIfUnread()
		x.reply.sent = true
		h.ServeHTTP(x.w, x.r)
		return nil
	}
}

// operation serves an endpoint of package admin.
func (a *API) operation(serve admin.Handler) func(*exchange) error {
	return func(x *exchange) error {
		x.r.SetPathValue("id", x.pathID())
		reply, err := serve(x.r, operatorInput{x})
		if err != nil {
			return err
		}
		if reply.Filename != "" {
			x.w.Header()["Content-Disposition"] = []string{`attachment; filename="` + reply.Filename + `"`}
		}
		if reply.Stream != nil {
			return x.stream(reply)
		}
		x.send(http.StatusOK, reply.ContentType, reply.Body)
		return nil
	}
}

// stream sends a reply of package admin as it comes. What ends it early ends the connection.
func (x *exchange) stream(reply admin.Reply) error {
	x.closeIfUnread()
	h := x.w.Header()
	h["Content-Type"], h["Cache-Control"] = []string{reply.ContentType}, []string{"no-store"}
	x.reply.sent = true
	if x.r.Method == http.MethodHead {
		return nil
	}
	return reply.Stream(x.r.Context(), func(p []byte) error {
		if _, err := x.w.Write(p); err != nil {
			return err
		}
		return x.rc.Flush()
	})
}

// pathID returns the id in a route's path. The router leaves it escaped where the path has
// escaped slashes.
func (x *exchange) pathID() string {
	id := x.param("id")
	if x.r.URL.RawPath == "" {
		return id
	}
	if plain, err := url.PathUnescape(id); err == nil {
		return plain
	}
	return id
}

// operatorInput reads an operator's request for package admin.
type operatorInput struct{ x *exchange }

var _ admin.Input = operatorInput{}

// Body implements admin.Input.
func (in operatorInput) Body() ([]byte, error) {
	body, err := in.x.body()
	if t := audit.From(in.x.r.Context()); t != nil && err == nil {
		t.Entry.After = auditedBody(body)
	}
	return body, err
}

// Caller implements admin.Input.
func (in operatorInput) Caller() (llm.Principal, bool) { return in.x.who, in.x.operator }

// Operator implements admin.Input.
func (in operatorInput) Operator() string {
	switch who := in.x.who; {
	case who.KeyID != "":
		return "key " + who.KeyID + " (" + who.Name + ")"
	case !in.x.operator:
		return "user " + who.User
	}
	return "without a key, from " + in.x.r.RemoteAddr
}

// Request implements admin.Input. The request is explained for a caller, so its principal is
// not the operator.
func (in operatorInput) Request(path string, body []byte) (*llm.Request, func(), error) {
	fromHeaders, err := tags.FromHeaders(in.x.r.Header)
	if err != nil {
		return nil, nil, err
	}
	if path == "" {
		if path, err = in.x.api.formats.Guess(body); err != nil {
			return nil, nil, err
		}
	}
	format, ok := in.x.api.formats.Open(path, nil, in.x.id)
	if !ok {
		format.Close()
		return nil, nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "endpoint",
			Message: "endpoint: requests can't be sent to " + printablePath(path) + "; write messages, responses, chat/completions, or a path such as /v1beta/models/NAME:streamGenerateContent."}
	}
	in.x.who = llm.Principal{}
	req, err := in.x.api.requestOf(in.x, format, llm.Incoming{Path: path, Body: body}, fromHeaders)
	if err != nil {
		format.Close()
		return nil, nil, err
	}
	return req, format.Close, nil
}
