package config

import (
	"strings"
	"testing"
)

func TestMedia(t *testing.T) {
	m := parseText(t, "media: {fetch: true, hosts: ['*.a.example'], allow_private: [10.1.0.0/16]}").Media
	if !m.Fetch || m.MaxBytes != 20<<20 || m.Timeout == 0 || len(m.HostList()) != 1 || m.Networks()[0].String() != "10.1.0.0/16" {
		t.Errorf("media = %+v", m)
	}
	if m := parseText(t, "server: {max_body: 1MiB}").Media; m.Fetch || m.MaxBytes != 1<<20 {
		t.Errorf("left out: %+v", m)
	}
	for text, want := range map[string]string{
		"media: {max_bytes: 33MiB}":            "media.max_bytes: must be at most server.max_body",
		"media: {timeout: 0s}":                 "media.timeout: must be more than 0",
		"media: {allow_private: [10.1.2.3/8]}": "media.allow_private[0]: invalid network",
		"media: {hosts: [a.example/x]}":        "media.hosts[0]: invalid host",
	} {
		if _, err := Parse("penstock.yaml", []byte(text), getenv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
