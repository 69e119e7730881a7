package media

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"syscall"

	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// maxURL bounds a URL, in bytes. Signed ones have some 2,000.
const maxURL = 8 << 10

// parse reads a URL and checks all of it that can be checked before its name is resolved.
func (f *Fetcher) parse(rawURL string) (*url.URL, error) {
	if len(rawURL) > maxURL {
		return nil, refused("its URL is longer than %d bytes", maxURL)
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, refused("its URL is not valid")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, refused("only http and https URLs are fetched")
	case u.User != nil:
		return nil, refused("its URL holds a user or password: remove it")
	}
	u.Fragment, u.RawFragment = "", ""
	if len(f.o.Hosts) > 0 && !f.listed(u.Hostname(), portOf(u)) {
		return nil, denied("its host is not among those that media.hosts allows")
	}
	return u, nil
}

func portOf(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// control returns a net.Dialer's Control for a host:port, which sees the resolved address.
func (f *Fetcher) control(hostPort string) func(_, address string, _ syscall.RawConn) error {
	host, port, err := net.SplitHostPort(hostPort)
	usual := err == nil && f.usual(host, port)
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return refused("its address is not valid")
		}
		return f.checkAddress(ap.Addr(), usual)
	}
}

// checkAddress refuses an address that must not be connected to. A network that is allowed
// by the configuration may be reached at any port, others at a usual one only.
func (f *Fetcher) checkAddress(a netip.Addr, usual bool) error {
	a = a.WithZone("").Unmap()
	switch {
	case publicaddr.IsMetadata(a):
		return denied("its address is one of a cloud's own services, which are never fetched from")
	case slices.ContainsFunc(f.o.AllowPrivate, func(p netip.Prefix) bool { return p.Contains(a) }):
		return nil
	case !publicaddr.Is(a):
		return denied("its address is not on the public internet (media.allow_private names the networks that may be fetched from)")
	case !usual:
		return denied("only the ports 80 and 443 are fetched from, unless media.hosts names HOST:PORT")
	}
	return nil
}

// listed reports whether the hosts to fetch from have this one.
func (f *Fetcher) listed(host, port string) bool {
	return slices.ContainsFunc(f.o.Hosts, func(r publicaddr.Host) bool {
		return r.Matches(host) && (r.Port() == port || r.Port() == "" && (isUsual(port) || len(f.o.AllowPrivate) > 0))
	})
}

// usual reports whether a port of a host may be fetched from at a public address.
func (f *Fetcher) usual(host, port string) bool {
	return isUsual(port) || slices.ContainsFunc(f.o.Hosts, func(r publicaddr.Host) bool { return r.Port() == port && r.Matches(host) })
}

func isUsual(port string) bool { return port == "80" || port == "443" }
