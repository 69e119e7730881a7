package httpapi

import (
	"net/http"
	"strings"
)

// tolerant takes paths as clients put them together: with a slash too many between base
// URL and path, or at the end.
func tolerant(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := tidy(r.URL.Path); path != r.URL.Path {
			u := *r.URL
			u.Path, u.RawPath = path, tidy(r.URL.RawPath)
			same := *r // as http.StripPrefix does it
			same.URL = &u
			r = &same
		}
		next.ServeHTTP(w, r)
	})
}

// tidy leaves one slash where several follow each other, and none at the end.
func tidy(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}
