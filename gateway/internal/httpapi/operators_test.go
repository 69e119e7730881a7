package httpapi_test

import (
	"context"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestOperations(t *testing.T) {
	f := &httpapi.Fake{Admin: &httpapi.FakeAdmin{
		ReloadErr: &llm.Error{Code: llm.CodeInvalidRequest, Status: 400, Message: "penstock.yaml:3: no such provider"},
	}}
	addr := startAdmin(t, f)
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		want               string
	}{
		{"POST", "/admin/v1/explain", hello, []string{"x-penstock-tags", "a=b"}, 200, `"model":"m","tags":{"a":"b"}`},
		{"POST", "/admin/v1/explain", `{"request":` + hello + `,"team":"search"}`, []string{"x-api-key", "admin"}, 200, `"team":"search"`},
		{"POST", "/admin/v1/explain", hello, []string{"x-penstock-tags", "=b"}, 400, "x-penstock-tags"},
		{"POST", "/admin/v1/explain", "oops", nil, 400, "not JSON"},
		{"GET", "/admin/v1/requests/req_1", "", nil, 200, `"id":"req_1"`},
		{"GET", "/admin/v1/requests/none", "", nil, 404, "no record of none"},
		{"POST", "/admin/v1/reload", "", nil, 400, "penstock.yaml:3"},
		{"GET", "/metrics", "", nil, 200, "up 1"},
		{"GET", "/openapi.yaml", "", nil, 200, "/admin/v1/requests/{id}"},
		{"GET", "/openapi.yaml", "", []string{"Host", "evil.example"}, 403, "Host header"},
	} {
		resp, body := call(t, c.method, addr, c.path, c.body, c.headers...)
		if resp.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: %d %s, want %d …%s…", c.method, c.path, c.headers, resp.StatusCode, body, c.status, c.want)
		}
	}
	resp, body := call(t, "GET", addr, "/admin/v1/spend?format=csv", "")
	if got := resp.Header.Get("Content-Disposition"); body != "model\nm\n" || got != `attachment; filename="spend.csv"` || resp.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("spend as CSV: %q with %v", body, resp.Header)
	}
}

// TestNoAdmin has a gateway without an Admin: the handler is there, the endpoints are not.
func TestNoAdmin(t *testing.T) {
	addr := startAdmin(t, new(httpapi.Fake))
	for path, status := range map[string]int{"/openapi.json": 200, "/healthz": 200, "/readyz": 200, "/metrics": 404, "/admin/v1/spend": 404} {
		if resp, body := call(t, "GET", addr, path, ""); resp.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, body, status)
		}
	}
}

func TestReadiness(t *testing.T) {
	f := new(httpapi.Fake)
	ready := true
	f.OnReady = func() (bool, any) { return ready, map[string]string{"policy": "canary"} }
	data, admin := start(t, f), startAdmin(t, f)
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

// TestStopEndsStreamsWithItsReason cancels the server's context during a stream: the
// context's cause is the error that the client gets.
func TestStopEndsStreamsWithItsReason(t *testing.T) {
	f := new(httpapi.Fake)
	base, stop := context.WithCancelCause(t.Context())
	f.OnServe = func(ctx context.Context, _ *llm.Request, w llm.Writer) error {
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
	_, body := call(t, "POST", startOn(t, f, base), "/v1/chat/completions", hello)
	if !strings.Contains(body, "The gateway is stopping.") || strings.Contains(body, "DONE") {
		t.Errorf("stream = %q", body)
	}
}
