package httpapi

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// chat serves POST /v1/chat/completions, and the endpoints whose callers speak another
// format.
func (a *API) chat(x *exchange) error {
	defer a.inflight.Add(-1)
	if a.inflight.Add(1) > a.limits.Requests {
		return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: time.Second,
			Message: "The gateway is serving as many requests as it may; try again in a moment."}
	}
	req, err := a.request(x)
	if err != nil {
		return err
	}
	return a.service.Serve(x.r.Context(), req, x.writer())
}

// request reads a chat-completions request, body and headers.
func (a *API) request(x *exchange) (*llm.Request, error) {
	// Invalid headers are refused before the body has arrived.
	fromHeaders, err := tags.FromHeaders(x.r.Header)
	if err != nil {
		return nil, err
	}
	if _, err := cacheControl(x.r.Header, llm.CacheControl{}); err != nil {
		return nil, err
	}
	body, err := x.body()
	if err != nil {
		return nil, err
	}
	if x.endpoint != nil {
		if body, err = x.canonical(body); err != nil {
			return nil, err
		}
	}
	return a.requestOf(x, body, fromHeaders)
}

// requestOf makes a request of a body in the canonical form and the tags in the headers.
func (a *API) requestOf(x *exchange, body []byte, fromHeaders map[string]string) (*llm.Request, error) {
	facts, cache, err := a.formats.Scan(body)
	if err != nil {
		return nil, x.misread(err)
	}
	if cache, err = cacheControl(x.r.Header, cache); err != nil {
		return nil, err
	}
	merged, err := tags.Merge(facts.Metadata, fromHeaders, x.who.Tags)
	if err != nil {
		return nil, err
	}
	return &llm.Request{
		ID: x.id, Endpoint: llm.ChatCompletions, Dialect: x.dialect,
		Body: body, Facts: facts, Principal: x.who, Tags: merged,
		IP: clientIP(x.r.RemoteAddr), Received: x.received, Cache: cache, Hold: x.holdReply,
	}, nil
}

// clientIP is the address without port, IPv4 in its own form.
func clientIP(remote string) string {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	return addr.Addr().Unmap().WithZone("").String()
}
