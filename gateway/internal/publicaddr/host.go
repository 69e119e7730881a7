package publicaddr

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Host names hosts: HOST for one, *.DOMAIN for all below a domain, either with :PORT for a
// port of its own.
type Host struct {
	// name is in lower case; with below set, it stands for every name below it.
	name  string
	below bool
	port  string
}

// ParseHost reads a Host. It reports false for anything else, such as a URL.
func ParseHost(s string) (Host, bool) {
	h := Host{name: s}
	if name, port, err := net.SplitHostPort(s); err == nil {
		h.name, h.port = name, port
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return Host{}, false
		}
	} else if strings.Contains(s, ":") {
		return Host{}, false
	}
	h.name, h.below = strings.CutPrefix(h.name, "*.")
	u, err := url.Parse("https://" + net.JoinHostPort(h.name, "443"))
	sound := err == nil && h.name != "" && u.Hostname() == h.name && u.Host == net.JoinHostPort(h.name, "443") &&
		!strings.ContainsAny(h.name, "*%/?#@") && s == strings.ToLower(s)
	return h, sound && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

// Matches reports whether a host has one of the names, whatever its port.
func (h *Host) Matches(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if h.below {
		return strings.HasSuffix(host, "."+h.name)
	}
	return host == h.name
}

// Port is the port that is named, empty for none.
func (h *Host) Port() string { return h.port }
