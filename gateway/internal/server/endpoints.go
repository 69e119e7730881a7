package server

import (
	"context"
	"errors"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// openEndpoints makes a client dialect of every plugin whose wire format callers use at
// an endpoint.
func (sn *snapshot) openEndpoints() error {
	var errs []error
	for at, e := range sn.config.Endpoints {
		if sn.callers[e.Dialect] != nil || sn.failed(e.Dialect) {
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

// pluginFormat is the wire format of a plugin during one request. It keeps the snapshot of
// the plugin open.
type pluginFormat struct {
	module   *wasm.ClientDialect
	name     llm.Dialect
	snapshot *snapshot
}

func (p pluginFormat) Accept(ctx context.Context, in llm.Incoming) ([]byte, error) {
	return p.module.Accept(ctx, hook.ClientRequest{Dialect: p.name, RequestID: in.RequestID, Path: in.Path, Query: in.Query,
		Header: in.Header, Body: in.Body})
}

func (p pluginFormat) Render(ctx context.Context, out wire.Outgoing) (llm.Rendered, error) {
	r, err := p.module.Render(ctx, hook.ClientReply{Dialect: p.name, RequestID: out.RequestID, Created: out.Created,
		Status: out.Status, Body: out.Body})
	return llm.Rendered(r), err
}

func (p pluginFormat) Stream(ctx context.Context, out wire.Outgoing) (wire.Frames, error) {
	frames, err := p.module.RenderEvents(ctx, hook.ClientStream{Dialect: p.name, RequestID: out.RequestID, Created: out.Created})
	if err != nil { // a nil in an interface would not be nil
		return nil, err
	}
	return frames, nil
}

func (p pluginFormat) Close() { p.snapshot.release() }
