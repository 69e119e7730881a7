package dashboard

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestKeys(t *testing.T) {
	g := (&fake{}).withKeys(t)
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	token := x.csrf(t)
	status, body := x.post(t, "/keys", url.Values{"csrf": {token}, "name": {"shop"}, "team": {"sales"}, "models": {"a, b*"}, "budget": {"$5"}, "window": {"day"}, "expires": {""}, "for": {"Codex"}})
	secret := regexp.MustCompile(`pk_\w+`).FindString(body)
	if status != 200 || secret == "" || !strings.Contains(body, "<details open><summary>Codex") {
		t.Fatalf("creating a key = %d %.2000s", status, body)
	}
	who, err := g.ring.Authenticate(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Principal{KeyID: who.KeyID, Name: "shop", Team: "sales", Models: []string{"a", "b*"}, Budget: llm.Budget{Max: 5 * llm.USD, Window: "day"}}
	if d := cmp.Diff(want.Models, who.Models); d != "" || who.Team != want.Team || who.Budget != want.Budget {
		t.Errorf("the key is of %+v, want %+v", who, want)
	}
	if _, body := x.get(t, "/keys"); strings.Contains(body, secret) || !strings.Contains(body, "$0 of $5.00 a day") {
		t.Errorf("the list of keys is %.3000s", body)
	}
	g.used = 2 * int64(llm.USD)
	if _, body := x.get(t, "/keys"); !strings.Contains(body, "$2.00 of $5.00 a day") {
		t.Errorf("the list of keys lacks what is used: %.3000s", body)
	}
	if status, body := x.post(t, "/keys/"+who.KeyID+"/rotate", url.Values{"csrf": {token}, "overlap": {"0s"}}); status != 200 || !strings.Contains(body, "pk_") || strings.Contains(body, secret) {
		t.Errorf("rotating = %d", status)
	}
	list, err := g.ring.List(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("keys %v, %v", list, err)
	}
	x.post(t, "/keys/"+list[1].ID+"/revoke", url.Values{"csrf": {token}})
	if list, _ = g.ring.List(t.Context()); list[1].Revoked.IsZero() {
		t.Error("the key is not revoked")
	}
	entries, _, err := g.trail.List(t.Context(), audit.Query{Limit: 10})
	if err != nil || len(entries) != 3 || entries[0].Action != "dashboard: revoke key" || entries[0].Outcome != audit.Done || entries[0].Address != "127.0.0.1" {
		t.Errorf("the audit log has %+v, %v", entries, err)
	}
	if _, body := x.get(t, "/audit"); !strings.Contains(body, "dashboard: rotate key") || strings.Contains(body, secret) {
		t.Error("the audit log's page lacks the rotation")
	}
}

// TestLongLists: a page shows a bounded number of limits, raises and targets, and says that there are more.
func TestLongLists(t *testing.T) {
	g := (&fake{}).withKeys(t)
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	rows := func(body string) (limits, raises int) {
		return strings.Count(body, `<tr tabindex="-1"><th scope="row" class="name"`), strings.Count(body, `<td class="wrap">–</td>`)
	}
	if _, body := x.get(t, "/keys"); g.scope != "*" || strings.Contains(body, "fullest of") || strings.Contains(body, "that end first") {
		t.Errorf("a short list of scopes %q says that there are more: %.3000s", g.scope, body)
	}
	g.more = 1500
	_, body := x.get(t, "/keys?scope=key:*&state=active")
	if limits, raises := rows(body); limits != maxListed || raises != maxListed || len(body) > 100_000 {
		t.Errorf("%d limits and %d raises in %d bytes", limits, raises, len(body))
	}
	for _, want := range []string{"the 100 fullest of 1,502", "the 100 of 1,501 that end first", `name="scope" value="key:*"`, `<input type="hidden" name="state" value="active">`, `<input type="hidden" name="scope" value="key:*">`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if _, body := x.get(t, "/health"); strings.Count(body, ">more</a>") != maxTargets-2 || !strings.Contains(body, "100 of 1502 targets, the failing ones first") {
		t.Errorf("the health page is %.2000s", body)
	}
	if g.scope != "key:*" {
		t.Errorf("the limits of %q were asked for", g.scope)
	}
}

func TestKeysRefuse(t *testing.T) {
	g := (&fake{}).withKeys(t)
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	token := x.csrf(t)
	for name, c := range map[string]struct {
		path string
		form url.Values
		want int
		says string
	}{
		"no name":      {"/keys", url.Values{}, 400, "needs a name"},
		"a bad budget": {"/keys", url.Values{"name": {"a"}, "budget": {"much"}, "window": {"day"}}, 400, "budget"},
		"a bad expiry": {"/keys", url.Values{"name": {"a"}, "expires": {"soon"}}, 400, "30d"},
		"no such key":  {"/keys/nothing1/revoke", url.Values{}, 404, "does not exist"},
		"bad overlap":  {"/keys/nothing1/rotate", url.Values{"overlap": {"-1h"}}, 400, "works on for"},
		"no limit":     {"/raises", url.Values{"by": {"5"}}, 400, "Choose the limit"},
	} {
		c.form.Set("csrf", token)
		if status, body := x.post(t, c.path, c.form); status != c.want || !strings.Contains(body, c.says) {
			t.Errorf("%s = %d, want %d with %q", name, status, c.want, c.says)
		}
	}
	if status, _ := x.post(t, "/keys", url.Values{"name": {"a"}}); status != 403 {
		t.Errorf("a form without its token = %d", status)
	}
	if list, _ := g.ring.List(t.Context()); len(list) > 0 {
		t.Errorf("keys %v were made", list)
	}
}

// TestRoles signs in with each role, and looks at what it is shown and may change.
func TestRoles(t *testing.T) {
	g := (&fake{records: []*llm.Record{{ID: "req_1", KeyID: "other", RequestText: "the secret text"}, {ID: "req_2", KeyID: "own"}}}).withKeys(t)
	for role, want := range map[string]map[string]int{
		roleAdmin:  {"/spend": 200, "/requests": 200, "/requests/req_1": 200, "/keys": 200, "/policies": 200, "/audit": 200, "POST /keys": 200, "POST /raises": 200, "POST /teams": 200, "POST /policies": 200},
		roleViewer: {"/spend": 200, "/requests": 200, "/requests/req_1": 200, "/keys": 200, "/policies": 200, "/audit": 403, "POST /keys": 403, "POST /raises": 403, "POST /teams": 403, "POST /policies": 403},
		roleMember: {"/spend": 403, "/requests": 403, "/requests/req_1": 404, "/requests/req_2": 200, "/keys": 200, "/policies": 403, "/audit": 403, "POST /keys": 200, "POST /raises": 403, "POST /teams": 403, "POST /policies": 403},
	} {
		x := newTestDashboard(t, g)
		key, _, err := g.ring.Create(t.Context(), keys.Spec{Name: role, Roles: []string{role}})
		if err != nil {
			t.Fatal(err)
		}
		x.keys["own"] = llm.Principal{KeyID: key.ID, Name: role, Roles: []string{role}}
		g.records[1].KeyID = key.ID
		x.keys[key.ID] = x.keys["own"]
		x.post(t, "/sign-in", url.Values{"key": {"own"}, "next": {"/keys"}})
		token := x.csrf(t)
		for path, status := range want {
			method, at, posts := strings.Cut(path, " ")
			var got int
			var body string
			if posts {
				got, body = x.post(t, at, url.Values{"csrf": {token}, "name": {"new"}, "limit": {"a\nusd\nday"}, "text": {"package penstock"}, "since": {"7d"}})
			} else {
				got, body = x.get(t, method)
			}
			if got != status {
				t.Errorf("%s: %s = %d, want %d", role, path, got, status)
			}
			if strings.Contains(body, "the secret text") != (path == "/requests/req_1" && role == roleAdmin) {
				t.Errorf("%s: %s shows the text of another's request, or hides it from an admin", role, path)
			}
		}
	}
	if len(g.raised) != 1 {
		t.Errorf("%d raises were made, want the admin's", len(g.raised))
	}
}

func TestWhatIf(t *testing.T) {
	g := (&fake{}).withKeys(t)
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	_ = m.WriteField("csrf", x.csrf(t))
	_ = m.WriteField("since", "30d")
	_ = m.WriteField("path", "a.rego")
	_ = m.WriteField("text", "package penstock\r\n")
	file, _ := m.CreateFormFile("files", "../../limits.yaml")
	_, _ = file.Write([]byte("limits: {}"))
	m.Close()
	req, _ := http.NewRequest(http.MethodPost, x.URL+"/policies", &form)
	req.Header.Set("Content-Type", m.FormDataContentType())
	if status, body := x.do(t, req); status != 200 || !strings.Contains(body, `href="/requests/req_1"`) {
		t.Errorf("comparing = %d %.2000s", status, body)
	}
	want := map[string]string{"a.rego": "package penstock\n", "limits.yaml": "limits: {}"}
	if d := cmp.Diff(want, g.files); d != "" || !g.since.Equal(x.now.Add(-30*24*time.Hour)) {
		t.Errorf("since %v, files (-want +got):\n%s", g.since, d)
	}
	for _, bad := range []url.Values{{"since": {"7d"}}, {"since": {"ever"}, "text": {"x"}}, {"since": {"999d"}, "text": {"x"}}} {
		bad.Set("csrf", x.csrf(t))
		if status, body := x.post(t, "/policies", bad); status != 400 || !strings.Contains(body, "could not be compared") {
			t.Errorf("%v = %d", bad, status)
		}
	}
}
