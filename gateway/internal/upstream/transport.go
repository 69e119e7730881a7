package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// The bounds of connections to one provider.
const (
	// maxIdle is how many idle connections are kept. The default of 2 makes a proxy
	// dial for nearly every request.
	maxIdle     = 256
	idleTimeout = 90 * time.Second
	// pingAfter is how long an HTTP/2 connection may be silent before it is pinged,
	// and how long the reply to a ping may take.
	pingAfter = 15 * time.Second
	// readBuffer saves two reads for each streamed reply, compared to 4 KiB.
	readBuffer = 8 << 10
)

// newTransport makes a transport of net/http, which drops idle connections that the
// server has closed or written to, and sends a request again whose connection turned out
// to be stale.
func newTransport(o Options, proxy *url.URL) *http.Transport {
	dialer := &net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}
	if !o.AllowPrivate && proxy == nil {
		dialer.Control = publicaddr.Refuse
	}
	return &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		OnProxyConnectResponse: checkTunnel,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    o.ConnectTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter},
		ReadBufferSize:         readBuffer,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true, // replies are forwarded byte for byte
		MaxResponseHeaderBytes: o.MaxHeader,
	}
}

// NoProxy as Options.Proxy reaches the provider directly, whatever the environment
// says.
const NoProxy = "none"

// proxyFor returns the proxy on the way to base, or nil for none. environment returns the
// one that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name.
func proxyFor(base *url.URL, setting string, environment func(*http.Request) (*url.URL, error)) (*url.URL, error) {
	if setting == NoProxy {
		return nil, nil
	}
	if setting == "" {
		proxy, err := environment(&http.Request{URL: base})
		if err != nil {
			return nil, errors.New("HTTPS_PROXY or HTTP_PROXY is not the URL of a proxy")
		}
		return proxy, nil
	}
	return parseProxy(setting)
}

// parseProxy reads the URL of a proxy: http, https, socks5 or socks5h, a host, and
// optional credentials. Its errors show nothing of the URL.
func parseProxy(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, errors.New("proxy is not a URL such as http://proxy.example:3128")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		return nil, errors.New("proxy must begin with http://, https://, socks5:// or socks5h://")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("proxy must not hold a path, query or fragment")
	}
	return u, nil
}

// checkTunnel returns an error when the proxy does not connect to the provider. The
// proxy's status is not the provider's: a 407 is no fault of the provider's key.
func checkTunnel(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return proxyRefused(resp.StatusCode)
}

func proxyRefused(status int) *llm.Error {
	return &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultNetwork,
		Message: fmt.Sprintf("The proxy on the way to the provider answered with status %d instead of connecting to it.", status)}
}
