package httpapi

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/httpapi/openapi"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// wirePaths are the paths of the real formats.
type wirePaths struct{ fakeFormats }

func (wirePaths) Paths() (all []Path) {
	for _, f := range wire.Formats {
		for _, path := range f.Paths {
			all = append(all, Path{path, f.Title})
		}
	}
	return all
}

// TestEveryRouteIsDescribed compares the routes of both listeners with the OpenAPI document, both
// ways. Pages of the dashboard are not in it; Gemini's methods are routed by the format.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	f := complete()
	o := f.Options()
	o.Formats, o.Dashboard = wirePaths{fakeFormats{f}}, dashboard.New(dashboard.Options{})
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var described [2][]string
	for _, op := range openapi.Parsed().Operations {
		if strings.Contains(op.Path, ":") {
			if _, ok := wire.ClientAt(strings.Replace(op.Path, "{model}", "m", 1), ""); !ok || !op.Data {
				t.Errorf("%s is described, and no format serves it", op.Path)
			}
			continue
		}
		for i, on := range []bool{op.Data, op.Admin} {
			for _, path := range append([]string{op.Path}, op.Aliases...) {
				if on && (i == 0 || path == op.Path) {
					described[i] = append(described[i], op.Method+" "+path)
				}
			}
		}
	}
	for i, routes := range [][]route{a.data, a.admin} {
		var served []string
		for _, r := range routes {
			if r.access != forPages {
				served = append(served, r.method+" "+readablePath(r.path))
			}
		}
		slices.Sort(served)
		slices.Sort(described[i])
		if d := cmp.Diff(served, described[i]); d != "" {
			t.Errorf("%s listener (-routes +document):\n%s", []string{"data", "admin"}[i], d)
		}
	}
}

// TestDescribedRoles compares x-roles with the rule.
func TestDescribedRoles(t *testing.T) {
	t.Parallel()
	a := newAPI(t, complete())
	for _, op := range openapi.Parsed().Operations {
		for _, r := range a.admin {
			if r.access != forOperators || r.method != op.Method || readablePath(r.path) != op.Path {
				continue
			}
			for _, role := range []string{"viewer", "member", "admin"} {
				if got := slices.Contains(op.Roles, role); got != r.roles.Admits([]string{role}) {
					t.Errorf("%s %s: the document gives %s %t", op.Method, op.Path, role, got)
				}
			}
		}
	}
}

func TestDocumentIsServed(t *testing.T) {
	t.Parallel()
	a := newAPI(t, complete())
	for _, h := range []http.Handler{a.Data, a.Admin} {
		for path, want := range map[string]string{"/openapi.yaml": "openapi: 3.1.0", "/openapi.json": "{"} {
			resp := recorded(h, path, "admin")
			if body := resp.Body.String(); resp.Code != http.StatusOK || !strings.HasPrefix(body, want) || !strings.Contains(resp.Header().Get("Content-Type"), "openapi") {
				t.Errorf("%s: %d %s %.40s", path, resp.Code, resp.Header(), body)
			}
		}
	}
}

// recorded gets a path with a key.
func recorded(h http.Handler, path, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestLiveRequestsAreStreamed(t *testing.T) {
	t.Parallel()
	w := recorded(newAPI(t, complete()).Admin, "/admin/v1/requests/live", "viewer")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/x-ndjson" || !w.Flushed || !strings.HasPrefix(w.Body.String(), "\n") {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
}
