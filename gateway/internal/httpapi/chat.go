package httpapi

import (
	"net/netip"

	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// chat serves the paths of all formats.
func (a *API) chat(x *exchange) error {
	defer x.leave()
	req, err := a.request(x)
	if err != nil {
		return err
	}
	req.Propagate = a.tracing.On && a.tracing.Propagate
	x.request = req
	req.Settled = func(r *llm.Record) { x.record.Store(r) }
	return a.service.Serve(x.r.Context(), req, x.format.Writer(x.r.Context(), &x.reply))
}

// request reads a request, body and headers.
func (a *API) request(x *exchange) (*llm.Request, error) {
	// Invalid headers are refused before the body has arrived.
	fromHeaders, err := tags.FromHeaders(x.r.Header)
	if err != nil {
		return nil, err
	}
	if _, err := cacheControl(x.r.Header, llm.CacheControl{}); err != nil {
		return nil, err
	}
	if err := x.enter(); err != nil {
		return nil, err
	}
	body, err := x.body()
	if err != nil {
		return nil, err
	}
	return a.requestOf(x, x.format, llm.Incoming{Path: x.r.URL.Path, Query: x.r.URL.RawQuery, Body: body}, fromHeaders)
}

// requestOf makes a request of a body that was sent to a path, and the tags in the headers.
func (a *API) requestOf(x *exchange, format Format, in llm.Incoming, fromHeaders map[string]string) (*llm.Request, error) {
	in.RequestID, in.Header, in.Received = x.id, x.r.Header, x.received
	req, err := format.Request(x.r.Context(), in)
	if err != nil {
		return nil, err
	}
	if req.Form == "" && req.Dialect != llm.OpenAI { // its canonical form is kept instead
		if err := x.hold(int64(len(req.Body))); err != nil {
			return nil, err
		}
		x.free(x.heldBytes.Load() - int64(len(req.Body)))
	}
	if req.Cache, err = cacheControl(x.r.Header, req.Cache); err != nil {
		return nil, err
	}
	if req.Timeout, req.FirstTimeout, err = timeouts(x.r.Header); err != nil {
		return nil, err
	}
	req.Priority, req.Queued = x.priority, x.waited
	req.Timeout, req.FirstTimeout = remaining(req.Timeout, req.Queued), remaining(req.FirstTimeout, req.Queued)
	if req.Tags, err = tags.Merge(req.Facts.Metadata, fromHeaders, x.who.Tags); err != nil {
		return nil, err
	}
	if req.Demands, err = tags.Demands(req.Facts.Metadata, fromHeaders, x.who.Tags); err != nil {
		return nil, err
	}
	req.Trace = x.trace()
	req.ID, req.Principal, req.IP, req.Received, req.Hold = x.id, x.who, clientIP(x.r.RemoteAddr), x.received, x.holdReply
	return req, nil
}

// clientIP is the address without port, IPv4 in its own form.
func clientIP(remote string) string {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	return addr.Addr().Unmap().WithZone("").String()
}
