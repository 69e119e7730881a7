package httpapi

import (
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ServeAs serves a request to a path of the formats as the data handler does, on behalf of a
// caller who has been identified otherwise. The request's own credentials are not looked at.
// Errors are rendered in the path's dialect.
func (a *API) ServeAs(w http.ResponseWriter, r *http.Request, who llm.Principal) {
	x := a.exchange(w, r, true)
	defer x.end()
	defer func() {
		if v := recover(); v != nil {
			a.panicked(x, v)
		}
	}()
	x.who = who
	if err := a.chat(x); err != nil {
		x.fail(err)
	}
}
