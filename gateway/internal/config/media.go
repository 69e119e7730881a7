package config

import (
	"fmt"
	"net/netip"

	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// MediaHost names hosts to fetch media from.
type MediaHost string

func (h *MediaHost) set(s string) error {
	if _, ok := publicaddr.ParseHost(s); !ok {
		return &hintedError{fmt.Sprintf("invalid host %q", s), "write HOST or *.DOMAIN in lower case, with :PORT for another port than 80 and 443"}
	}
	*h = MediaHost(s)
	return nil
}

// Network is a network in CIDR notation.
type Network string

func (n *Network) set(s string) error {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Masked() != p {
		return &hintedError{fmt.Sprintf("invalid network %q", s), "write the network's first address and its length, such as 10.1.0.0/16, or 10.1.2.3/32 for one address"}
	}
	*n = Network(s)
	return nil
}

// HostList are the hosts to fetch from; nil means all.
func (m *Media) HostList() (all []publicaddr.Host) {
	for _, s := range m.Hosts {
		h, _ := publicaddr.ParseHost(string(s)) // set has checked it
		all = append(all, h)
	}
	return all
}

// Networks are the networks to fetch from although they are not public.
func (m *Media) Networks() (all []netip.Prefix) {
	for _, s := range m.AllowPrivate {
		all = append(all, netip.MustParsePrefix(string(s)))
	}
	return all
}

func (d *decoder) checkMedia(c *Config) {
	m := &c.Media
	if m.MaxBytes == 0 {
		m.MaxBytes = min(20<<20, c.Server.MaxBody)
	}
	if m.MaxBytes > c.Server.MaxBody {
		d.fault("media.max_bytes", nil, "leave it out for the default", "must be at most server.max_body")
	}
	if m.Timeout <= 0 {
		d.fault("media.timeout", nil, "leave it out for the default", "must be more than 0")
	}
}
