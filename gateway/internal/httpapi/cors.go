package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// crossOrigin lets the pages of the configured origins read replies. There are no
// cookies here, so a page's script has to send the key itself, and credentials in the
// browser's sense stay off.
func (a *API) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.originAllowed(w, r) && isPreflight(r) {
			a.preflight(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// originAllowed reports whether a page of an allowed origin sent the request, and says
// so to its browser. With any origin allowed at all, caches learn that replies depend
// on it.
func (a *API) originAllowed(w http.ResponseWriter, r *http.Request) bool {
	allowed := a.o.Origins()
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

// isPreflight reports whether a browser asks what its page may send.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight answers without a key, because browsers send none with it. Every header
// may be sent: what a request may say is not decided by where its page came from.
func (a *API) preflight(w http.ResponseWriter, r *http.Request) {
	x := a.exchange(w, r)
	defer x.end()
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	h["Access-Control-Allow-Methods"] = []string{"GET, HEAD, POST"}
	if asked := r.Header["Access-Control-Request-Headers"]; len(asked) > 0 {
		h["Access-Control-Allow-Headers"] = []string{strings.Join(asked, ", ")}
	}
	h["Access-Control-Max-Age"] = []string{"600"}
	x.leaveBody()
	x.reply.sent = true
	w.WriteHeader(http.StatusNoContent)
}

// expose names the headers of a reply that the page's script may read: the gateway's
// own, and what SDKs look for.
func expose(h http.Header) {
	if len(h["Access-Control-Allow-Origin"]) == 0 {
		return
	}
	var names []string
	for name := range h {
		if strings.HasPrefix(name, "X-Penstock-") || strings.HasPrefix(name, "X-Ratelimit-") || slices.Contains(exposed[:], name) {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	h["Access-Control-Expose-Headers"] = []string{strings.Join(names, ", ")}
}

// exposed are headers of other names that scripts may read.
var exposed = [...]string{"X-Request-Id", "Retry-After", "Retry-After-Ms", "X-Should-Retry", "Warning"}
