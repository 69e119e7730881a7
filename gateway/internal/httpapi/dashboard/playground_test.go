package dashboard

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// csrf returns the token of the session.
func (x *testDashboard) csrf(t *testing.T) string {
	t.Helper()
	_, body := x.get(t, "/playground")
	_, after, found := strings.Cut(body, `data-csrf="`)
	token, _, _ := strings.Cut(after, `"`)
	if !found || token == "" {
		t.Fatalf("no token on %.200s", body)
	}
	return token
}

// try sends a request of the playground.
func (x *testDashboard) try(t *testing.T, key, token, body string) (int, string) {
	t.Helper()
	req, _ := http.NewRequest(http.MethodPost, x.URL+"/playground/run?key="+key, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Csrf-Token", token)
	return x.do(t, req)
}

func TestPlaygroundServesAsTheChosenKey(t *testing.T) {
	var served *http.Request
	var as llm.Principal
	g := &fake{records: []*llm.Record{{ID: "req_1", Target: "a/b", Usage: llm.Usage{Input: 3, Output: 4}, Price: llm.Price{Known: true}, Cost: llm.USD / 100}}}
	g.serve = func(w http.ResponseWriter, r *http.Request, who llm.Principal) {
		body, _ := io.ReadAll(r.Body)
		served, as = r, who
		w.Header().Set("X-Penstock-Request-Id", "req_1")
		if string(body) == "refuse" {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "40")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"message":"Too many."}}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "data: {}\n\n")
	}
	x := newTestDashboard(t, g)
	x.keys["app"] = llm.Principal{KeyID: "app", Team: "search"}
	x.signInByLink(t)
	token := x.csrf(t)
	status, body := x.try(t, "app", token, `{"model":"m"}`)
	want := "data: {}\n\nevent: record\ndata: {\"id\":\"req_1\",\"target\":\"a/b\",\"first_token\":\"–\",\"total\":\"0 ms\",\"tokens\":\"3 in, 4 out\",\"cost\":\"$0.01\"}\n\n"
	if status != 200 || body != want {
		t.Errorf("the reply is %d %q, want %q", status, body, want)
	}
	if as.Team != "search" || served.URL.Path != "/v1/chat/completions" || served.Header.Get("X-Penstock-Tags") != "penstock:playground=true" || served.Header.Get("Cookie") != "" {
		t.Errorf("%+v asked for %s with %v", as, served.URL, served.Header)
	}
	if status, body := x.try(t, "app", token, "refuse"); status != 200 || !strings.HasPrefix(body, "event: failed\ndata: {\"message\":\"Too many.\"}\n\nevent: record\n") {
		t.Errorf("a refused request = %d %q", status, body)
	}
	for name, c := range map[string]struct {
		key, token, body string
		want             int
	}{
		"no token":       {"app", "", "{}", 403},
		"a wrong token":  {"app", "made up", "{}", 403},
		"an unknown key": {"none", token, "{}", 401},
		"too large":      {"app", token, strings.Repeat("x", maxTry+1), 413},
	} {
		if status, body := x.try(t, c.key, c.token, c.body); status != c.want {
			t.Errorf("%s = %d %q, want %d", name, status, body, c.want)
		}
	}
	g.required = true
	if status, body := x.try(t, "", token, "{}"); status != 400 || !strings.Contains(body, "Choose the key") {
		t.Errorf("without a key where one is needed = %d %q", status, body)
	}
}

// TestPlaygroundIsOnesOwn tries to spend another key's budget.
func TestPlaygroundIsOnesOwn(t *testing.T) {
	g := &fake{serve: func(w http.ResponseWriter, _ *http.Request, who llm.Principal) { fmt.Fprint(w, "served "+who.KeyID) }}
	x := newTestDashboard(t, g)
	x.keys["mem"] = llm.Principal{KeyID: "mem", Name: "mem", Roles: []string{roleMember}}
	x.keys["app"] = llm.Principal{KeyID: "app"}
	x.post(t, "/sign-in", url.Values{"key": {"mem"}, "next": {"/playground"}})
	token := x.csrf(t)
	for key, want := range map[string]int{"mem": 200, "app": 403, "": 400, "none": 403} {
		if status, body := x.try(t, key, token, "{}"); status != want {
			t.Errorf("a member as %q = %d %q, want %d", key, status, body, want)
		}
	}
	if _, body := x.get(t, "/playground"); strings.Contains(body, "ab12cd34") || !strings.Contains(body, `value="mem"`) {
		t.Error("a member is offered keys of others")
	}
}
