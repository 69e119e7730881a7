package certs

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority is a small ACME server. It checks a challenge by asking the addresses that it was
// given, whatever the domain is.
type authority struct {
	t *testing.T
	*httptest.Server
	key  *ecdsa.PrivateKey
	root *x509.Certificate
	// tlsAddr and httpAddr are where challenges are answered; empty for a type that is not offered.
	tlsAddr, httpAddr string

	mu     sync.Mutex
	domain string
	valid  bool
	chain  []byte
	orders int
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour * 24 * 365)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key}
	if a.root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewTLSServer(a)
	t.Cleanup(a.Close)
	return a
}

// ServeHTTP has the resources of RFC 8555, with one order at a time.
func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", rand.Text())
	var request struct{ Payload string }
	_ = json.NewDecoder(r.Body).Decode(&request)
	payload, _ := base64.RawURLEncoding.DecodeString(request.Payload)
	switch r.URL.Path {
	case "/directory":
		a.reply(w, 200, map[string]any{"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/new-order"})
	case "/nonce":
	case "/account":
		w.Header().Set("Location", a.URL+"/account/1")
		a.reply(w, 201, map[string]any{"status": "valid"})
	case "/new-order":
		var order struct{ Identifiers []struct{ Value string } }
		if err := json.Unmarshal(payload, &order); err != nil || len(order.Identifiers) != 1 {
			a.t.Errorf("an order for %s", payload)
			return
		}
		a.domain, a.valid, a.chain = order.Identifiers[0].Value, false, nil
		a.orders++
		a.order(w, 201)
	case "/order":
		a.order(w, 200)
	case "/authz":
		a.authorization(w)
	case "/challenge/tls", "/challenge/http":
		a.valid = a.check(strings.TrimPrefix(r.URL.Path, "/challenge/"))
		a.reply(w, 200, a.challenge(strings.TrimPrefix(r.URL.Path, "/challenge/")))
	case "/finalize":
		a.issue(payload)
		a.order(w, 200)
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.chain)
	default:
		a.t.Errorf("the authority was asked for %s", r.URL.Path)
	}
}

func (a *authority) reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (a *authority) status() string {
	if a.valid {
		return "valid"
	}
	return "pending"
}

func (a *authority) order(w http.ResponseWriter, status int) {
	w.Header().Set("Location", a.URL+"/order")
	order := map[string]any{"status": "pending", "identifiers": []any{map[string]string{"type": "dns", "value": a.domain}},
		"authorizations": []string{a.URL + "/authz"}, "finalize": a.URL + "/finalize"}
	switch {
	case a.chain != nil:
		order["status"], order["certificate"] = "valid", a.URL+"/cert"
	case a.valid:
		order["status"] = "ready"
	}
	a.reply(w, status, order)
}

func (a *authority) authorization(w http.ResponseWriter) {
	var challenges []any
	for kind, addr := range map[string]string{"tls": a.tlsAddr, "http": a.httpAddr} {
		if addr != "" {
			challenges = append(challenges, a.challenge(kind))
		}
	}
	a.reply(w, 200, map[string]any{"status": a.status(), "identifier": map[string]string{"type": "dns", "value": a.domain}, "challenges": challenges})
}

func (a *authority) challenge(kind string) map[string]string {
	name := map[string]string{"tls": "tls-alpn-01", "http": "http-01"}[kind]
	return map[string]string{"type": name, "url": a.URL + "/challenge/" + kind, "token": "token-" + kind, "status": a.status()}
}

// check asks for the answer to a challenge.
func (a *authority) check(kind string) bool {
	if kind == "http" {
		req, _ := http.NewRequest(http.MethodGet, "http://"+a.httpAddr+"/.well-known/acme-challenge/token-http", nil)
		req.Host = a.domain
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			a.t.Errorf("ask for the challenge: %v", err)
			return false
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return strings.HasPrefix(string(text), "token-http.")
	}
	conn, err := tls.Dial("tcp", a.tlsAddr, &tls.Config{ServerName: a.domain, NextProtos: []string{Protocol}, InsecureSkipVerify: true})
	if err != nil {
		a.t.Errorf("ask for the challenge: %v", err)
		return false
	}
	defer conn.Close()
	return conn.ConnectionState().NegotiatedProtocol == Protocol
}

// issue signs what a request for a certificate asks for.
func (a *authority) issue(payload []byte) {
	var final struct{ CSR string }
	_ = json.Unmarshal(payload, &final)
	der, _ := base64.RawURLEncoding.DecodeString(final.CSR)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || !a.valid {
		a.t.Errorf("finalize: %v, the authorization is %s", err, a.status())
		return
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(a.orders) + 1), DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	leaf, err := x509.CreateCertificate(rand.Reader, template, a.root, csr.PublicKey, a.key)
	if err != nil {
		a.t.Error(err)
		return
	}
	for _, der := range [][]byte{leaf, a.root.Raw} {
		a.chain = append(a.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
}

// listener is a TLS listener that ends each connection after the handshake.
func listener(t *testing.T, get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return get(h) }, NextProtos: []string{"h2", Protocol}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				_ = conn.(*tls.Conn).HandshakeContext(context.Background())
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

// connect makes a handshake with a listener that trusts the authority alone.
func (a *authority) connect(addr, domain string) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	conn, err := tls.DialWithDialer(&net.Dialer{}, "tcp", addr, &tls.Config{ServerName: domain, RootCAs: roots})
	if err != nil {
		return err
	}
	return conn.Close()
}

// A certificate is got with the first handshake by either challenge, kept in the cache, and not
// asked for again by the next process.
func TestIssue(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tls", "http"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			a, cache := newAuthority(t), filepath.Join(t.TempDir(), "autocert")
			o := Options{Domains: []string{"ai.example.com"}, Email: "ops@example.com", Cache: cache, Directory: a.URL + "/directory", Client: a.Client()}
			issuer := New(o)
			addr := listener(t, func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return issuer.Certificate(h) })
			if kind == "tls" {
				a.tlsAddr = addr
			} else {
				plain := httptest.NewServer(issuer.Handler())
				defer plain.Close()
				a.httpAddr = plain.Listener.Addr().String()
			}
			if err := a.connect(addr, "ai.example.com"); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the cache is %v, %v", info, err)
			}
			issuer = New(o)
			if err := a.connect(addr, "ai.example.com"); err != nil || a.orders != 1 {
				t.Errorf("with the cache: %v after %d orders, want 1", err, a.orders)
			}
		})
	}
}

// Unknown names are refused without asking the authority, and without a line in the log that
// strangers could fill it with; a failure by a known one is logged once a minute.
func TestRefused(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	var log bytes.Buffer
	a.Close()
	issuer := New(Options{Domains: []string{"ai.example.com"}, Cache: t.TempDir(), Directory: a.URL + "/directory", Client: a.Client(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	hello := func(name string) error {
		_, err := issuer.Certificate(&tls.ClientHelloInfo{ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13}})
		return err
	}
	for _, name := range []string{"other.example.com", "", "ai.example.com.evil.example", "../../etc/passwd"} {
		if err := hello(name); err == nil {
			t.Errorf("%q has a certificate", name)
		}
	}
	if log.Len() > 0 || a.orders > 0 {
		t.Errorf("%d orders and the log\n%s", a.orders, &log)
	}
	for range 3 {
		if err := hello("ai.example.com"); err == nil {
			t.Error("there is a certificate without an authority")
		}
	}
	if got := strings.Count(log.String(), "domain=ai.example.com"); got != 1 {
		t.Errorf("%d lines in the log, want 1:\n%s", got, &log)
	}
}

// What is not a challenge is redirected to HTTPS.
func TestRedirect(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	New(Options{Domains: []string{"ai.example.com"}, Cache: t.TempDir()}).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://ai.example.com/docs?x=1", nil))
	if got := fmt.Sprint(w.Code, " ", w.Header().Get("Location")); got != "302 https://ai.example.com/docs?x=1" {
		t.Errorf("the reply is %s", got)
	}
}
