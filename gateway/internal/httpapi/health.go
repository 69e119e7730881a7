package httpapi

import (
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// health serves GET /healthz: the process is up.
func (a *API) health(x *exchange) error {
	x.send(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// root serves GET and HEAD / to clients that look whether the base URL leads anywhere.
func (a *API) root(x *exchange) error {
	x.send(http.StatusOK, "text/plain; charset=utf-8", []byte("Penstock is here.\n"))
	return nil
}

// ready serves GET /readyz to load balancers, without detail.
func (a *API) ready(x *exchange) error {
	if ready, _ := a.service.Ready(x.r.Context()); !ready {
		x.send(http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("not ready\n"))
		return nil
	}
	x.send(http.StatusOK, "text/plain; charset=utf-8", []byte("ready\n"))
	return nil
}

// readyDetail serves GET /readyz to operators.
func (a *API) readyDetail(x *exchange) error {
	ready, detail := a.service.Ready(x.r.Context())
	status := http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	waiting := int64(0)
	for _, p := range llm.Priorities() {
		waiting += a.Waiting(p)
	}
	return x.json(status, struct {
		Ready    bool  `json:"ready"`
		Inflight int64 `json:"inflight"`
		Waiting  int64 `json:"waiting"`
		Detail   any   `json:"detail,omitempty"`
	}{ready, a.Inflight(), waiting, detail})
}
