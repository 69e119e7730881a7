package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestServeAs serves a request of a caller who is known already: what the request itself says of
// its caller must not count, and everything else must be as on the data handler.
func TestServeAs(t *testing.T) {
	var got *llm.Request
	f := &httpapi.Fake{Keys: httpapi.KeysRequired, OnServe: func(ctx context.Context, req *llm.Request, w llm.Writer) error {
		got = req
		return httpapi.SendPlain(ctx, req, w)
	}}
	a, err := httpapi.New(f.Options())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer admin")
		r.Header.Set("X-Penstock-Tags", "usecase=try")
		w := httptest.NewRecorder()
		a.ServeAs(w, r, llm.Principal{KeyID: "k9", Tags: map[string]string{"env": "dev"}})
		return w
	}
	w := ask(hello)
	if w.Code != http.StatusOK || got == nil || got.Principal.KeyID != "k9" || got.Tags["usecase"] != "try" || got.Tags["env"] != "dev" || w.Header().Get("X-Penstock-Request-Id") != got.ID {
		t.Errorf("the reply is %d %s to %+v", w.Code, w.Body, got)
	}
	if w := ask("no JSON"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"error"`) {
		t.Errorf("a bad body = %d %s", w.Code, w.Body)
	}
	if n := a.Inflight(); n != 0 {
		t.Errorf("%d requests are in flight after their end", n)
	}
}
