package httpapi_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestAdminSpend(t *testing.T) {
	o := options()
	var gotBy []string
	var span time.Duration
	o.Spend = func(_ context.Context, by []string, since, until time.Time) (any, error) {
		gotBy, span = by, until.Sub(since)
		if slices.Contains(by, "nonsense") {
			return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: 400, Param: "by", Message: "no such dimension"}
		}
		return map[string]any{"rows": []map[string]any{{"model": "m"}}, "total": map[string]int{"requests": 1}}, nil
	}
	addr := startAdmin(t, o)
	resp, body := call(t, "GET", addr, "/admin/v1/spend?by=model,+tag:usecase&since=7d", "")
	if resp.StatusCode != 200 || strings.TrimSpace(body) != `{"rows":[{"model":"m"}],"total":{"requests":1}}` {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if !slices.Equal(gotBy, []string{"model", "tag:usecase"}) || span != 7*24*time.Hour {
		t.Errorf("asked by %q over %v", gotBy, span)
	}
	resp, body = call(t, "GET", addr, "/admin/v1/spend?format=csv", "")
	if body != "model\nm\n" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/csv") || span != 24*time.Hour {
		t.Errorf("CSV: %q %v over %v", body, resp.Header, span)
	}
	for _, query := range []string{"since=never", "until=never", "format=xml", "by=nonsense"} {
		resp, body := call(t, "GET", addr, "/admin/v1/spend?"+query, "")
		name, _, _ := strings.Cut(query, "=")
		if _, _, _, param := fault(t, body); resp.StatusCode != 400 || param != name {
			t.Errorf("%s: %d %s", query, resp.StatusCode, body)
		}
	}
}

func TestAdminExplainSaysForWhom(t *testing.T) {
	o := options()
	var got httpapi.Asker
	o.Explain = func(_ context.Context, req *llm.Request, as httpapi.Asker) (any, error) {
		got = as
		return &llm.Record{ID: req.ID, Model: req.Facts.Model, User: req.Facts.User}, nil
	}
	addr := startAdmin(t, o)
	const ask = `"model":"m","messages":[{"role":"user","content":"hi"}]`
	whole := httpapi.Asker{Key: "ci", Team: "search", User: "ada", Tags: map[string]string{"usecase": "support"}, At: "23:30"}
	flat := whole
	flat.User = ""
	for body, want := range map[string]httpapi.Asker{
		`{` + ask + `}`: {},
		`{"request":{` + ask + `},"key":"ci","team":"search","user":"ada","tags":{"usecase":"support"},"at":"23:30"}`: whole,
		`{"request":{` + ask + `},"key":"ci","team":"search","user":"ada","tag":"usecase=support","at":"23:30"}`:      whole,
		`{` + ask + `,"user":"u","key":"ci","team":"search","tag":["usecase=support"],"at":"23:30"}`:                  flat,
	} {
		resp, reply := call(t, "POST", addr, "/admin/v1/explain", body)
		if diff := cmp.Diff(want, got); diff != "" || resp.StatusCode != 200 || !strings.Contains(reply, `"model":"m"`) {
			t.Errorf("%s: %d %s, asker differs (-want +got):\n%s", body, resp.StatusCode, reply, diff)
		}
	}
	for _, body := range []string{
		`{"request":{` + ask + `},"teem":"x"}`, `{"request":{` + ask + `},"team":7}`, `{"request":[],"team":"x"}`,
		`{"request":{` + ask + `},"tags":{"":"x"}}`,
	} {
		if resp, reply := call(t, "POST", addr, "/admin/v1/explain", body); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s, want 400", body, resp.StatusCode, reply)
		}
	}
}

func TestAdminExplainAndRecords(t *testing.T) {
	o := options()
	o.Explain = func(_ context.Context, req *llm.Request, _ httpapi.Asker) (any, error) {
		return &llm.Record{ID: req.ID, Dry: true, Model: req.Facts.Model, Tags: req.Tags}, nil
	}
	o.Record = func(_ context.Context, id string) (any, error) {
		if id == "req_1" {
			return &llm.Record{ID: id}, nil
		}
		return nil, &llm.Error{Code: llm.CodeNotFound, Status: 404, Message: "no record of " + id}
	}
	o.Reload = func(context.Context) (any, error) {
		return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: 400, Message: "penstock.yaml:3: no such provider"}
	}
	addr := startAdmin(t, o)
	if resp, body := call(t, "POST", addr, "/admin/v1/explain", hello, "x-penstock-tags", "a=b"); resp.StatusCode != 200 || !strings.Contains(body, `"dry":true`) || !strings.Contains(body, `"tags":{"a":"b"}`) {
		t.Errorf("explain: %d %s", resp.StatusCode, body)
	}
	if resp, body := call(t, "POST", addr, "/admin/v1/explain", "oops"); resp.StatusCode != 400 {
		t.Errorf("explain nonsense: %d %s", resp.StatusCode, body)
	}
	if resp, body := call(t, "GET", addr, "/admin/v1/requests/req_1", ""); resp.StatusCode != 200 || !strings.Contains(body, `"id":"req_1"`) {
		t.Errorf("record: %d %s", resp.StatusCode, body)
	}
	if resp, _ := call(t, "GET", addr, "/admin/v1/requests/req_2", ""); resp.StatusCode != 404 {
		t.Errorf("unknown record: %d", resp.StatusCode)
	}
	if resp, body := call(t, "POST", addr, "/admin/v1/reload", ""); resp.StatusCode != 400 || !strings.Contains(body, "penstock.yaml:3") {
		t.Errorf("reload: %d %s", resp.StatusCode, body)
	}
	if resp, body := call(t, "GET", addr, "/", ""); resp.StatusCode != 200 || !strings.Contains(body, "/admin/v1/requests/{id}") || strings.Contains(body, "/metrics") {
		t.Errorf("index: %d %s", resp.StatusCode, body)
	}
	if resp, _ := call(t, "GET", addr, "/", "", "Host", "evil.example"); resp.StatusCode != 403 {
		t.Errorf("rebinding: %d", resp.StatusCode)
	}
}

func TestReadiness(t *testing.T) {
	o := options()
	ready := true
	o.Ready = func(context.Context) (bool, any) { return ready, map[string]string{"policy": "canary"} }
	data, admin := start(t, o), startAdmin(t, o)
	for _, c := range []struct {
		ready  bool
		status int
	}{{true, 200}, {false, 503}} {
		ready = c.ready
		resp, body := call(t, "GET", data, "/readyz", "")
		if resp.StatusCode != c.status || strings.Contains(body, "canary") {
			t.Errorf("data, ready %v: %d %s", c.ready, resp.StatusCode, body)
		}
		resp, body = call(t, "GET", admin, "/readyz", "")
		if resp.StatusCode != c.status || !strings.Contains(body, `"detail":{"policy":"canary"}`) {
			t.Errorf("admin, ready %v: %d %s", c.ready, resp.StatusCode, body)
		}
		for _, addr := range []string{data, admin} {
			if resp, _ := call(t, "GET", addr, "/healthz", ""); resp.StatusCode != 200 {
				t.Errorf("healthz: %d", resp.StatusCode)
			}
		}
	}
}

// TestStopTellsStreams stops the server under a stream: whoever stops it gives the
// reason as the context's cause, and the client hears it.
func TestStopTellsStreams(t *testing.T) {
	o := options()
	base, stop := context.WithCancelCause(t.Context())
	o.Serve = func(ctx context.Context, _ *llm.Request, w httpapi.Writer) error {
		if err := w.Start(llm.Head{Status: 200, Stream: true}); err != nil {
			return err
		}
		if err := w.Event(llm.Event{Frame: []byte("data: 1\n\n")}); err != nil {
			return err
		}
		stop(&llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "The gateway is stopping."})
		<-ctx.Done()
		return ctx.Err()
	}
	_, body := call(t, "POST", startOn(t, o, base), "/v1/chat/completions", hello)
	if !strings.Contains(body, "The gateway is stopping.") || strings.Contains(body, "DONE") {
		t.Errorf("stream = %q", body)
	}
}

func TestAdminBudgets(t *testing.T) {
	o := options()
	var got httpapi.Correction
	o.Budgets = func(context.Context) (any, error) { return map[string]any{"budgets": []string{"one"}}, nil }
	o.Correct = func(_ context.Context, c httpapi.Correction) (any, error) {
		got = c
		if c.Scope == "nobody" {
			return nil, &llm.Error{Code: llm.CodeNotFound, Status: 404, Param: "scope", Message: "no such counter"}
		}
		return map[string]any{"budgets": []string{"two"}}, nil
	}
	addr := startAdmin(t, o)
	if resp, body := call(t, "GET", addr, "/admin/v1/budgets", ""); resp.StatusCode != 200 || strings.TrimSpace(body) != `{"budgets":["one"]}` {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body := call(t, "POST", addr, "/admin/v1/budgets", `{"scope":"key:k","unit":"usd","window":"day","used":0.25}`)
	want := httpapi.Correction{Scope: "key:k", Unit: llm.UnitUSD, Window: "day", Used: "0.25"}
	if resp.StatusCode != 200 || strings.TrimSpace(body) != `{"budgets":["two"]}` || got != want {
		t.Errorf("%d %s corrects %+v, want %+v", resp.StatusCode, body, got, want)
	}
	for in, status := range map[string]int{
		`{"scope":"nobody","unit":"usd","window":"day","used":0}`:        404,
		`{"scope":"key:k","unit":"usd","window":"day"}`:                  400,
		`{"scope":"key:k","unit":"usd","window":"day","used":"much"}`:    400,
		`{"scope":"key:k","unit":"usd","window":"day","used":0,"max":1}`: 400,
		`[]`: 400, ``: 400,
	} {
		if resp, body := call(t, "POST", addr, "/admin/v1/budgets", in); resp.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", in, resp.StatusCode, body, status)
		}
	}
}
