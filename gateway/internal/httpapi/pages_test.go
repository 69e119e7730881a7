package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestPagesAreReached asks for every page of the dashboard from where it may and may not be
// reached. Who is signed in is the dashboard's to decide.
func TestPagesAreReached(t *testing.T) {
	for _, auth := range []AdminAuth{AdminLoopback, AdminKey} {
		f := complete()
		o := f.Options()
		o.AdminAuth, o.Dashboard = auth, dashboard.New(dashboard.Options{})
		a, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		walked := 0
		for _, r := range a.admin {
			if r.access != forPages || r.method != http.MethodGet || r.path == "/sign-in" {
				continue
			}
			walked++
			get := func(change func(*http.Request)) int {
				req := httptest.NewRequest(r.method, r.path, nil)
				req.RemoteAddr, req.Host = "127.0.0.1:1234", "127.0.0.1:8081"
				change(req)
				w := httptest.NewRecorder()
				a.Admin.ServeHTTP(w, req)
				return w.Code
			}
			if got := get(func(*http.Request) {}); got != http.StatusSeeOther && got != http.StatusOK {
				t.Errorf("%s: GET %s = %d, want a page or the way to sign in", auth, r.path, got)
			}
			for name, change := range map[string]func(*http.Request){
				"another page":   func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
				"another site":   func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
				"another host":   func(r *http.Request) { r.Host = "evil.example" },
				"another client": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" },
			} {
				local := name == "another host" || name == "another client"
				if got := get(change); got != http.StatusForbidden && (auth == AdminLoopback || !local) {
					t.Errorf("%s: GET %s from %s = %d, want 403", auth, r.path, name, got)
				}
			}
		}
		if walked < 5 {
			t.Errorf("only %d pages were walked", walked)
		}
	}
}

// TestSignInPathOfTheOperator: only where this machine needs no key does the output of the
// gateway have a link that signs its operator in.
func TestSignInPathOfTheOperator(t *testing.T) {
	for auth, link := range map[AdminAuth]bool{AdminLoopback: true, AdminKey: false} {
		o := complete().Options()
		o.AdminAuth, o.Dashboard = auth, dashboard.New(dashboard.Options{})
		a, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if path := a.SignInPath(); strings.Contains(path, "link=") != link || !strings.HasPrefix(path, "/sign-in") {
			t.Errorf("%s: %s", auth, path)
		}
	}
	o := complete().Options()
	o.Dashboard = dashboard.New(dashboard.Options{})
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	x := &exchange{api: a, who: llm.Principal{User: "eve", Roles: []string{llm.RoleAdmin}}}
	if err := a.signInLink(x); llm.AsError(err).Status != http.StatusForbidden {
		t.Errorf("a principal without a key gets %v", err)
	}
}

// TestPagesThatAreNone: a browser gets a page, where it may reach the dashboard at all, and programs
// get an error that lists the endpoints.
func TestPagesThatAreNone(t *testing.T) {
	o := complete().Options()
	o.AdminAuth = AdminLoopback
	o.Dashboard = dashboard.New(dashboard.Options{Gateway: noGateway{}})
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, accept, host string
		status                     int
		want                       string
	}{
		{"GET", "/nope", "text/html", "127.0.0.1", 404, "There is no page /nope."},
		{"GET", "/nope", "*/*", "127.0.0.1", 404, `"There is no endpoint /nope. Endpoints: `},
		{"GET", "/sign-out", "text/html", "127.0.0.1", 405, "GET does not work on /sign-out: use POST."},
		{"GET", "/nope", "text/html", "evil.example", 403, "Host header must name this machine"},
	} {
		r := httptest.NewRequest(c.method, "http://"+c.host+c.path, nil)
		r.RemoteAddr = "127.0.0.1:5"
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		a.Admin.ServeHTTP(w, r)
		isPage := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || isPage != (c.accept == "text/html" && c.status != 403) {
			t.Errorf("%s %s for %s of %s = %d %s %s", c.method, c.path, c.accept, c.host, w.Code, w.Header(), w.Body)
		}
	}
}

// noGateway is what an error page needs of a gateway.
type noGateway struct{ dashboard.Gateway }

func (noGateway) Version() string      { return "1" }
func (noGateway) Zone() *time.Location { return time.UTC }
