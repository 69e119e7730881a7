package server

import (
	"net"
	"testing"

	"github.com/penstock/penstock/gateway/internal/config"
)

func TestReachable(t *testing.T) {
	for in, want := range map[string]string{
		"[::]:8080":      "http://localhost:8080",
		"0.0.0.0:80":     "http://localhost:80",
		"127.0.0.1:1":    "http://127.0.0.1:1",
		"[::1]:1":        "http://[::1]:1",
		"192.0.2.1:8080": "http://192.0.2.1:8080",
	} {
		addr, err := net.ResolveTCPAddr("tcp", in)
		if err != nil {
			t.Fatal(err)
		}
		if got := Reachable(addr.String(), false); got != want {
			t.Errorf("Reachable(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestAPIURL(t *testing.T) {
	auto := config.TLS{Auto: config.AutoTLS{Domains: []config.Domain{"ai.example.com", "b.example.com"}}}
	for _, test := range []struct {
		tls        config.TLS
		addr, want string
	}{
		{config.TLS{}, "[::]:80", "http://localhost:80"},
		{config.TLS{Cert: "c", Key: "k"}, "10.0.0.1:443", "https://10.0.0.1:443"},
		{auto, "[::]:443", "https://ai.example.com"},
		{auto, "[::]:8443", "https://ai.example.com:8443"},
	} {
		if got := APIURL(&config.Config{TLS: test.tls}, test.addr); got != test.want {
			t.Errorf("APIURL(%s) = %s, want %s", test.addr, got, test.want)
		}
	}
}
