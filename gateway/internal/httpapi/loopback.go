package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// proxied reports whether a request came through a proxy: then every client seems to be
// on this machine. Proxies add many headers: X-Forwarded-For and its variants,
// Forwarded, Via, True-Client-IP, CF-Connecting-IP, X-Real-IP and more.
func proxied(h http.Header) bool {
	for name := range h {
		name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
		for _, word := range [...]string{"forwarded", "client-ip", "clientip", "connecting-ip", "real-ip", "user-ip", "remote-ip", "remote-addr"} {
			if strings.Contains(name, word) {
				return true
			}
		}
		switch name {
		case "via", "cdn-loop", "x-original-host", "x-original-url", "x-rewrite-url", "x-host", "x-scheme", "x-nginx-proxy",
			"front-end-https", "x-varnish", "x-remote-user", "remote-user":
			return true
		}
		for _, vendor := range [...]string{"cf-", "x-amz", "x-envoy-", "x-azure-", "x-arr-", "x-akamai-", "akamai-", "x-nf-", "x-auth-request-", "tailscale-", "ssl-client-"} {
			if strings.HasPrefix(name, vendor) {
				return true
			}
		}
	}
	return false
}

// requireLoopback refuses requests from another machine, or from a web page that
// was loaded from one: a page can make a browser on this machine send requests
// here, also to a host name of its own that resolves to 127.0.0.1.
func requireLoopback(r *http.Request) error {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	switch {
	case err != nil || !remote.Addr().Unmap().IsLoopback():
		return notLocal("it is open to this machine only; set admin.auth to key to use it from another machine")
	case !loopbackHost(r.Host):
		return notLocal("the Host header must name this machine, such as 127.0.0.1 or localhost")
	case !sameOrigin(r):
		return notLocal("the request comes from a page of another origin")
	case proxied(r.Header):
		return notLocal("the request came through a proxy; set admin.auth to key to use it through one")
	}
	return nil
}

func notLocal(why string) error {
	return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "The admin API refused this request: " + why + "."}
}

// loopbackHost reports whether a Host header, with or without port, is a loopback
// name or address.
func loopbackHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

// sameOrigin reports whether a request comes from a page of this origin, or from no page.
func sameOrigin(r *http.Request) bool {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return false
		}
	}
	for _, origin := range r.Header["Origin"] {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}
