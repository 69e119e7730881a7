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
	"github.com/penstock/penstock/plugins/dialects"
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

// openBuiltinClients makes a client dialect of the built-in module, for the wire formats of
// its own.
func (s *Server) openBuiltinClients() error {
	d, err := wasm.NewClientDialect(s.builtin, time.Now)
	if err != nil {
		return err
	}
	s.clientDialects = map[llm.Dialect]wire.ClientModule{}
	for _, name := range dialects.ClientNames() {
		dialect := llm.Dialect(name)
		s.clientDialects[dialect] = clientModule{module: d, name: dialect, close: func() {}}
	}
	return nil
}

// clientDialect returns the module for a wire format of clients, nil for one that the
// built-in module does not have.
func (s *Server) clientDialect(d llm.Dialect) wire.ClientModule { return s.clientDialects[d] }

// clientModule is the wire format of clients that a module translates, during one request.
type clientModule struct {
	module *wasm.ClientDialect
	name   llm.Dialect
	close  func()
}

func (p clientModule) Accept(ctx context.Context, in llm.Incoming) (wire.Accepted, error) {
	a, err := p.module.Accept(ctx, hook.ClientRequest{Dialect: p.name, RequestID: in.RequestID, Path: in.Path, Query: in.Query,
		Header: in.Header, Body: in.Body})
	return wire.Accepted(a), err
}

func (p clientModule) Render(ctx context.Context, out wire.Outgoing) (llm.Rendered, error) {
	r, err := p.module.Render(ctx, hook.ClientReply{Dialect: p.name, RequestID: out.RequestID, Created: out.Created,
		Status: out.Status, Context: out.Context, Body: out.Body})
	return llm.Rendered(r), err
}

func (p clientModule) Stream(ctx context.Context, out wire.Outgoing) (wire.Frames, error) {
	frames, err := p.module.RenderEvents(ctx, hook.ClientStream{Dialect: p.name, RequestID: out.RequestID, Created: out.Created,
		Context: out.Context})
	if err != nil { // a nil in an interface would not be nil
		return nil, err
	}
	return frames, nil
}

func (p clientModule) Close() { p.close() }
