package dashboard

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver of the store of keys

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
)

// fake is a gateway with records that tests give it.
type fake struct {
	records []*llm.Record
	follow  chan *llm.Record
	notices []Notice
	budgets []Count
	// broken is why the ledger cannot be read.
	broken error
	// required says that requests need a key; serve serves those of the playground.
	required bool
	serve    func(http.ResponseWriter, *http.Request, llm.Principal)
	ring     *keys.Keys
	trail    *audit.Log
	raised   []RaiseAsk
	ended    []string
	// more is how many limits, raises and targets there are beside those that all tests have, scope what
	// Fullest was asked for.
	more  int
	scope string
	// used is what each limit of a key has used.
	used int64
	// files and since are what WhatIf was asked.
	files map[string]string
	since time.Time
}

func (f *fake) Version() string                    { return "1.2.3" }
func (f *fake) Zone() *time.Location               { return time.UTC }
func (f *fake) Attention(context.Context) []Notice { return f.notices }

func (f *fake) Day() Day {
	return Day{Starts: []time.Time{{}, {}}, Step: 5 * time.Minute, Requests: []int64{10, 20}, Errors: []int64{1, 0}, Refused: []int64{0, 2}, FirstTokenP95: []float64{5, 7},
		Cost: []llm.NanoUSD{1, 2}, Saved: []llm.NanoUSD{0, 0}, FirstTokenDay: 6}
}

func (f *fake) Targets() Targets {
	gap := math.NaN()
	row := []float64{5, gap}
	return Targets{Starts: []time.Time{{}, time.Time{}.Add(time.Minute)}, Faults: map[llm.Fault]int64{llm.Fault(hostile): 3}, OverheadP50: gap, Overhead: []Bucket{{0.5, 3}},
		All: append([]Target{{ID: hostile, State: hostile, Why: hostile, Requests: 3, FirstP50: row, FirstP95: row, FirstP99: row, TotalP50: row, TotalP95: row, TotalP99: row, DayFirstP95: gap, Outages: []Outage{{From: time.Time{}, Why: hostile}}}, {ID: "idle"}}, slices.Repeat([]Target{{ID: "more"}}, f.more)...), Stages: []Stage{{hostile, time.Millisecond}}}
}

func (f *fake) Spend(_ context.Context, q SpendQuery) (SpendReport, error) {
	values := []string{hostile}
	if len(q.By) == 2 {
		values = append(values, q.Since.Format(time.DateOnly))
	}
	row := SpendRow{Values: values, Requests: 3, Cost: 5 * llm.USD}
	return SpendReport{Rows: []SpendRow{row}, Total: row}, nil
}

func (f *fake) SpendCSV(context.Context, url.Values) ([]byte, error) { return []byte("model\n"), nil }
func (f *fake) MoneyBudgets(scope string) []Count                    { return f.budgets }

func (f *fake) SpentToday(context.Context, *time.Location) (llm.NanoUSD, *DayBudget, error) {
	return 5 * llm.USD, nil, nil
}

func (f *fake) Requests(_ context.Context, filter llm.RecordFilter) (list []*llm.Record, err error) {
	if f.broken != nil {
		return nil, f.broken
	}
	for _, r := range f.records {
		if filter.Matches(r) {
			list = append(list, r)
		}
	}
	return list, nil
}

func (f *fake) Record(_ context.Context, id string) (*llm.Record, error) {
	for _, r := range f.records {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The ledger has no request with this id."}
}

func (f *fake) Explained(_ context.Context, r *llm.Record) *llm.Decision { return r.Decision }
func (f *fake) RequestURL(*llm.Record) string {
	return "http://127.0.0.1:8080/v1/chat/completions"
}

func (f *fake) Replay(_ context.Context, id string) (*replay.Result, error) {
	if id != "req_1" {
		return nil, &llm.Error{Code: "not_replayable", Status: http.StatusConflict, Message: hostile}
	}
	return &replay.Result{ID: id, Router: hostile, Notes: []string{hostile}, Candidates: []replay.Candidate{{Target: hostile, Recorded: &replay.Place{Rank: 1}, Differs: []string{hostile}}}}, nil
}

func (f *fake) Follow(ctx context.Context, each func(*llm.Record)) error {
	for {
		select {
		case r := <-f.follow:
			each(r)
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *fake) Callers(context.Context) ([]Caller, error) {
	return []Caller{{"ab12cd34", hostile, hostile}}, nil
}
func (f *fake) Anonymous() bool                        { return !f.required }
func (f *fake) ChatModels(llm.Principal) []string      { return []string{hostile, "b"} }
func (f *fake) OutputPrice(string) (llm.NanoUSD, bool) { return llm.USD, true }
func (f *fake) BaseURL() string                        { return "http://127.0.0.1:8080/v1" }

func (f *fake) ServeAs(w http.ResponseWriter, r *http.Request, who llm.Principal) { f.serve(w, r, who) }

func (f *fake) Policy(context.Context) Policy {
	return Policy{Revision: hostile, Source: hostile, Files: []string{hostile}, Refused: hostile, Decided: []Decided{{Kind: hostile, Name: hostile, Rule: hostile, Requests: 3, Last: hostile}}}
}

func (f *fake) Versions(context.Context) ([]PolicyVersion, error) {
	return []PolicyVersion{{From: hostile, To: hostile, By: hostile}, {By: hostile, Fault: hostile}}, nil
}

func (f *fake) Modules() []Module {
	return []Module{{Name: hostile, Kind: hostile, Version: hostile, SHA256: hostile, Disabled: hostile}}
}

func (f *fake) WhatIf(_ context.Context, files map[string]string, since time.Time) (*replay.PolicyReport, error) {
	f.files, f.since = files, since
	return &replay.PolicyReport{Records: 3, Compared: 2, Different: 1, Skipped: []replay.Skip{{Why: hostile, Records: 1}},
		Changes: []replay.ChangeCount{{What: "denied", Name: hostile, Rule: hostile, Requests: 1}}, Groups: []replay.Group{{By: "key", Name: hostile, Denied: 1}},
		Examples: []replay.Example{{ID: "req_1", Key: hostile, Model: hostile, Changes: []replay.Change{{What: "denied", Name: hostile, Rule: hostile}}}}}, nil
}

func (f *fake) Keys() *keys.Keys     { return f.ring }
func (f *fake) AuditLog() *audit.Log { return f.trail }
func (f *fake) Audit(ctx context.Context, e audit.Entry) {
	if err := f.trail.Add(ctx, e); err != nil {
		panic(err)
	}
}

func (f *fake) Count(scope string, u llm.Unit, window string) (Count, bool) {
	return Count{Scope: scope, Unit: u, Window: window, Used: f.used}, f.used > 0
}

// Fullest has f.more limits beside two.
func (f *fake) Fullest(scope string, n int) ([]Count, int) {
	f.scope = scope
	list := []Count{{Scope: hostile, Unit: llm.UnitUSD, Window: "day", Used: int64(llm.USD), Reserved: int64(llm.USD), Max: 4 * int64(llm.USD)}, {Scope: "all", Unit: llm.UnitConcurrent, Used: 1}}
	for i := range f.more {
		list = append(list, Count{Scope: fmt.Sprintf("key:%d", i), Unit: llm.UnitRequests, Window: "1m"})
	}
	return list[:min(len(list), n)], len(list)
}

func (f *fake) Raises() []Raise {
	return append(slices.Repeat([]Raise{{ID: "raise_1", Scope: "team:a", Unit: llm.UnitRequests}}, f.more), []Raise{{ID: hostile, Scope: hostile, Unit: llm.UnitRequests, Window: hostile, Reason: hostile, Operator: hostile, By: 5}}...)
}

func (f *fake) Raise(_ context.Context, ask RaiseAsk, operator string) error {
	f.raised = append(f.raised, ask)
	return nil
}

func (f *fake) EndRaise(_ context.Context, id string) error {
	f.ended = append(f.ended, id)
	return nil
}

// withKeys gives the fake an empty store of keys.
func (f *fake) withKeys(t *testing.T) *fake {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "keys.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if f.trail, err = audit.Open(t.Context(), db); err == nil {
		f.ring, err = keys.Open(t.Context(), db, keys.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// hostile is text that would do something if a page showed it unescaped.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>{{.}}`

func hostileRecord() *llm.Record {
	score := 0.5
	return &llm.Record{ID: "req_1", Time: time.Date(2026, 11, 30, 1, 2, 3, 0, time.UTC), Model: hostile, Target: hostile, KeyID: "ab12cd34", KeyName: hostile, Team: hostile,
		User: hostile, Session: hostile, Tags: map[string]string{hostile: hostile}, Status: 200, Error: hostile, Usage: llm.Usage{Input: 7, Output: 1234},
		Decision:   &llm.Decision{Allow: true, Revision: hostile, Warnings: []string{hostile}, Reasons: []llm.Reason{{Code: "x", Message: hostile, Rule: hostile}}, Obligations: llm.Obligations{Route: hostile}, Rules: []llm.RuleOf{{Part: llm.PartObligation, Name: "route", Rule: hostile}}},
		Limits:     []llm.LimitState{{Limit: llm.Limit{Name: hostile, Scope: hostile, Unit: llm.UnitUSD, Window: "day", Max: int64(llm.USD)}}},
		Candidates: []llm.Considered{{Target: hostile, Score: &score, Terms: []llm.Term{{Name: hostile, Value: 1}}}, {Target: "b", Refused: hostile}},
		Attempts: []llm.Attempt{{Target: hostile, Try: 1, Fault: llm.Fault(hostile), Error: hostile, Duration: llm.Millis(time.Second)},
			{Target: hostile, Try: 2, Start: llm.Millis(time.Second), Wait: llm.Millis(time.Millisecond), Duration: llm.Millis(time.Second), FirstToken: llm.Millis(time.Millisecond)}},
		Duration: llm.Millis(2 * time.Second), RequestText: hostile, ReplyText: hostile}
}

// testDashboard serves a dashboard and signs a browser in.
type testDashboard struct {
	*httptest.Server
	*Dashboard
	client *http.Client
	now    time.Time
	// keys are the holders of keys by token, which is the key's id, too.
	keys map[string]llm.Principal
}

func newTestDashboard(t *testing.T, g Gateway) *testDashboard {
	t.Helper()
	x := &testDashboard{now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), keys: map[string]llm.Principal{}}
	holder := func(_ context.Context, id string) (llm.Principal, error) {
		if who, ok := x.keys[id]; ok {
			return who, nil
		}
		return llm.Principal{}, &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized, Message: "This API key is unknown."}
	}
	x.Dashboard = New(Options{Gateway: g, Authenticate: func(r *http.Request, key string) (llm.Principal, error) { return holder(r.Context(), key) }, Holder: holder, Now: func() time.Time { return x.now }})
	mux := http.NewServeMux()
	for _, r := range x.Routes() {
		path := r.Path
		if path == "/" {
			path = "/{$}"
		}
		mux.HandleFunc(r.Method+" "+path, r.Serve)
	}
	x.Server = httptest.NewServer(mux)
	t.Cleanup(x.Server.Close)
	jar, _ := cookiejar.New(nil)
	x.client = &http.Client{Jar: jar}
	return x
}

// get returns the status and body of a page.
func (x *testDashboard) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, _ := http.NewRequest(http.MethodGet, x.URL+path, nil)
	req.Header.Set("Accept", "text/html")
	return x.do(t, req)
}

// post sends a form.
func (x *testDashboard) post(t *testing.T, path string, form url.Values) (int, string) {
	t.Helper()
	req, _ := http.NewRequest(http.MethodPost, x.URL+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html")
	return x.do(t, req)
}

func (x *testDashboard) do(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := x.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// signInBy signs in with a link.
func (x *testDashboard) signInByLink(t *testing.T) {
	t.Helper()
	_, secret, _ := strings.Cut(x.SignInPath(llm.Principal{}), "link=")
	if status, body := x.post(t, "/sign-in", url.Values{"link": {secret}, "next": {"/"}}); status != http.StatusOK || !strings.Contains(body, "Spent today") {
		t.Fatalf("signing in shows %d %.200s", status, body)
	}
}

// TestPagesShowTextAsText shows every page with a record whose every text is hostile.
func TestPagesShowTextAsText(t *testing.T) {
	g := &fake{records: []*llm.Record{hostileRecord()}, notices: []Notice{{Broken: true, Text: hostile, Command: hostile, Link: "javascript:alert(1)"}}}
	g.withKeys(t)
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	for _, path := range []string{"/", "/spend", "/spend?range=24h&by=team&model=" + url.QueryEscape(hostile), "/spend?range=365d&by=" + url.QueryEscape("tag:"+hostile), "/spend?by=" + url.QueryEscape(hostile), "/health", "/playground", "/playground?key=none&a=" + url.QueryEscape(hostile), "/policies", "/keys", "/keys?team=" + url.QueryEscape(hostile), "/audit", "/requests", "/requests?model=" + url.QueryEscape(hostile), "/requests?team=" + url.QueryEscape(`"><script>`), "/requests/req_1", "/requests/req_1?replay=1", "/health?find=script", "/sign-in?link=%22%3E%3Cscript%3E&next=%22%3E", "/docs", "/requests/none"} {
		status, body := x.get(t, path)
		want := map[string]int{"/requests/none": 404, "/spend?by=" + url.QueryEscape(hostile): 400}[path]
		if status != max(want, 200) && want == 0 || want != 0 && status != want {
			t.Errorf("GET %s = %d", path, status)
		}
		for _, bad := range []string{"<script>alert", "<img src=x", `"><script>`, `href="javascript`, "%!"} {
			if strings.Contains(body, bad) {
				t.Errorf("GET %s contains %s", path, bad)
			}
		}
		if strings.Contains(body, "<style") || strings.Contains(body, " style=") || strings.Contains(body, "onclick") {
			t.Errorf("GET %s has inline styles or scripts, which its policy forbids", path)
		}
	}
}

func TestHeaders(t *testing.T) {
	x := newTestDashboard(t, &fake{})
	for _, path := range []string{"/sign-in", "/static/app.js", "/static/style.css"} {
		resp, err := x.client.Get(x.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		policy := resp.Header.Get("Content-Security-Policy")
		if resp.StatusCode != 200 || !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s = %d with %v", path, resp.StatusCode, resp.Header)
		}
	}
}

func TestSignIn(t *testing.T) {
	x := newTestDashboard(t, &fake{})
	if status, body := x.get(t, "/requests?model=a"); status != 200 || !strings.Contains(body, "Sign in") || !strings.Contains(body, `value="/requests?model=a"`) {
		t.Errorf("without a session: %d %.300s", status, body)
	}
	path := x.SignInPath(llm.Principal{})
	for range 2 { // looking at a link does not use it up
		if status, _ := x.get(t, path); status != 200 {
			t.Errorf("GET of a link = %d", status)
		}
	}
	x.signInByLink(t)
	_, secret, _ := strings.Cut(path, "link=")
	if status, _ := x.post(t, "/sign-in", url.Values{"link": {secret}}); status != 200 {
		t.Errorf("a link = %d", status)
	}
	for _, bad := range []string{secret, "made up", strings.Repeat("x", 1000)} {
		if status, body := x.post(t, "/sign-in", url.Values{"link": {bad}}); status != 401 || !strings.Contains(body, "used already") {
			t.Errorf("link %.10s = %d", bad, status)
		}
	}
	_, late, _ := strings.Cut(x.SignInPath(llm.Principal{}), "link=")
	x.now = x.now.Add(linkTime)
	if status, _ := x.post(t, "/sign-in", url.Values{"link": {late}}); status != 401 {
		t.Errorf("a link that is too old = %d", status)
	}
}

func TestSignInByKey(t *testing.T) {
	x := newTestDashboard(t, &fake{})
	x.keys["adm"] = llm.Principal{KeyID: "adm", Name: "ada", Roles: []string{roleAdmin}}
	x.keys["app"] = llm.Principal{KeyID: "app", Name: "app"}
	for key, want := range map[string]int{"adm": 200, "app": 403, "none": 401, "": 401} {
		if status, _ := x.post(t, "/sign-in", url.Values{"key": {key}, "next": {"/"}}); status != want {
			t.Errorf("key %q = %d, want %d", key, status, want)
		}
	}
	if _, body := x.get(t, "/"); !strings.Contains(body, "<span>ada</span>") {
		t.Errorf("not signed in: %.300s", body)
	}
	delete(x.keys, "adm") // revoked
	x.now = x.now.Add(recheckEvery)
	if _, body := x.get(t, "/"); !strings.Contains(body, "Sign in") {
		t.Error("the session goes on without its key")
	}
	x.keys["adm"] = llm.Principal{KeyID: "adm", Name: "ada", Roles: []string{roleAdmin}, Expires: x.now.Add(time.Minute)}
	x.post(t, "/sign-in", url.Values{"key": {"adm"}})
	x.now = x.now.Add(time.Minute)
	if _, body := x.get(t, "/"); !strings.Contains(body, "Sign in") {
		t.Error("the session outlasts its key")
	}
}

func TestForms(t *testing.T) {
	x := newTestDashboard(t, &fake{})
	x.signInByLink(t)
	for _, form := range []url.Values{{}, {"csrf": {"made up"}}, {"csrf": {""}}} {
		if status, _ := x.post(t, "/sign-out", form); status != 403 {
			t.Errorf("a form with %v = %d, want 403", form, status)
		}
	}
	if status, _ := x.post(t, "/sign-out", url.Values{"x": {strings.Repeat("y", maxForm)}}); status != 400 {
		t.Errorf("a form that is too large = %d, want 400", status)
	}
	_, body := x.get(t, "/")
	_, after, _ := strings.Cut(body, `data-csrf="`)
	token, _, _ := strings.Cut(after, `"`)
	if status, body := x.post(t, "/sign-out", url.Values{"csrf": {token}}); status != 200 || !strings.Contains(body, "Sign in") {
		t.Errorf("signing out = %d %.100s", status, body)
	}
	if _, body := x.get(t, "/"); !strings.Contains(body, "Sign in") {
		t.Error("still signed in")
	}
}

func TestNextIsLocal(t *testing.T) {
	for next, want := range map[string]string{"": "/", "/requests?a=b": "/requests?a=b", "//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/", "javascript:alert(1)": "/",
		"requests": "/", "/sign-in?link=x": "/", "/\t/evil.example": "/", "///evil.example": "/", "/%09/evil.example": "/%09/evil.example"} {
		if got := localPath(next); got != want {
			t.Errorf("localPath(%q) = %q, want %q", next, got, want)
		}
	}
}

func TestSessionsAreBounded(t *testing.T) {
	x := newTestDashboard(t, &fake{})
	for range maxSessions + 50 {
		x.sessions.begin(llm.Principal{})
	}
	for range maxLinks + 50 {
		x.SignInPath(llm.Principal{})
	}
	if n, m := len(x.sessions.open), len(x.sessions.links); n != maxSessions || m != maxLinks {
		t.Errorf("%d sessions and %d links, want %d and %d", n, m, maxSessions, maxLinks)
	}
}

func TestLive(t *testing.T) {
	g := &fake{follow: make(chan *llm.Record)}
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, x.URL+"/requests/live?model=wanted", nil)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := x.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	go func() {
		for i, model := range []string{"other", "wanted"} {
			r := hostileRecord()
			r.Model, r.ID = model, fmt.Sprint("req_", i)
			g.follow <- r
		}
	}()
	buf := make([]byte, 64<<10)
	var got string
	for !strings.Contains(got, "\n\ndata: ") || !strings.HasSuffix(got, "\n\n") {
		n, err := resp.Body.Read(buf)
		if got += string(buf[:n]); err != nil {
			t.Fatalf("read %q, %v", got, err)
		}
	}
	if !strings.Contains(got, "data: <tr") || !strings.Contains(got, "req_1") || strings.Contains(got, "req_0") || strings.Contains(got, "<script>alert") {
		t.Errorf("the feed is %q", got)
	}
	stop()
	x.client = &http.Client{}
	req, _ = http.NewRequest(http.MethodGet, x.URL+"/requests/live", nil)
	req.Header.Set("Accept", "text/event-stream")
	if status, _ := x.do(t, req); status != http.StatusUnauthorized {
		t.Errorf("the feed without a session = %d, want 401", status)
	}
}

// TestHomeWithoutLedger: what needs attention is shown when the ledger cannot be read.
func TestHomeWithoutLedger(t *testing.T) {
	g := &fake{notices: []Notice{{Broken: true, Text: "A circuit is open."}}}
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	g.broken = &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, Message: "The ledger is gone."}
	status, page := x.get(t, "/")
	for _, want := range []string{"A circuit is open.", "The ledger is gone.", "Requests a minute", "not known while the ledger cannot be read"} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("GET / = %d without %q", status, want)
		}
	}
	if strings.Contains(page, "No request yet") {
		t.Error("the page says that there is no request")
	}
}

func TestEveryTemplateIsAPage(t *testing.T) {
	var names []string
	for name := range pages() {
		names = append(names, name)
	}
	slices.Sort(names)
	source := readSource(t)
	for _, name := range names {
		if !strings.Contains(source, `"`+name+`"`) {
			t.Errorf("the template %s is not rendered by any page", name)
		}
	}
}

func TestMoney(t *testing.T) {
	for n, want := range map[llm.NanoUSD]string{0: "$0", 1: "$0.000000001", 68_000: "$0.000068", 60_000_000: "$0.06", 2_000_000: "$0.002", 1_234_567: "$0.0012", 12 * llm.USD: "$12.00", 1_234_567 * llm.USD: "$1,234,567", -5 * llm.USD: "$-5.00"} {
		if got := formatUSD(n); got != want {
			t.Errorf("formatUSD(%d) = %q, want %q", n, got, want)
		}
	}
}
