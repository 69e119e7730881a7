package upstream

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

func TestPrivateAddresses(t *testing.T) {
	refused := []string{"127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "100.100.100.200", "168.63.129.16", "0.0.0.0", "0.1.2.3", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1",
		"255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "::ffff:0:127.0.0.1"}
	for _, s := range refused {
		if !private(netip.MustParseAddr(s)) {
			t.Errorf("private(%s) = false, want true", s)
		}
	}
	for _, s := range []string{"1.1.1.1", "104.18.7.192", "172.32.0.1", "100.128.0.1", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"} {
		if private(netip.MustParseAddr(s)) {
			t.Errorf("private(%s) = true, want false", s)
		}
	}
}

func TestPrivateAddressIsRefusedAfterResolution(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(200, "{}"))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		c, err := New(Options{BaseURL: "http://" + host + ":" + port})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), call)
		if e := llm.AsError(err); e.Fault != llm.FaultNotFound || !strings.Contains(e.Message, "allow_private") {
			t.Errorf("Do to %s = %v, want a refusal that names allow_private", host, err)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests reached a private address", n)
	}
}
