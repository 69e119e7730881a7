// Package upstream speaks to providers: it sends calls over HTTP with the
// provider's credentials, says what class of fault went wrong, and keeps each
// target's live figures, cooldowns and circuit. It is not the retry loop: it tells
// what may be retried and when, and the pipeline decides. It knows errors in every
// provider's shape, but requests and replies pass through it unread.
package upstream

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Options say how one provider is reached.
type Options struct {
	// BaseURL is where the provider's paths begin, such as
	// "https://api.openai.com/v1". It must be http or https, without credentials,
	// query or fragment.
	BaseURL string
	// Auth says which header carries Key. No header is sent without a Key.
	Auth Auth
	Key  Key
	// Header is sent with every call. A call's own headers win over it; the
	// credentials win over both.
	Header http.Header
	// AllowPrivate lets the base URL lead to private, loopback and link-local
	// addresses.
	AllowPrivate bool
	// UserAgent is "penstock" when empty.
	UserAgent string
	// MaxReply bounds a plain reply and MaxStream a streamed one, in bytes. Zero
	// means 32 MiB and 256 MiB.
	MaxReply, MaxStream int64
	// MaxHeader bounds a reply's headers, in bytes. Zero means 64 KiB.
	MaxHeader int64
	// ConnectTimeout bounds name resolution with dialling, and again the TLS
	// handshake. Zero means 10 s. There is no limit on waiting for the reply: that
	// is the context's.
	ConnectTimeout time.Duration
	// RootCAs verify the provider's certificate; nil means the system's.
	RootCAs *x509.CertPool
	// Proxy is the URL of the proxy on the way to the provider, credentials included:
	// http, https, socks5 or socks5h. NoProxy means none, and empty the one that
	// HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. The operator has chosen it, so its own
	// address may be private; that of the provider is resolved by the proxy, and refused
	// only when the base URL names a private address outright.
	Proxy Key
}

// String shows where the provider is and none of its secrets, which fixed headers
// may hold as well as the key.
func (o Options) String() string { return "upstream " + o.BaseURL }

// GoString is String, for %#v.
func (o Options) GoString() string { return o.String() }

// LogValue is String, for logs.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

func (o Options) withDefaults() Options {
	if o.UserAgent == "" {
		o.UserAgent = "penstock"
	}
	if o.MaxReply <= 0 {
		o.MaxReply = 32 << 20
	}
	if o.MaxStream <= 0 {
		o.MaxStream = 256 << 20
	}
	if o.MaxHeader <= 0 {
		o.MaxHeader = 64 << 10
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 10 * time.Second
	}
	return o
}

// Client sends calls to one provider. It is safe for concurrent use.
type Client struct {
	o         Options
	base      url.URL
	header    http.Header // of every call; shared between them and never written to
	transport *http.Transport
	secrets   secrets
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
		secrets: newSecrets(o.Key, o.Header, proxy)}
	if proxy != nil && !o.AllowPrivate && namesPrivate(base.Hostname()) {
		c.refused = failure(context.Background(), errPrivate)
	}
	c.header = c.merge(http.Header{
		"Content-Type": {"application/json"},
		"Accept":       {"application/json"},
		"User-Agent":   {o.UserAgent},
		// Replies are forwarded byte for byte, and an event in a compressor's buffer is late.
		"Accept-Encoding": {"identity"},
		// It is not sent. It lets the transport replay a call whose idle connection turns
		// out to have been closed by the provider, as it does for GET without being asked.
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

// Close drops idle connections. Calls in flight go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Do sends one call and returns once the reply's headers are there. The context
// governs the whole exchange, the reading of the body included. The answer may have
// any status: of an error reply at most 64 KiB have been read already, and the
// provider's secrets have been struck out of them. A redirect is an error, and so is
// everything that kept the reply from coming; each is an *llm.Error with its Fault,
// as are the errors of reading the body.
func (c *Client) Do(ctx context.Context, call llm.Call) (*llm.Answer, error) {
	// The transport is called without an http.Client around it, so there is nothing
	// that could follow a redirect or keep a cookie.
	if c.refused != nil {
		return nil, c.refused
	}
	resp, err := c.transport.RoundTrip(c.request(ctx, call))
	if err != nil {
		return nil, failure(ctx, err)
	}
	clean(resp.Header)
	if err := c.acceptable(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	limit := c.o.MaxReply
	if call.Stream {
		limit = c.o.MaxStream
	}
	a := &llm.Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body = &body{ctx: ctx, src: resp.Body, left: limit, limit: limit, patience: c.drain}
	if resp.StatusCode >= 400 {
		c.slurp(a)
	}
	return a, nil
}

// acceptable refuses replies that are none, and undoes the encoding of those that are.
func (c *Client) acceptable(resp *http.Response) error {
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
	body, err := inflated(encoding, resp.Body)
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

// request builds the HTTP request around the call's bytes without parsing anything.
func (c *Client) request(ctx context.Context, call llm.Call) *http.Request {
	u := c.base
	u.RawPath = u.EscapedPath() + call.Path
	if path, err := url.PathUnescape(call.Path); err == nil {
		u.Path += path
	} else { // not written as in a URL: it stands for itself
		u.Path += call.Path
	}
	u.RawQuery = call.Query
	r := &http.Request{
		Method: call.Method, URL: &u, Host: u.Host, Header: c.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if len(call.Header) > 0 {
		r.Header = c.merge(c.header, call.Header)
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

// merge returns the headers of base, replaced by those of over, and the
// credentials last so that no call can replace them.
func (c *Client) merge(base, over http.Header) http.Header {
	h := make(http.Header, len(base)+len(over)+1)
	for k, v := range base {
		h[k] = v
	}
	for k, v := range over {
		if k = http.CanonicalHeaderKey(k); !forbidden(k) {
			h[k] = v
		}
	}
	c.o.Auth.set(h, c.o.Key)
	return h
}

// forbidden names the headers that belong to the connection and not to a call.
func forbidden(canonical string) bool {
	switch canonical {
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Accept-Encoding", "Cookie":
		return true
	}
	return false
}

// clean removes what is between the provider and us: hop-by-hop headers, those that
// Connection names, and cookies.
func clean(h http.Header) {
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

// slurp reads an error reply to its end or bound, so that its connection is free at
// once, and strikes out the provider's secrets, which some providers quote.
func (c *Client) slurp(a *llm.Answer) {
	b, _ := io.ReadAll(io.LimitReader(a.Body, maxErrorBody)) // half an error page is one still
	a.Body.Close()
	a.Header.Del("Content-Length")
	a.Body = io.NopCloser(strings.NewReader(c.secrets.text(string(b))))
}
