package server

import (
	"net/http"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// formats are the wire formats that clients of the server speak: those of the table in
// package wire, and those of plugins at the endpoints of the configuration.
type formats struct{ server *Server }

// Paths implements httpapi.Formats.
func (f formats) Paths() []httpapi.Path {
	var all []httpapi.Path
	for _, format := range wire.Formats {
		for _, path := range format.Paths {
			all = append(all, httpapi.Path{Path: path, Title: format.Title})
		}
	}
	return all
}

// Open implements httpapi.Formats.
func (f formats) Open(path string, h http.Header, requestID string) (httpapi.Format, bool) {
	if c, ok := wire.ClientAt(path, requestID); ok {
		c.TranslateBy(f.server.clientDialect)
		return c, true
	}
	sn := f.server.acquire()
	e, ok := sn.config.Endpoint(path)
	if !ok {
		sn.release()
		return wire.AnyClient(path, h, requestID), false
	}
	name := llm.Dialect(e.Dialect)
	return wire.NewPluginClient(wire.PluginOptions{Dialect: name, ContentType: e.StreamType, RequestID: requestID, Log: f.server.log,
		Plugin: clientModule{sn.callers[e.Dialect], name, sn.release}}), true
}

// Guess implements httpapi.Formats.
func (f formats) Guess(body []byte) (string, error) { return wire.GuessPath(body) }
