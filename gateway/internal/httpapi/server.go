package httpapi

import (
	"log/slog"
	"net/http"
)

// maxHeaderBytes bounds a request's headers; net/http adds 4 KiB of its own.
const maxHeaderBytes = 32 << 10

// NewServer returns a server for one of the API's handlers. It has no WriteTimeout,
// because a stream may last: the connections of a Listener bound writes instead. The
// caller may set BaseContext, and stops the server with Shutdown.
func (a *API) NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            a.limits.Header,
		IdleTimeout:                  a.limits.Idle,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}
