package publicaddr

import (
	"net/netip"
	"testing"
)

func TestIs(t *testing.T) {
	refused := []string{"127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "100.100.100.200", "168.63.129.16", "0.0.0.0", "0.1.2.3", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1",
		"255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "::ffff:0:127.0.0.1"}
	for _, s := range refused {
		if Is(netip.MustParseAddr(s)) {
			t.Errorf("Is(%s) = true, want false", s)
		}
	}
	for _, s := range []string{"1.1.1.1", "104.18.7.192", "172.32.0.1", "100.128.0.1", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"} {
		if !Is(netip.MustParseAddr(s)) {
			t.Errorf("Is(%s) = false, want true", s)
		}
	}
}

func TestIsMetadata(t *testing.T) {
	for s, want := range map[string]bool{"169.254.169.254": true, "::ffff:169.254.169.254": true, "64:ff9b::a9fe:a9fe": true, "2002:a9fe:a9fe::1": true,
		"fd00:ec2::254": true, "fe80::1%eth0": true, "100.100.100.200": true, "168.63.129.16": true, "10.0.0.1": false, "127.0.0.1": false, "1.1.1.1": false} {
		if got := IsMetadata(netip.MustParseAddr(s)); got != want {
			t.Errorf("IsMetadata(%s) = %t, want %t", s, got, want)
		}
	}
}

func TestNamesPrivate(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "LOCALHOST.": true, "a.localhost": true, "127.0.0.1": true, "::1": true, "10.0.0.1": true,
		"example.com": false, "1.1.1.1": false, "notlocalhost": false} {
		if got := NamesPrivate(host); got != want {
			t.Errorf("NamesPrivate(%q) = %t, want %t", host, got, want)
		}
	}
}

func TestParseHost(t *testing.T) {
	for s, want := range map[string]bool{"a.example": true, "*.a.example": true, "a.example:8443": true, "*.a.example:1": true, "10.0.0.1": true, "[::1]:80": true,
		"": false, "*": false, "*.": false, "a.*.example": false, "https://a.example": false, "a.example/x": false, "a.example:": false, "a.example:99999": false,
		"a.example:0": false, "u@a.example": false, "A.example": false, "a b": false, "a.example?x": false, "ä.example": false} {
		if _, got := ParseHost(s); got != want {
			t.Errorf("ParseHost(%q) = %t, want %t", s, got, want)
		}
	}
}
