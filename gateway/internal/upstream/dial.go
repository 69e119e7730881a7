package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// errPrivate is the error of a dial to a private address.
var errPrivate = errors.New("address is private")

// refusePrivate is a net.Dialer's Control: it sees the address after resolution,
// just before it is connected to, so that a name cannot resolve to one address
// when it is checked and to another when it is used.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s cannot be checked", errPrivate, address)
	}
	if private(ap.Addr()) {
		return fmt.Errorf("%w: %s", errPrivate, ap.Addr())
	}
	return nil
}

// private reports whether an address is not one of a host on the public internet.
func private(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return true // loopback, link-local (169.254.169.254 too), multicast, unspecified, RFC 1918, fc00::/7
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return true
		}
	}
	if v4, ok := embedded(a); ok {
		return private(v4)
	}
	return false
}

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
