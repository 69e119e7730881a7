package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// While a gateway drains it serves requests, is not ready, and ends each
// connection with its reply, so that a caller who keeps connections sees no EOF.
func TestDraining(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), "keys: off\nmodels: {demo: {targets: [demo/demo]}}\nledger: sqlite://penstock.db\n")
	server := httptest.NewServer(h.closeConnections(h.Handler()))
	defer server.Close()
	h.URL = server.URL + "/v1"
	for _, draining := range []bool{false, true} {
		h.draining.Store(draining)
		resp, body := h.post(t, `{"model":"demo",`+hello+`}`)
		if resp.StatusCode != 200 || resp.Close != draining {
			t.Errorf("draining %v: status %d, Connection: close is %v, body %s; want 200 and %v", draining, resp.StatusCode, resp.Close, body, draining)
		}
		ready, err := http.Get(server.URL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, ready.Body)
		ready.Body.Close()
		if (ready.StatusCode == 200) == draining {
			t.Errorf("draining %v: /readyz answers %d", draining, ready.StatusCode)
		}
	}
}
