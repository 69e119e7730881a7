package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// crossOrigin lets pages of the allowed origins read replies. The API uses no cookies, so
// a page's script has to send the key itself, and Access-Control-Allow-Credentials stays
// off.
func (a *API) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.originAllowed(w, r) && isPreflight(r) {
			a.preflight(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// originAllowed reports whether a page of an allowed origin sent the request, and then
// sets Access-Control-Allow-Origin. If any origin is allowed, it sets Vary.
func (a *API) originAllowed(w http.ResponseWriter, r *http.Request) bool {
	allowed := a.service.AllowedOrigins()
	if len(allowed) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header["Origin"]
	switch {
	case len(origin) != 1:
		return false
	case slices.Contains(allowed, "*"):
		h["Access-Control-Allow-Origin"] = []string{"*"}
	case slices.Contains(allowed, origin[0]):
		h["Access-Control-Allow-Origin"] = origin
	default:
		return false
	}
	return true
}

// isPreflight reports whether a request is a browser's CORS preflight.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight needs no key, because browsers send none with it. It allows every header: the
// origin of a page does not decide what a request may contain.
func (a *API) preflight(w http.ResponseWriter, r *http.Request) {
	x := a.exchange(w, r, true)
	defer x.end()
	defer x.logAccess()
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	h["Access-Control-Allow-Methods"] = []string{"GET, HEAD, POST"}
	if requested := r.Header["Access-Control-Request-Headers"]; len(requested) > 0 {
		h["Access-Control-Allow-Headers"] = []string{strings.Join(requested, ", ")}
	}
	h["Access-Control-Max-Age"] = []string{"600"}
	x.closeIfUnread()
	x.reply.sent = true
	x.w.WriteHeader(http.StatusNoContent)
}

// exposeHeaders names the headers of a reply that a page's script may read: the
// gateway's own, and those that SDKs look for.
func exposeHeaders(h http.Header) {
	if len(h["Access-Control-Allow-Origin"]) == 0 {
		return
	}
	var names []string
	for name := range h {
		if strings.HasPrefix(name, "X-Penstock-") || strings.HasPrefix(name, "X-Ratelimit-") || slices.Contains(exposedHeaders[:], name) {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	h["Access-Control-Expose-Headers"] = []string{strings.Join(names, ", ")}
}

// exposedHeaders are further headers that scripts may read.
var exposedHeaders = [...]string{"X-Request-Id", "Request-Id", "Retry-After", "Retry-After-Ms", "X-Should-Retry", "Warning"}
