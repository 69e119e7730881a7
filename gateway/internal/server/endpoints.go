package server

import (
	"context"
	"errors"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// openEndpoints makes a translator of every plugin whose wire format callers speak at
// an endpoint.
func (sn *snapshot) openEndpoints() error {
	var errs []error
	for at, e := range sn.config.Endpoints {
		if sn.callers[e.Dialect] != nil || sn.broken(e.Dialect) {
			continue
		}
		d, err := wasm.NewClientDialect(sn.plugins[e.Dialect].module, time.Now)
		if err != nil {
			path := config.Path(config.Path("endpoints", at), "dialect")
			errs = append(errs, config.Faults{sn.config.Fault(path, "", "%v", err)})
			continue
		}
		sn.callers[e.Dialect] = d
	}
	return errors.Join(errs...)
}

// endpoint finds the endpoint for a path in the configuration of this moment, which
// stays alive until the endpoint is closed.
func (s *Server) endpoint(path string) (httpapi.Endpoint, bool) {
	sn := s.acquire()
	e, ok := sn.config.Endpoint(path)
	if !ok {
		sn.release()
		return httpapi.Endpoint{}, false
	}
	name := llm.Dialect(e.Dialect)
	return httpapi.Endpoint{Dialect: name, StreamType: e.StreamType, Format: format{sn.callers[e.Dialect], name, sn}}, true
}

// format is a plugin's wire format during one exchange.
type format struct {
	module   *wasm.ClientDialect
	name     llm.Dialect
	snapshot *snapshot
}

func (f format) Accept(ctx context.Context, in httpapi.Incoming) ([]byte, error) {
	return f.module.Accept(ctx, hook.Accepting{Dialect: f.name, RequestID: in.RequestID, Path: in.Path, Query: in.Query,
		Header: in.Header, Body: in.Body})
}

func (f format) Render(ctx context.Context, out httpapi.Outgoing) (httpapi.Rendered, error) {
	r, err := f.module.Render(ctx, hook.Rendering{Dialect: f.name, RequestID: out.RequestID, Created: out.Created,
		Status: out.Status, Body: out.Body})
	return httpapi.Rendered(r), err
}

func (f format) Stream(ctx context.Context, out httpapi.Outgoing) (httpapi.Frames, error) {
	frames, err := f.module.RenderEvents(ctx, hook.RenderOpening{Dialect: f.name, RequestID: out.RequestID, Created: out.Created})
	if err != nil { // a nil in an interface would not be nil
		return nil, err
	}
	return frames, nil
}

func (f format) Close() { f.snapshot.release() }
