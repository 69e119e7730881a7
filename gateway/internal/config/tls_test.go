package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTLSFaults(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"cert.pem": "no PEM", "key.pem": "-----BEGIN PRIVATE KEY-----\nsecret-canary\n-----END PRIVATE KEY-----\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ text, want string }{
		{"tls: {cert: cert.pem}", "1:6: tls: key is missing"},
		{"tls: {key: key.pem}", "1:6: tls: cert is missing"},
		{"admin: {tls: {cert: cert.pem}}", "1:14: admin.tls: key is missing"},
		{"tls: {cert: cert.pem, key: gone.pem}", "1:28: tls.key: open"},
		{"tls: {cert: cert.pem, key: key.pem}", "are not a certificate and its key"},
		{"tls: {auto: {}}", "tls.auto: domains is missing"},
		{"tls: {auto: {email: a@b.c}}", "tls.auto: domains is missing"},
		{"tls: {auto: {domains: [localhost]}}", `invalid domain "localhost"`},
		{"tls: {auto: {domains: ['*.example.com']}}", "wildcards can't be issued this way"},
		{"tls: {auto: {domains: [A.example.com]}}", "invalid domain"},
		{"tls: {auto: {domains: [a..com]}}", "invalid domain"},
		{"tls: {auto: {domains: [a.com], directory: 'http://x/'}}", "tls.auto.directory: must be an https address"},
		{"tls: {auto: {domains: [a.com], email: 'Me <a@b.c>'}}", "tls.auto.email: invalid address"},
		{"tls: {auto: {domains: [a.com], http: ':http'}}", "tls.auto.http: invalid address"},
		{"listen: 0.0.0.0:80\ntls: {auto: {domains: [a.com], http: 0.0.0.0:80}}", "tls.auto.http: is also the address of another listener"},
		{"admin: {tls: {auto: {domains: [a.com]}}}", `there is no setting "auto" in admin.tls`},
		{"retention: {records: 90d, sums: 30d}", "1:33: retention.sums: is shorter than retention.records"},
		{"retention: {records: 0s, sums: 3y}", "retention.sums: is shorter"},
		{"retention: 3years", `invalid duration "3years"`},
		{"retention: 200y", `invalid duration "200y"`},
	} {
		_, err := Parse(filepath.Join(dir, "penstock.yaml"), []byte(test.text), getenv)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want %q", test.text, err, test.want)
		}
	}
	// Commands that call no provider need no private key.
	if _, err := Parse(filepath.Join(dir, "penstock.yaml"), []byte("tls: {cert: cert.pem, key: gone.pem}"), nil); err != nil {
		t.Error(err)
	}
}

func TestRetention(t *testing.T) {
	for text, want := range map[string]Retention{
		"":                                   {90 * day, 3 * year},
		"retention: 30d":                     {30 * day, 3 * year},
		"retention: 5y":                      {5 * year, 5 * year},
		"retention: 0s":                      {},
		"retention: {sums: 1y}":              {90 * day, year},
		"retention: {sums: 0s}":              {Records: 90 * day},
		"retention: {records: 7d, sums: 7d}": {7 * day, 7 * day},
	} {
		if got := parseText(t, text).Retention; got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestCertificateWarnings(t *testing.T) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from, to time.Duration
		mode     os.FileMode
		want     string
	}{
		{-year, year, 0o600, ""},
		{-year, year, 0o640, ""},
		{-year, 15 * day, 0o600, ""},
		{-year, 13 * day, 0o600, "tls.cert: the certificate expires on 2026-12-13"},
		{-year, -time.Hour, 0o600, "tls.cert: the certificate has expired on 2026-11-29"},
		{day, year, 0o600, "tls.cert: the certificate is not valid before 2026-12-01"},
		{-year, year, 0o644, "tls.key: every user of this machine can access the private key " + key + " (mode 0644); run chmod 600"},
	} {
		if err := os.Chmod(key, test.mode); err != nil {
			t.Fatal(err)
		}
		leaf := &x509.Certificate{NotBefore: now.Add(test.from), NotAfter: now.Add(test.to)}
		got := KeyPair{"cert.pem", key, &tls.Certificate{Leaf: leaf}}.warnings("tls", now)
		if test.want == "" && len(got) > 0 || test.want != "" && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, test.want) }) {
			t.Errorf("%+v: warnings %q", test, got)
		}
	}
}
