package server

import (
	"net"

	"github.com/penstock/penstock/gateway/internal/config"
)

// Reachable returns the URL at which this machine reaches a listener, also one that listens on
// every address.
func Reachable(addr string, secure bool) string {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip.IsUnspecified()) {
		return scheme + "localhost:" + port
	}
	return scheme + addr
}

// APIURL returns the URL of the API at a listener's address. Certificates that are issued
// automatically are for their domains only.
func APIURL(c *config.Config, addr string) string {
	if !c.TLS.Auto.Enabled() {
		return Reachable(addr, c.TLS.Enabled())
	}
	url := "https://" + string(c.TLS.Auto.Domains[0])
	if _, port, err := net.SplitHostPort(addr); err == nil && port != "443" {
		url += ":" + port
	}
	return url
}
