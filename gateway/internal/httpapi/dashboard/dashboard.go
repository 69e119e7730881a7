// Package dashboard is the gateway's web interface for operators: pages that are rendered on
// the server, from templates, with live parts by server-sent events. It decides who is signed
// in, reads what a page asks for, and renders.
//
// It knows the gateway by the interface Gateway only, and does not make charts itself: package
// chart does. Which addresses may reach it at all is decided by package httpapi.
package dashboard

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Options are what a dashboard is made of. Gateway, Authenticate and Holder are required.
type Options struct {
	Gateway Gateway
	// Authenticate returns the holder of a key that a request signs in with. It slows down
	// those who try keys. Holder returns the holder as
	// it is now, so that a session ends with its key.
	Authenticate func(r *http.Request, token string) (llm.Principal, error)
	Holder       func(ctx context.Context, keyID string) (llm.Principal, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log receives the dashboard's own errors; nil discards them.
	Log *slog.Logger
}

// Dashboard serves the pages. It is safe for concurrent use and starts no goroutines.
type Dashboard struct {
	gateway      Gateway
	authenticate func(*http.Request, string) (llm.Principal, error)
	sessions     *sessions
	now          func() time.Time
	log          *slog.Logger
}

// New returns a dashboard.
func New(o Options) *Dashboard {
	d := &Dashboard{gateway: o.Gateway, authenticate: o.Authenticate, now: o.Now, log: o.Log}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.sessions = newSessions(d.now, o.Holder)
	return d
}

// Route is one address of the dashboard. Its path may have the parameter {id}, which the
// request's PathValue returns.
type Route struct {
	Method, Path string
	// Open routes serve callers who are not signed in; they show nothing of the gateway.
	Open bool
	// Summary describes the page in one line.
	Summary string
	Serve   http.HandlerFunc
}

// Routes returns all addresses.
func (d *Dashboard) Routes() []Route {
	routes := []Route{
		{http.MethodGet, "/sign-in", true, "sign in to the dashboard", d.signInPage},
		{http.MethodPost, "/sign-in", true, "sign in to the dashboard", d.signIn},
		{http.MethodPost, "/sign-out", false, "sign out of the dashboard", d.signOut},
		{http.MethodGet, "/", false, "dashboard: is everything all right, and what does it cost", d.home},
		{http.MethodGet, "/spend", false, "dashboard: who spent what, on what, and where it is going", d.spend},
		{http.MethodGet, "/spend.csv", false, "spend as a table, by the parameters of /admin/v1/spend", d.spendCSV},
		{http.MethodGet, "/health", false, "dashboard: which target is slow or failing", d.health},
		{http.MethodGet, "/requests", false, "dashboard: the latest requests, live", d.requests},
		{http.MethodGet, "/requests/live", false, "dashboard: requests as they end, as server-sent events", d.live},
		{http.MethodGet, "/docs", false, "dashboard: the API, to read", d.docs},
		{http.MethodGet, "/requests/{id}", false, "dashboard: why one request was treated as it was", d.request},
		{http.MethodGet, "/playground", false, "dashboard: try a prompt on two models beside each other", d.playground},
		{http.MethodPost, "/playground/run", false, "dashboard: one request of the playground, as server-sent events", d.tryRequest},
		{http.MethodGet, "/policies", false, "dashboard: what decides, and what a change would do", d.policies},
		{http.MethodPost, "/policies", false, "dashboard: recorded requests decided on again by changed policies", d.whatIf},
		{http.MethodGet, "/keys", false, "dashboard: who may do what, and how full their budgets are", d.keys},
		{http.MethodPost, "/keys", false, "dashboard: create a key", d.createKey},
		{http.MethodPost, "/keys/{id}/rotate", false, "dashboard: replace a key", d.rotateKey},
		{http.MethodPost, "/keys/{id}/revoke", false, "dashboard: revoke a key", d.revokeKey},
		{http.MethodPost, "/raises", false, "dashboard: raise limits until a time", d.raise},
		{http.MethodPost, "/raises/{id}/end", false, "dashboard: end a raise early", d.endRaise},
		{http.MethodPost, "/teams", false, "dashboard: create a team", d.createTeam},
		{http.MethodPost, "/teams/{id}/block", false, "dashboard: block a team, or let it work again", d.blockTeam},
		{http.MethodPost, "/users", false, "dashboard: create a user", d.createUser},
		{http.MethodPost, "/users/{id}/block", false, "dashboard: block a user, or let it work again", d.blockUser},
		{http.MethodGet, "/audit", false, "dashboard: who changed what", d.audit},
	}
	for i := range routes {
		if !routes[i].Open {
			routes[i].Serve = d.signedIn(d.readable(routes[i]))
		}
	}
	return append(routes, d.staticRoutes()...)
}

//go:embed static
var static embed.FS

// staticRoutes serve the style sheet and the scripts.
func (d *Dashboard) staticRoutes() []Route {
	var routes []Route
	entries, _ := fs.ReadDir(static, "static") // it is embedded
	for _, e := range entries {
		routes = append(routes, Route{http.MethodGet, "/static/" + e.Name(), true, "a file of the dashboard", serveFile(e.Name())})
	}
	return routes
}

// serveFile serves one file. Browsers ask again for it whenever they use it, and get it only
// when the gateway has another version.
func serveFile(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Etag", staticTags()[name])
		http.ServeFileFS(w, r, static, "static/"+name)
	}
}
