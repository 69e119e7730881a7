// Package publicaddr tells addresses of hosts on the public internet from those of this
// machine, private networks and clouds' metadata. It resolves no names and dials nothing.
package publicaddr

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// Is reports whether an address is one of a host on the public internet.
func Is(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false // loopback, link-local (169.254.169.254 too), multicast, unspecified, RFC 1918, fc00::/7
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	if v4, ok := embedded(a); ok {
		return Is(v4)
	}
	return true
}

// IsMetadata reports whether an address is one at which clouds give out credentials to
// the machines that they run.
func IsMetadata(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if v4, ok := embedded(a); ok {
		a = v4
	}
	for _, p := range metadata {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// NamesPrivate reports whether a host is not on the public internet by its name alone.
// Other names may still resolve to such an address.
func NamesPrivate(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && !Is(addr)
}

// Refuse is a net.Dialer's Control that refuses addresses that are not public. It sees the
// address after resolution, just before it is connected to, so that a name cannot resolve to
// one address when it is checked and to another when it is used.
func Refuse(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s cannot be checked", ErrPrivate, address)
	}
	if !Is(ap.Addr()) {
		return fmt.Errorf("%w: %s", ErrPrivate, ap.Addr())
	}
	return nil
}

// ErrPrivate is the error of a dial to an address that is not public.
var ErrPrivate = errors.New("address is private")

// embedded returns the IPv4 address within the IPv6 forms that a router translates:
// NAT64 and 6to4.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

var notPublic = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT; Alibaba's metadata is in it
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's metadata, though it looks public
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),           // IPv4-compatible
	netip.MustParsePrefix("::ffff:0:0:0/96"), // IPv4-translated
	netip.MustParsePrefix("64:ff9b:1::/48"),  // local NAT64
	netip.MustParsePrefix("2001::/32"),       // Teredo
	netip.MustParsePrefix("fec0::/10"),       // site-local
}

var metadata = [...]netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"), // AWS, Google, Azure and most others; all of link-local
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fd00:ec2::/32"),      // AWS
	netip.MustParsePrefix("fd20:ce::/32"),       // Google
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
}
