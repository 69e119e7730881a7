package httpapi

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestEveryChangeIsAudited calls all routes of the admin API by an admin and by a caller
// without a role. A route that is added is audited unless it is a GET, or RolesFor's
// neighbor Changes names it; the ones that it names are here too.
func TestEveryChangeIsAudited(t *testing.T) {
	questions := []string{"POST /admin/v1/explain", "POST /admin/v1/requests/:id/replay", "POST /admin/v1/routes/compare", "POST /admin/v1/policy/diff"}
	a := newAPI(t, completeWithKeys(t))
	ops := a.operators.(*FakeAdmin)
	for _, r := range a.admin {
		name := r.method + " " + r.path
		want := 1
		if r.method == "GET" || strings.Contains(strings.Join(questions, "\n"), name) {
			want = 0
		}
		for key, outcome := range map[string]string{"admin": "", "vip": audit.Refused} {
			before, kept := len(ops.Audited()), len(auditLog(t, ops))
			ask(a.Admin, r, key)
			audited := ops.Audited()[before:]
			if n := len(audited) + len(auditLog(t, ops)) - kept; n != want {
				t.Errorf("%s by %s: %d entries, want %d", name, key, n, want)
			}
			for _, e := range audited {
				if e.Key == "" || e.Address == "" || e.Action != strings.Replace(name, ":id", "{id}", 1) || outcome != "" && e.Outcome != outcome {
					t.Errorf("%s by %s: the entry is %+v", name, key, e)
				}
			}
		}
		for _, key := range []string{"", "bad"} {
			before := len(ops.Audited())
			if ask(a.Admin, r, key); len(ops.Audited()) != before {
				t.Errorf("%s by a caller who is not known is audited: anyone could fill the log", name)
			}
		}
	}
}

// auditLog returns the entries that were written in the transaction of their change.
func auditLog(t *testing.T, ops *FakeAdmin) []audit.Entry {
	t.Helper()
	list, _, err := ops.Log.List(t.Context(), audit.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAuditedEntries(t *testing.T) {
	token := "pk_" + strings.Repeat("A", 57)
	for _, c := range []struct {
		method, target, body string
		want                 audit.Entry
	}{
		{"DELETE", "/admin/v1/cache?team=a%20b", "", audit.Entry{Action: "DELETE /admin/v1/cache", Object: "team=a b", Outcome: audit.Done}},
		{"DELETE", "/admin/v1/cache?key=" + token, "", audit.Entry{Action: "DELETE /admin/v1/cache", Object: "key=…", Outcome: audit.Done}},
		{"POST", "/admin/v1/targets/open", `{"id":"openai/gpt-5","for":"10m"}`, audit.Entry{Action: "POST /admin/v1/targets/open", After: []byte(`{"for":"10m","id":"openai/gpt-5"}`), Outcome: audit.Done}},
		{"POST", "/admin/v1/targets/open", `{"id":"x","api_key":"sk","note":"` + token + `","list":[{"password":"p"},1]}`,
			audit.Entry{Action: "POST /admin/v1/targets/open", After: []byte(`{"api_key":"…","id":"x","list":[{"password":"…"},1],"note":"…"}`), Outcome: audit.Refused,
				Detail: `Send a JSON object with the member id, a target or credential as GET /admin/v1/targets shows it, and to open it perhaps for, such as "10m".`}},
		{"POST", "/admin/v1/teams/a%2Fb/members", `[`, audit.Entry{Action: "POST /admin/v1/teams/{id}/members", Object: "a/b", Outcome: audit.Refused,
			Detail: `The body is invalid: the JSON ends too early. Send {"user": "alice", "role": "member" or "admin"}.`}},
	} {
		a := newAPI(t, completeWithKeys(t))
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer admin")
		a.Admin.ServeHTTP(httptest.NewRecorder(), r)
		c.want.Key, c.want.Address = "k2", "192.0.2.1"
		if d := cmp.Diff([]audit.Entry{c.want}, a.operators.(*FakeAdmin).Audited(), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.method, c.target, d)
		}
	}
}

// TestKeysAreAuditedWithTheirChange creates a key by the admin API: its entry is in the
// database, and only there.
func TestKeysAreAuditedWithTheirChange(t *testing.T) {
	a := newAPI(t, completeWithKeys(t))
	r := httptest.NewRequest("POST", "/admin/v1/keys", strings.NewReader(`{"name":"ci","models":["gpt-*"]}`))
	r.Header.Set("Authorization", "Bearer admin")
	w := httptest.NewRecorder()
	a.Admin.ServeHTTP(w, r)
	ops := a.operators.(*FakeAdmin)
	entries := auditLog(t, ops)
	if w.Code != 200 || len(ops.Audited()) != 0 || len(entries) != 1 {
		t.Fatalf("%d %s, audited %v and %v", w.Code, w.Body, ops.Audited(), entries)
	}
	e := entries[0]
	if !strings.HasPrefix(e.Object, "key ") || string(e.After) != `{"name":"ci","models":["gpt-*"]}` || e.Before != nil || e.Outcome != audit.Done || e.Key != "k2" {
		t.Errorf("entry %+v", e)
	}
	if token := w.Body.String(); strings.Contains(token, string(e.After)) || strings.Contains(string(e.After), "pk_") {
		t.Errorf("a secret is in the audit log: %s", e.After)
	}
}

// TestRecordsOfOthers has records shown to whom they belong: viewers see them without texts.
func TestRecordsOfOthers(t *testing.T) {
	a := newAPI(t, complete())
	for key, want := range map[string]struct {
		status int
		texts  bool
	}{"admin": {200, true}, "member": {200, true}, "viewer": {200, false}, "vip": {403, false}} {
		r := httptest.NewRequest("GET", "/admin/v1/requests/req_1", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		a.Admin.ServeHTTP(w, r)
		if w.Code != want.status || strings.Contains(w.Body.String(), "the prompt") != want.texts || strings.Contains(w.Body.String(), "the answer") != want.texts {
			t.Errorf("%s: %d %s", key, w.Code, w.Body)
		}
	}
	// A member does not see what belongs to others.
	x := &exchange{who: llm.Principal{KeyID: "k9", User: "eve", Roles: []string{llm.RoleMember}}}
	for _, r := range admin.Routes(a.operators) {
		if r.Path != "/admin/v1/requests/{id}" {
			continue
		}
		req := httptest.NewRequest("GET", "/", nil)
		req.SetPathValue("id", "req_1")
		if reply, err := r.Serve(req, operatorInput{x}); llm.AsError(err).Status != 404 {
			t.Errorf("another member: %s, %v", reply.Body, err)
		}
	}
}

// TestKeyOnLoopback has a key that is sent count where none is needed.
func TestKeyOnLoopback(t *testing.T) {
	f := completeWithKeys(t)
	f.AdminAuth = AdminLoopback
	a := newAPI(t, f)
	for key, want := range map[string]int{"": 200, "admin": 200, "viewer": 403, "bad": 401} {
		r := httptest.NewRequest("POST", "/admin/v1/reload", nil)
		r.RemoteAddr, r.Host = "127.0.0.1:5", "127.0.0.1"
		if key != "" {
			r.Header.Set("x-api-key", key)
		}
		w := httptest.NewRecorder()
		a.Admin.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("key %q: %d, want %d", key, w.Code, want)
		}
	}
	r := httptest.NewRequest("DELETE", "/admin/v1/cache?key=abcdefgh", nil) // a key's id, and no credential
	r.RemoteAddr, r.Host = "127.0.0.1:5", "127.0.0.1"
	w := httptest.NewRecorder()
	if a.Admin.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("purge by key: %d %s", w.Code, w.Body)
	}
}
