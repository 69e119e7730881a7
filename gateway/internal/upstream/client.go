// Package upstream sends calls to providers over HTTP with the provider's credentials,
// classifies what goes wrong, and keeps each target's live figures, cooldowns and
// circuit. It does not retry: it reports what may be retried and when, and the pipeline
// decides. Requests and replies pass through it unread.
package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// Client sends calls to one provider. It is safe for concurrent use.
type Client struct {
	o         Options
	base      url.URL
	header    http.Header // of every call; never written to
	transport *http.Transport
	secrets   secrets // of the headers and the proxy; the signer has its own
	// refused is why no call may be sent at all; nil when calls may.
	refused error
	drain   time.Duration // drainTime, but for tests
}

// New checks the options and makes a client. It opens no connection. Close ends it.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	proxy, err := proxyFor(base, string(o.Proxy), http.ProxyFromEnvironment)
	if err != nil {
		return nil, err
	}
	c := &Client{o: o, base: *base, transport: newTransport(o, proxy), drain: drainTime,
		secrets: newSecrets(o.Header, proxy)}
	if proxy != nil && !o.AllowPrivate && publicaddr.NamesPrivate(base.Hostname()) {
		c.refused = failure(context.Background(), publicaddr.ErrPrivate)
	}
	c.header = mergeHeaders(http.Header{
		"Content-Type": {"application/json"},
		"Accept":       {"application/json"},
		"User-Agent":   {o.UserAgent},
		// Replies are forwarded byte for byte, and an event in a compressor's buffer is late.
		"Accept-Encoding": {"identity"},
		// It is not sent. It lets the transport replay a call whose idle connection turns
		// out to have been closed by the provider, as it does for GET by itself.
		"X-Idempotency-Key": nil,
	}, o.Header)
	return c, nil
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("base URL is not a URL") // the parse error would show a password in it
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("base URL must begin with http:// or https://")
	case u.Host == "":
		return nil, errors.New("base URL has no host")
	case u.User != nil:
		return nil, errors.New("base URL must not hold credentials")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("base URL must not hold a query or fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// Credentials returns the credentials of Options.
func (c *Client) Credentials() []*Credential { return c.o.Credentials }

// Close drops idle connections. Calls in flight go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Do sends one call and returns once the reply's headers are there. The context
// governs the whole exchange, the reading of the body included. The answer may have
// any status: of an error reply at most 64 KiB have been read already, and the
// provider's secrets have been redacted. A redirect is an error, and so is everything
// that kept the reply from coming; each is an *llm.Error with its Fault, as are the
// errors of reading the body.
func (c *Client) Do(ctx context.Context, call llm.Call) (*llm.Answer, error) {
	if c.refused != nil {
		return nil, c.refused
	}
	r := c.request(ctx, call)
	if err := c.sign(ctx, r, call); err != nil {
		return nil, err
	}
	// The transport is called without an http.Client around it, so there is nothing
	// that could follow a redirect or keep a cookie.
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, failure(ctx, err)
	}
	removeHopHeaders(resp.Header)
	if err := acceptReply(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	limit := c.o.MaxReply
	if call.Stream {
		limit = c.o.MaxStream
	}
	a := &llm.Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body = &body{ctx: ctx, src: resp.Body, left: limit, limit: limit, drainTime: c.drain}
	if resp.StatusCode >= 400 {
		c.readErrorBody(a)
	}
	return a, nil
}

// acceptReply refuses replies that no provider sends, and decompresses the others.
func acceptReply(resp *http.Response) error {
	switch status := resp.StatusCode; {
	case status == http.StatusSwitchingProtocols:
		return &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultMalformed,
			Message: "The provider answered by switching to another protocol."}
	case status >= 300 && status < 400:
		return &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultNotFound,
			Message: fmt.Sprintf("The provider answered with a redirect (%d), which is never followed: its base URL is probably wrong.", status)}
	case status == http.StatusProxyAuthRequired:
		return proxyRefused(status) // a provider has no use for it
	}
	encoding := encodingOf(resp.Header)
	body, err := inflate(encoding, resp.Body)
	if err != nil {
		return err
	}
	if encoding != "" {
		resp.Body = body
		resp.Header.Del("Content-Length")
	}
	resp.Header.Del("Content-Encoding")
	return nil
}

// request builds the HTTP request around the call's bytes without parsing anything. Its
// URL and headers belong to it alone.
func (c *Client) request(ctx context.Context, call llm.Call) *http.Request {
	u := c.base
	u.RawPath = u.EscapedPath() + call.Path
	if path, err := url.PathUnescape(call.Path); err == nil {
		u.Path += path
	} else { // it has no valid escapes, so it is taken literally
		u.Path += call.Path
	}
	u.RawQuery = call.Query
	r := &http.Request{
		Method: call.Method, URL: &u, Host: u.Host, Header: mergeHeaders(c.header, call.Header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if len(call.Body) > 0 {
		r.ContentLength = int64(len(call.Body))
		// A connection that the provider closed while idle is replaced by the
		// transport, which needs the body anew for that.
		r.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(call.Body)), nil
		}
		r.Body, _ = r.GetBody()
	}
	return r.WithContext(ctx)
}

// mergeHeaders returns the headers of base, replaced by those of over that a call may
// set.
func mergeHeaders(base, over http.Header) http.Header {
	h := make(http.Header, len(base)+len(over)+1)
	for k, v := range base {
		h[k] = v
	}
	for k, v := range over {
		if k = http.CanonicalHeaderKey(k); !connectionHeader(k) {
			h[k] = v
		}
	}
	return h
}

// connectionHeader reports whether a header is the client's to set and not a call's.
func connectionHeader(canonical string) bool {
	switch canonical {
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Accept-Encoding", "Cookie":
		return true
	}
	return false
}

// removeHopHeaders removes what is between the provider and the gateway: hop-by-hop
// headers, those that Connection names, and cookies.
func removeHopHeaders(h http.Header) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
		"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Set-Cookie", "Set-Cookie2"} {
		delete(h, name)
	}
}

// readErrorBody reads an error reply to its end or bound, so that its connection is free
// at once, and redacts the provider's secrets, which some providers quote.
func (c *Client) readErrorBody(a *llm.Answer) {
	b, _ := io.ReadAll(io.LimitReader(a.Body, maxErrorBody)) // part of an error page is better than none
	a.Body.Close()
	a.Header.Del("Content-Length")
	a.Body = io.NopCloser(strings.NewReader(c.allSecrets().redact(string(b))))
}
