package httpapi

import (
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// cleanPaths accepts paths as clients put them together: with a slash too many between
// base URL and path, or at the end.
func cleanPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := cleanPath(r.URL.Path); path != r.URL.Path {
			r = at(r, path, cleanPath(r.URL.RawPath))
		}
		next.ServeHTTP(w, r)
	})
}

// withoutPrefix accepts paths with a prefix before them, and those without.
func withoutPrefix(next http.Handler, prefix string) http.Handler {
	if prefix == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := cutPrefix(r.URL.Path, prefix); ok {
			raw, _ := cutPrefix(r.URL.RawPath, prefix)
			r = at(r, path, raw)
		}
		next.ServeHTTP(w, r)
	})
}

// cutPrefix cuts a prefix that is a whole path, or the beginning of one.
func cutPrefix(path, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	if rest == "" && ok {
		return "/", true
	}
	if !ok || rest[0] != '/' {
		return path, false
	}
	return rest, true
}

// at is a request at another path, copied as http.StripPrefix does it.
func at(r *http.Request, path, raw string) *http.Request {
	u := *r.URL
	u.Path, u.RawPath = path, raw
	clone := *r
	clone.URL = &u
	return &clone
}

// cleanPath leaves one slash where several follow each other, and none at the end.
func cleanPath(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

// readablePath writes a route's parameter as API descriptions do.
func readablePath(path string) string {
	return strings.NewReplacer(":id", "{id}", "*", "{id}").Replace(path)
}

// truncate shortens a path or name from a client so that it can be repeated in a message.
func truncate(s string) string {
	const limit = 100
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}

// printablePath truncates a path and escapes its invisible characters.
func printablePath(path string) string { return strings.Trim(llm.Quote(truncate(path)), `"`) }
