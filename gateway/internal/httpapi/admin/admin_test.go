package admin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// fake is a gateway that remembers what it was asked. A scope, dimension or key "none"
// is unknown to it.
type fake struct {
	spend      SpendQuery
	budgets    BudgetsQuery
	page       Page
	correction Correction
	raise      RaiseSpec
	raiser     string
	limits     LimitsQuery
	asker      Asker
	purged     Purge
	opened     Opening
	closed     Opening
	comparison Comparison
	change     PolicyChange
	filter     llm.RecordFilter
	records    []*llm.Record
	ring       *keys.Keys
	log        *audit.Log
}

var errUnknown = &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "unknown"}

func (f *fake) Record(_ context.Context, id string) (*llm.Record, error) {
	if id == "none" {
		return nil, errUnknown
	}
	return &llm.Record{ID: id}, nil
}

func (f *fake) Requests(_ context.Context, filter llm.RecordFilter) ([]*llm.Record, error) {
	f.filter = filter
	return f.records, nil
}

// Follow hands out the records and then fails, as when too many follow.
func (f *fake) Follow(_ context.Context, each func(*llm.Record)) error {
	for _, r := range f.records {
		each(r)
	}
	return errUnknown
}

func (f *fake) Policies(context.Context) (any, error) { return map[string]string{"revision": "r"}, nil }

func (f *fake) Plugins(_ context.Context, p Page) (any, error) {
	f.page = p
	return map[string]int{"plugins": 1}, nil
}

func (f *fake) Replay(_ context.Context, id string) (any, error) {
	if id == "none" {
		return nil, errUnknown
	}
	return map[string]any{"id": id, "same": true}, nil
}

func (f *fake) CompareRouters(_ context.Context, c Comparison) (any, error) {
	if f.comparison = c; c.A.Router == "none" {
		return nil, errUnknown
	}
	return map[string]any{"compared": 1}, nil
}

func (f *fake) DiffPolicy(_ context.Context, q PolicyChange) (any, error) {
	if f.change = q; q.Model == "none" {
		return nil, errUnknown
	}
	return map[string]any{"different": 1}, nil
}

func (f *fake) Spend(_ context.Context, q SpendQuery) (any, error) {
	if f.spend = q; len(q.By) > 0 && q.By[0] == "none" {
		return nil, errUnknown
	}
	return map[string]any{"rows": []map[string]any{{"model": "m"}}, "total": map[string]int{"requests": 1}}, nil
}

func (f *fake) Budgets(_ context.Context, q BudgetsQuery) (any, error) {
	f.budgets, f.page = q, q.Page
	return map[string]any{"budgets": []string{"one"}}, nil
}

func (f *fake) Raises(_ context.Context, p Page) (any, error) {
	f.page = p
	return []string{"raise"}, nil
}

func (f *fake) Raise(_ context.Context, spec RaiseSpec, operator string) (any, error) {
	f.raise, f.raiser = spec, operator
	return spec, nil
}

func (f *fake) EndRaise(_ context.Context, id string) (any, error) {
	if id == "none" {
		return nil, errUnknown
	}
	return id, nil
}

func (f *fake) Limits(_ context.Context, q LimitsQuery) (any, error) {
	f.limits, f.page = q, q.Page
	return []string{"limit"}, nil
}

func (f *fake) Correct(_ context.Context, c Correction) (any, error) {
	if f.correction = c; c.Scope == "none" {
		return nil, errUnknown
	}
	return map[string]any{"budgets": []string{"two"}}, nil
}

func (f *fake) Explain(_ context.Context, req *llm.Request, as Asker) (*llm.Record, error) {
	if f.asker = as; as.Key == "none" {
		return nil, errUnknown
	}
	return &llm.Record{ID: req.ID, Dry: true}, nil
}

func (f *fake) Targets(_ context.Context, p Page) (any, error) {
	f.page = p
	return []string{"one"}, nil
}

func (f *fake) OpenTarget(_ context.Context, o Opening) (any, error) {
	if f.opened = o; o.ID == "none" {
		return nil, errUnknown
	}
	return []string{"two"}, nil
}

func (f *fake) CloseTarget(_ context.Context, o Opening) (any, error) {
	f.closed = o
	return []string{"three"}, nil
}

func (f *fake) CacheStats() CacheStats { return CacheStats{Entries: 3, SavedUSD: "0.5"} }

func (f *fake) Purge(_ context.Context, what Purge) error {
	f.purged = what
	return nil
}

func (f *fake) Reload(context.Context) (any, error) { return map[string]bool{"reloaded": true}, nil }

func (f *fake) Keys() *keys.Keys { return f.ring }

func (f *fake) AuditLog() *audit.Log { return f.log }

// input has a body, which is the request if it is a JSON object.
type input string

func (in input) Body() ([]byte, error) { return []byte(in), nil }

func (in input) Operator() string { return "ops" }

func (in input) Caller() (llm.Principal, bool) { return llm.Principal{}, true }

func (in input) Request(_ string, body []byte) (*llm.Request, func(), error) {
	if !strings.HasPrefix(string(body), "{") {
		return nil, nil, &llm.Error{Code: llm.CodeInvalidJSON, Status: http.StatusBadRequest, Message: "not JSON"}
	}
	return &llm.Request{ID: "req_1", Body: body}, func() {}, nil
}

// call serves one request. Status is 200, or that of the error, and then the body is its
// message.
func call(t *testing.T, ops Operations, method, target, body string) (status int, reply Reply, err *llm.Error) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for _, route := range Routes(ops) {
		path, rest, _ := strings.Cut(route.Path, "{id}")
		id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, path), rest)
		if route.Method != method || id != "" && path == route.Path || !strings.HasPrefix(r.URL.Path, path) || !strings.HasSuffix(r.URL.Path, rest) {
			continue
		}
		r.SetPathValue("id", id)
		reply, fault := route.Serve(r, input(body))
		if fault != nil {
			err = llm.AsError(fault)
			return err.HTTPStatus(), reply, err
		}
		return http.StatusOK, reply, nil
	}
	t.Fatalf("no route for %s %s", method, target)
	return 0, Reply{}, nil
}

func TestRecord(t *testing.T) {
	status, reply, _ := call(t, new(fake), "GET", "/admin/v1/requests/req_1", "")
	if status != 200 || !strings.Contains(string(reply.Body), `"id":"req_1"`) || reply.ContentType != "application/json" {
		t.Errorf("record: %d %s %s", status, reply.ContentType, reply.Body)
	}
	if status, _, _ := call(t, new(fake), "GET", "/admin/v1/requests/none", ""); status != 404 {
		t.Errorf("an unknown record: %d", status)
	}
}

func TestReload(t *testing.T) {
	if status, reply, _ := call(t, new(fake), "POST", "/admin/v1/reload", ""); status != 200 || string(reply.Body) != "{\"reloaded\":true}\n" {
		t.Errorf("reload: %d %s", status, reply.Body)
	}
}

func TestBudgets(t *testing.T) {
	f := new(fake)
	if status, reply, _ := call(t, f, "GET", "/admin/v1/budgets", ""); status != 200 || string(reply.Body) != "{\"budgets\":[\"one\"]}\n" {
		t.Errorf("%d %s", status, reply.Body)
	}
	status, reply, _ := call(t, f, "POST", "/admin/v1/budgets", `{"scope":"key:k","unit":"usd","window":"day","used":0.25}`)
	want := Correction{Scope: "key:k", Unit: llm.UnitUSD, Window: "day", Used: "0.25"}
	if status != 200 || string(reply.Body) != "{\"budgets\":[\"two\"]}\n" || f.correction != want {
		t.Errorf("%d %s corrects %+v, want %+v", status, reply.Body, f.correction, want)
	}
	for in, status := range map[string]int{
		`{"scope":"none","unit":"usd","window":"day","used":0}`:          404,
		`{"scope":"key:k","unit":"usd","window":"day"}`:                  400,
		`{"scope":"key:k","unit":"usd","window":"day","used":"much"}`:    400,
		`{"scope":"key:k","unit":"usd","window":"day","used":0,"max":1}`: 400,
		`[]`: 400, ``: 400,
	} {
		if got, _, err := call(t, f, "POST", "/admin/v1/budgets", in); got != status {
			t.Errorf("%s: %d %v, want %d", in, got, err, status)
		}
	}
}

func TestBudgetsQuery(t *testing.T) {
	for query, want := range map[string]BudgetsQuery{
		"":                                      {Page: Page{Limit: usualPage}},
		"?scope=team:*&unit=usd&full=0.8":       {Scope: "team:*", Unit: llm.UnitUSD, Full: 0.8, Page: Page{Limit: usualPage}},
		"?full=2&unit=requests&after=a&limit=1": {Unit: llm.UnitRequests, Full: 2, Page: Page{"a", 1}},
	} {
		f := new(fake)
		if status, _, err := call(t, f, "GET", "/admin/v1/budgets"+query, ""); status != 200 || f.budgets != want {
			t.Errorf("%s: %d %v asks for %+v, want %+v", query, status, err, f.budgets, want)
		}
	}
	for query, message := range map[string]string{
		"unit=eur":   `unit: there is no unit "eur"; use one of usd, tokens, input_tokens, output_tokens, requests, concurrent.`,
		"full=80%25": "full: write a share of the maximum, such as 0.8.",
		"full=-1":    "full: write a share of the maximum, such as 0.8.",
		"full=inf":   "full: write a share of the maximum, such as 0.8.",
		"full=NaN":   "full: write a share of the maximum, such as 0.8.",
		"ful=0.8":    `There is no parameter "ful" here; there are scope, unit, full, limit, after.`,
	} {
		if status, _, err := call(t, new(fake), "GET", "/admin/v1/budgets?"+query, ""); status != 400 || err.Message != message {
			t.Errorf("%s: %d %v, want a 400 with %q", query, status, err, message)
		}
	}
}

// TestPages: all lists take the same parameters within the same bounds.
func TestPages(t *testing.T) {
	for _, path := range []string{"/admin/v1/budgets", "/admin/v1/raises", "/admin/v1/limits", "/admin/v1/targets", "/admin/v1/plugins"} {
		for query, want := range map[string]Page{"": {Limit: 100}, "?limit=&after=": {Limit: 100}, "?limit=1000&after=x%20y": {"x y", 1000}, "?limit=1": {Limit: 1}} {
			f := new(fake)
			if status, _, err := call(t, f, "GET", path+query, ""); status != 200 || f.page != want {
				t.Errorf("%s%s: %d %v asks for %+v, want %+v", path, query, status, err, f.page, want)
			}
		}
		for _, limit := range []string{"0", "-1", "1001", "many", "1.5"} {
			if status, _, err := call(t, new(fake), "GET", path+"?limit="+limit, ""); status != 400 || err.Param != "limit" || err.Message != "limit: write a number from 1 to 1000." {
				t.Errorf("%s?limit=%s: %d %v, want a 400", path, limit, status, err)
			}
		}
	}
}

func TestCacheStats(t *testing.T) {
	status, reply, _ := call(t, new(fake), "GET", "/admin/v1/cache", "")
	if body := string(reply.Body); status != 200 || !strings.Contains(body, `"entries":3,`) || !strings.Contains(body, `"hit_ratio":null,"saved_usd":0.5`) {
		t.Errorf("%d %s", status, body)
	}
	for _, tt := range []struct {
		results CacheResults
		want    float64
		ok      bool
	}{
		{CacheResults{Off: 5}, 0, false},
		{CacheResults{Miss: 1}, 0, true},
		{CacheResults{Hit: 1, Similar: 1, Coalesced: 1, Partial: 2, Miss: 1, Off: 7}, 0.5, true},
	} {
		if got, ok := tt.results.HitRatio(); got != tt.want || ok != tt.ok {
			t.Errorf("%+v: %v, %t, want %v, %t", tt.results, got, ok, tt.want, tt.ok)
		}
	}
}

func TestPurge(t *testing.T) {
	for query, want := range map[string]Purge{
		"all=true": {What: PurgeAll}, "model=gpt-5": {PurgeModel, "gpt-5"}, "namespace=n": {PurgeNamespace, "n"}, "team=a%20b": {PurgeTeam, "a b"}, "key=key_1": {PurgeKey, "key_1"},
		"tag=usecase%3Dfaq%3D1": {PurgeTag, "usecase=faq=1"}, "id=8f14": {PurgeID, "8f14"},
	} {
		f := new(fake)
		if status, reply, _ := call(t, f, "DELETE", "/admin/v1/cache?"+query, ""); status != 200 || f.purged != want || string(reply.Body) != "{\"purged\":true}\n" {
			t.Errorf("%s: %d %s purges %+v, want %+v", query, status, reply.Body, f.purged, want)
		}
	}
	for _, query := range []string{"", "all=false", "all", "model=", "model=a&model=b", "model=a&namespace=n", "everything=true", "tag=usecase", "key=a&tag=b%3Dc"} {
		f := new(fake)
		if status, _, err := call(t, f, "DELETE", "/admin/v1/cache?"+query, ""); status != 400 || f.purged != (Purge{}) {
			t.Errorf("%s: %d %v purges %+v, want a 400", query, status, err, f.purged)
		}
	}
}

func TestRaises(t *testing.T) {
	f := new(fake)
	status, _, _ := call(t, f, "POST", "/admin/v1/raises", `{"scope":"team:a","unit":"usd","window":"day","by":2.5,"until":"+3d","reason":"launch"}`)
	want := RaiseSpec{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", By: "2.5", Until: "+3d", Reason: "launch"}
	if status != 200 || f.raise != want || f.raiser == "" {
		t.Errorf("%d raises %+v for %q, want %+v", status, f.raise, f.raiser, want)
	}
	for _, body := range []string{
		``, `[]`, `{}`, `{"scope":"a","by":1}`, `{"scope":"a","until":"+1d"}`, `{"by":1,"until":"+1d"}`, `{"scope":"a","by":1,"to":2,"until":"+1d"}`,
		`{"scope":"a","by":1,"untli":"+1d"}`, `{"scope":"a","by":true,"until":"+1d"}`, `{"scope":"a","by":1,"until":"+1d"} {}`,
	} {
		if status, _, _ := call(t, f, "POST", "/admin/v1/raises", body); status != 400 {
			t.Errorf("POST %s = %d, want 400", body, status)
		}
	}
}

func TestLimits(t *testing.T) {
	f := new(fake)
	status, _, _ := call(t, f, "GET", "/admin/v1/limits?key=k&model=m&team=a&user=u&session=s&tag=x=1&tag=y&at=12:00", "")
	want := LimitsQuery{Asker{Key: "k", Team: "a", User: "u", Session: "s", At: "12:00", Tags: map[string]string{"x": "1", "y": "true"}}, "m", Page{Limit: usualPage}}
	if d := cmp.Diff(want, f.limits); d != "" || status != 200 {
		t.Errorf("%d %s", status, d)
	}
	for _, query := range []string{"kye=k", "tag=%0a=1"} {
		if status, _, _ := call(t, f, "GET", "/admin/v1/limits?"+query, ""); status != 400 {
			t.Errorf("GET ?%s = %d, want 400", query, status)
		}
	}
}
