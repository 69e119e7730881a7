package httpapi

import (
	"database/sql"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	_ "modernc.org/sqlite"
)

// complete is a fake that offers every endpoint and asks for keys on both handlers.
func complete() *Fake {
	return &Fake{Keys: KeysRequired, ModelList: []Model{{ID: "x"}}, Admin: new(FakeAdmin), AdminAuth: AdminKey}
}

// newAPI returns the API of a fake.
func newAPI(t testing.TB, f *Fake) *API {
	t.Helper()
	a, err := New(f.Options())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNewChecksWhatIsRequired(t *testing.T) {
	valid := new(Fake).Options()
	for name, o := range map[string]Options{"no service": {Formats: valid.Formats}, "no formats": {Service: valid.Service}} {
		if a, err := New(o); err == nil {
			t.Errorf("%s: New = %v, want an error", name, a)
		}
	}
}

// TestEveryRouteHasItsRule walks all registered routes with every kind of caller. A
// route that is added without a rule answers 403 to everybody and fails here.
func TestEveryRouteHasItsRule(t *testing.T) {
	a := newAPI(t, completeWithKeys(t))
	callers := map[string][]string{"": nil, "bad": nil, "vip": nil, "member": {llm.RoleMember}, "viewer": {llm.RoleViewer}, "admin": {llm.RoleAdmin}}
	walked := 0
	for _, l := range []struct {
		h      http.Handler
		routes []route
	}{{a.Data, a.data}, {a.Admin, a.admin}} {
		h := l.h
		for _, r := range l.routes {
			walked++
			for key, roles := range callers {
				known := key != "" && key != "bad"
				var want int
				switch {
				case r.access == forAnyone || r.access == forCallers && known || r.access == forOperators && known && r.roles.Admits(roles):
					want = http.StatusOK
				case known:
					want = http.StatusForbidden
				default:
					want = http.StatusUnauthorized
				}
				got := ask(h, r, key)
				if want == http.StatusOK && slices.Contains([]int{400, 404, 409}, got) && strings.HasPrefix(r.path, "/admin/v1/") {
					got = want // the operation was reached, and refuses for a reason of its own
				}
				if got != want {
					t.Errorf("%s %s with key %q = %d, want %d", r.method, r.path, key, got, want)
				}
			}
		}
	}
	if walked < 38 {
		t.Errorf("only %d routes were walked", walked)
	}
}

// TestRoles has the roles of every admin route as a table of its own: whoever adds a route,
// or opens one to more roles, has to say so here too.
func TestRoles(t *testing.T) {
	readers, owners, everyone := admin.Viewer|admin.Admin, admin.Member|admin.Admin, admin.Viewer|admin.Member|admin.Admin
	want := map[string]admin.Roles{
		"GET /openapi.yaml": everyone, "GET /openapi.json": everyone, "GET /readyz": readers, "GET /metrics": readers,
		"GET /admin/v1/requests": everyone, "GET /admin/v1/requests/live": everyone, "GET /admin/v1/policies": readers, "GET /admin/v1/plugins": readers,
		"GET /admin/v1/requests/:id": everyone, "POST /admin/v1/requests/:id/replay": admin.Admin, "POST /admin/v1/routes/compare": admin.Admin,
		"POST /admin/v1/policy/diff": admin.Admin, "POST /admin/v1/explain": admin.Admin, "POST /admin/v1/reload": admin.Admin,
		"GET /admin/v1/spend": readers, "GET /admin/v1/budgets": readers, "POST /admin/v1/budgets": admin.Admin,
		"GET /admin/v1/limits": readers, "GET /admin/v1/raises": readers, "POST /admin/v1/raises": admin.Admin, "DELETE /admin/v1/raises/:id": admin.Admin,
		"GET /admin/v1/targets": readers, "POST /admin/v1/targets/open": admin.Admin, "POST /admin/v1/targets/close": admin.Admin,
		"GET /admin/v1/cache": readers, "DELETE /admin/v1/cache": admin.Admin,
		"GET /admin/v1/keys": everyone, "POST /admin/v1/keys": owners, "GET /admin/v1/keys/:id": everyone, "PATCH /admin/v1/keys/:id": owners,
		"DELETE /admin/v1/keys/:id": owners, "POST /admin/v1/keys/:id/rotate": owners,
		"GET /admin/v1/teams": everyone, "POST /admin/v1/teams": admin.Admin, "GET /admin/v1/teams/:id": everyone, "PATCH /admin/v1/teams/:id": admin.Admin,
		"DELETE /admin/v1/teams/:id": admin.Admin, "POST /admin/v1/teams/:id/members": admin.Admin, "DELETE /admin/v1/teams/:id/members": admin.Admin,
		"GET /admin/v1/users": everyone, "POST /admin/v1/users": admin.Admin, "GET /admin/v1/users/:id": everyone, "PATCH /admin/v1/users/:id": admin.Admin,
		"DELETE /admin/v1/users/:id": admin.Admin, "GET /admin/v1/audit": admin.Admin,
	}
	got := map[string]admin.Roles{}
	for _, r := range newAPI(t, complete()).admin {
		if r.access == forOperators {
			got[r.method+" "+r.path] = r.roles
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("roles (-want +got):\n%s", d)
	}
}

// completeWithKeys is complete with keys, teams and users in a database.
func completeWithKeys(t testing.TB) *Fake {
	t.Helper()
	f := complete()
	f.Admin = newFakeAdmin(t)
	return f
}

// newFakeAdmin returns a FakeAdmin with keys, teams and users in a database.
func newFakeAdmin(t testing.TB) *FakeAdmin {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "keys.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ring, err := keys.Open(t.Context(), db, keys.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return &FakeAdmin{Ring: ring, Log: log}
}

// ask sends a request to a route and returns the reply's status. A key that begins with
// "=" is the whole Authorization header.
func ask(h http.Handler, r route, key string) int {
	path := strings.NewReplacer(":id", "req_1", "*", "x", "/admin/v1/cache", "/admin/v1/cache?all=true").Replace(r.path)
	body := map[string]string{"/v1/chat/completions": "{}", "/chat/completions": "{}", "/v1/messages": "{}", "/admin/v1/explain": "{}",
		"/admin/v1/raises":  `{"scope":"key:k","unit":"usd","window":"day","by":1,"until":"+1d"}`,
		"/admin/v1/budgets": `{"scope":"key:k","unit":"usd","window":"day","used":1}`,
		"/v1/feedback":      `{"request_id":"req_1","score":1}`, "/feedback": `{"request_id":"req_1","score":1}`,
		"/admin/v1/routes/compare": `{"routers":[{"router":"cost"},{"router":"quality"}]}`,
		"/admin/v1/policy/diff":    `{"files":{"x.rego":"package penstock"}}`,
		"/admin/v1/keys":           `{"name":"x"}`, "/admin/v1/keys/:id": `{"name":"x"}`, "/admin/v1/teams": `{"name":"x"}`, "/admin/v1/users": `{"name":"x"}`,
		"/admin/v1/teams/:id": `{"blocked":true}`, "/admin/v1/users/:id": `{"blocked":true}`, "/admin/v1/teams/:id/members": `{"user":"a","role":"admin"}`,
		"/admin/v1/targets/open": `{"id":"x/y"}`, "/admin/v1/targets/close": `{"id":"x/y"}`}[r.path]
	req := httptest.NewRequest(r.method, path, strings.NewReader(body))
	if header, ok := strings.CutPrefix(key, "="); ok {
		req.Header.Set("Authorization", header)
	} else if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code
}

func TestRouteWithoutRuleServesNobody(t *testing.T) {
	a := newAPI(t, complete())
	r := route{method: http.MethodGet, path: "/x", serve: func(*exchange) error { t.Error("served"); return nil }}
	if got := ask(a.handler([]route{r}, false), r, "admin"); got != http.StatusForbidden {
		t.Errorf("status %d", got)
	}
}

func TestCredentials(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
		want    string
		bad     bool
	}{
		{"none", nil, "", false},
		{"bearer", []string{"Authorization", "Bearer k"}, "k", false},
		{"bearer in small letters", []string{"authorization", "bearer  k "}, "k", false},
		{"basic is no key", []string{"Authorization", "Basic aaa"}, "", true},
		{"another scheme", []string{"Authorization", "Token k"}, "", true},
		{"no scheme", []string{"Authorization", "k"}, "", true},
		{"no scheme, beside a good one", []string{"Authorization", "k", "x-api-key", "k"}, "", true},
		{"basic, then bearer", []string{"Authorization", "Basic aaa", "Authorization", "Bearer k"}, "", true},
		{"empty", []string{"Authorization", "", "x-api-key", ""}, "", false},
		{"bearer of nothing", []string{"Authorization", "Bearer "}, "", false},
		{"query", []string{"?", "key=k"}, "k", false},
		{"query and header", []string{"?", "a=b&key=k", "x-api-key", "k"}, "k", false},
		{"query against header", []string{"?", "key=l", "x-api-key", "k"}, "", true},
		{"two in the query", []string{"?", "key=k&key=l"}, "", true},
		{"query, escaped", []string{"?", "%6bey=k"}, "k", false},
		{"anthropic", []string{"x-api-key", "k"}, "k", false},
		{"gemini", []string{"x-goog-api-key", "k"}, "k", false},
		{"azure", []string{"api-key", "k"}, "k", false},
		{"the same twice", []string{"Authorization", "Bearer k", "x-api-key", "k", "api-key", ""}, "k", false},
		{"two", []string{"Authorization", "Bearer k", "x-api-key", "l"}, "", true},
		{"two in one header", []string{"x-api-key", "k", "x-api-key", "l"}, "", true},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for i := 0; i < len(c.headers); i += 2 {
			if c.headers[i] == "?" {
				r.URL.RawQuery = c.headers[i+1]
				continue
			}
			r.Header.Add(c.headers[i], c.headers[i+1])
		}
		got, err := credential(r)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestKeyModes(t *testing.T) {
	for _, c := range []struct {
		mode   KeyMode
		key    string
		status int
	}{
		{KeysOff, "", 200}, {KeysOff, "bad", 200},
		{KeysOptional, "", 200}, {KeysOptional, "bad", 401}, {KeysOptional, "member", 200},
		{KeysOptional, "=member", 401}, {KeysOptional, "=Token member", 401}, {KeysOptional, "=Basic bWVtYmVy", 401},
		{KeysOptional, "=bearer", 200}, {KeysOff, "=Basic bWVtYmVy", 200}, {KeysRequired, "=member", 401},
		{KeysRequired, "", 401}, {KeysRequired, "member", 200},
	} {
		f := complete()
		f.Keys = c.mode
		a := newAPI(t, f)
		if got := ask(a.Data, a.data[0], c.key); got != c.status {
			t.Errorf("keys %s, key %q: %d, want %d", c.mode, c.key, got, c.status)
		}
	}
}

func TestRefusedCallersAreCounted(t *testing.T) {
	f := complete()
	refused := map[string]int{}
	f.Admin = &FakeAdmin{Refused: refused}
	a := newAPI(t, f)
	for _, key := range []string{"", "bad", "=Basic aaa", "member"} {
		ask(a.Data, a.data[0], key)
	}
	if want := map[string]int{RefusedMissing: 1, RefusedInvalid: 2}; !maps.Equal(refused, want) {
		t.Errorf("refused %v, want %v", refused, want)
	}
}

func TestLoopbackAdmin(t *testing.T) {
	for _, c := range []struct {
		name, remote, host string
		headers            []string
		ok                 bool
	}{
		{"curl", "127.0.0.1:5", "127.0.0.1:8081", nil, true},
		{"by name", "127.0.0.1:5", "localhost:8081", nil, true},
		{"IPv6", "[::1]:5", "[::1]:8081", nil, true},
		{"mapped IPv4", "[::ffff:127.0.0.1]:5", "127.0.0.1", nil, true},
		{"own page", "127.0.0.1:5", "127.0.0.1:8081", []string{"Origin", "http://127.0.0.1:8081", "Sec-Fetch-Site", "same-origin"}, true},
		{"another machine", "192.0.2.1:5", "127.0.0.1:8081", nil, false},
		{"rebinding", "127.0.0.1:5", "evil.example:8081", nil, false},
		{"looks like loopback", "127.0.0.1:5", "127.0.0.1.evil.example", nil, false},
		{"localhost's child", "127.0.0.1:5", "localhost.evil.example:8081", nil, false},
		{"no host", "127.0.0.1:5", "", nil, false},
		{"foreign page", "127.0.0.1:5", "127.0.0.1:8081", []string{"Origin", "https://evil.example"}, false},
		{"another port", "127.0.0.1:5", "127.0.0.1:8081", []string{"Origin", "http://127.0.0.1:3000"}, false},
		{"file page", "127.0.0.1:5", "127.0.0.1:8081", []string{"Origin", "null"}, false},
		{"foreign link", "127.0.0.1:5", "127.0.0.1:8081", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"foreign link, sent twice", "127.0.0.1:5", "127.0.0.1:8081", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Site", "cross-site"}, false},
		{"typed in", "127.0.0.1:5", "127.0.0.1:8081", []string{"Sec-Fetch-Site", "none"}, true},
		{"proxy", "127.0.0.1:5", "127.0.0.1:8081", []string{"X-Forwarded-For", "192.0.2.1"}, false},
		{"proxy, empty", "127.0.0.1:5", "127.0.0.1:8081", []string{"X-Forwarded-For", ""}, false},
		{"Via", "127.0.0.1:5", "127.0.0.1:8081", []string{"Via", "1.1 proxy"}, false},
		{"a load balancer's trace", "127.0.0.1:5", "127.0.0.1:8081", []string{"X-Amzn-Trace-Id", "Root=1"}, false},
		{"CF-Visitor", "127.0.0.1:5", "127.0.0.1:8081", []string{"CF-Visitor", "{}"}, false},
		{"X-Scheme", "127.0.0.1:5", "127.0.0.1:8081", []string{"X-Scheme", "https"}, false},
		{"a certificate", "127.0.0.1:5", "127.0.0.1:8081", []string{"Ssl-Client-Cert", "x"}, false},
		{"scheme", "127.0.0.1:5", "127.0.0.1:8081", []string{"X-Forwarded-Proto", "https"}, false},
		{"another variant", "127.0.0.1:5", "127.0.0.1:8081", []string{"X-Forwarded-Anything", "x"}, false},
		{"Cloudflare", "127.0.0.1:5", "127.0.0.1:8081", []string{"CF-Connecting-IP", "192.0.2.1"}, false},
		{"Akamai", "127.0.0.1:5", "127.0.0.1:8081", []string{"True-Client-IP", "192.0.2.1"}, false},
		{"client", "127.0.0.1:5", "127.0.0.1:8081", []string{"X-Client-IP", "192.0.2.1"}, false},
		{"Fastly", "127.0.0.1:5", "127.0.0.1:8081", []string{"Fastly-Client-IP", "192.0.2.1"}, false},
		{"nginx", "127.0.0.1:5", "127.0.0.1:8081", []string{"X-Real-IP", "192.0.2.1"}, false},
		{"underscores", "127.0.0.1:5", "127.0.0.1:8081", []string{"X_Forwarded_For", "192.0.2.1"}, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Add(c.headers[i], c.headers[i+1])
		}
		if err := requireLoopback(r); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
