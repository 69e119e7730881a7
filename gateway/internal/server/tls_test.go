package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair writes a self-signed certificate for localhost and its key, and returns its serial
// number.
func writePair(t *testing.T, cert, key string) *big.Int {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return serial
}

// runTLS runs a whole server with TLS on both listeners and returns it once it is ready.
func runTLS(t *testing.T, dir string) (s *Server, api, admin string) {
	t.Helper()
	s = runServer(t, dir, `listen: 127.0.0.1:0
tls: {cert: cert.pem, key: key.pem}
admin: {listen: "127.0.0.1:0", tls: {cert: cert.pem, key: key.pem}}
`+demoOnly+`server: {drain_delay: 0s}
`, io.Discard)
	api, admin = s.Addrs()
	return s, "https://" + api, "https://" + admin
}

// runServer runs a whole server with a configuration that it writes to a folder, and returns it
// once it is ready.
func runServer(t *testing.T, dir, text string, stderr io.Writer) (s *Server) {
	t.Helper()
	path := filepath.Join(dir, "penstock.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan *Server), make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Config: path, Getenv: testEnv(t), Stderr: stderr}, func(s *Server) { ready <- s })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case s = <-ready:
	case err := <-done:
		done <- err
		t.Fatalf("Run ended: %v", err)
	}
	return s
}

// tlsClient returns a client that trusts every certificate, keeps its connections, and follows
// no redirect.
func tlsClient(t *testing.T, change ...func(*tls.Config)) *http.Client {
	c := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
	for _, f := range change {
		f(c)
	}
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: c.NextProtos == nil}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

const tlsRequest = `{"model":"demo","stream":true,"messages":[{"role":"user","content":"hi"}]}`

// askTLS sends a streamed request and returns the reply, whose body was read, and the
// certificate's serial number.
func askTLS(t *testing.T, c *http.Client, api string) (*http.Response, string, *big.Int) {
	t.Helper()
	resp, err := c.Post(api+"/v1/chat/completions", "application/json", strings.NewReader(tlsRequest))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body), resp.TLS.PeerCertificates[0].SerialNumber
}

// A new certificate is used for new connections, and those that are open stay open. Files that
// do not belong together are refused, and the old pair stays.
func TestTLSReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first := writePair(t, cert, key)
	s, api, _ := runTLS(t, dir)
	old := tlsClient(t)
	if resp, body, serial := askTLS(t, old, api); resp.StatusCode != 200 || !strings.HasSuffix(body, "data: [DONE]\n\n") || resp.ProtoMajor != 2 || serial.Cmp(first) != 0 {
		t.Fatalf("status %d over %s with certificate %d, want 200 over HTTP/2 with %d: %s", resp.StatusCode, resp.Proto, serial, first, body)
	}

	second := writePair(t, cert, filepath.Join(dir, "other.pem"))
	err := s.Reload(t.Context())
	if err == nil || !strings.Contains(err.Error(), "penstock.yaml:2:6: tls: ") || !strings.Contains(err.Error(), "are not a certificate and its key: private key does not match public key") {
		t.Errorf("Reload with another certificate's key = %v", err)
	}
	if _, _, serial := askTLS(t, tlsClient(t), api); serial.Cmp(first) != 0 {
		t.Errorf("after a refused reload the certificate is %d, want %d", serial, first)
	}

	if err := os.Rename(filepath.Join(dir, "other.pem"), key); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, serial := askTLS(t, tlsClient(t), api); serial.Cmp(second) != 0 {
		t.Errorf("a new connection has certificate %d, want %d", serial, second)
	}
	if _, _, serial := askTLS(t, old, api); serial.Cmp(first) != 0 {
		t.Error("the reload has ended a connection")
	}
}

// TLS 1.1 is refused, HTTP/1.1 works, and the dashboard's cookie is sent over TLS only.
func TestTLSListeners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writePair(t, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	s, api, admin := runTLS(t, dir)
	_, err := tlsClient(t, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }).Get(api + "/readyz")
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v, want it refused for its version", err)
	}
	resp, body, _ := askTLS(t, tlsClient(t, func(c *tls.Config) { c.NextProtos = []string{"http/1.1"}; c.MaxVersion = tls.VersionTLS12 }), api)
	if resp.StatusCode != 200 || resp.ProtoMajor != 1 || resp.TLS.Version != tls.VersionTLS12 {
		t.Errorf("status %d over %s: %s", resp.StatusCode, resp.Proto, body)
	}
	plain, err := http.Get(strings.Replace(api, "https:", "http:", 1) + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	plain.Body.Close()
	if plain.StatusCode != 400 {
		t.Errorf("plain HTTP at a TLS port has status %d, want 400", plain.StatusCode)
	}
	link, err := url.Parse(s.SignInPath())
	if err != nil {
		t.Fatal(err)
	}
	in, err := tlsClient(t).PostForm(admin+"/sign-in", url.Values{"link": link.Query()["link"]})
	if err != nil {
		t.Fatal(err)
	}
	in.Body.Close()
	if cookies := in.Cookies(); len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly {
		t.Errorf("status %d with cookies %v, want a secure one", in.StatusCode, cookies)
	}
}
