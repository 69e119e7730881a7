package cli

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/server"
)

// tlsGateway is a listener with TLS and a command line whose configuration names it as both
// listeners. The certificate is httptest's, for example.com.
func tlsGateway(t *testing.T, h http.HandlerFunc) (*environment, string) {
	t.Helper()
	up := httptest.NewTLSServer(h)
	t.Cleanup(up.Close)
	dir := t.TempDir()
	cert := filepath.Join(dir, "cert.pem")
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: up.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("listen: %s\ntls: {cert: cert.pem, key: no-key-is-needed.pem}\nadmin: {listen: 'localhost:%s', tls: {cert: cert.pem, key: key.pem}}\nmodels: {demo: {targets: [demo/demo]}}\n",
		up.Listener.Addr(), up.URL[strings.LastIndexByte(up.URL, ':')+1:])
	path := filepath.Join(dir, "penstock.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &environment{stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), options: server.Options{Config: path, Getenv: func(string) string { return "" }}}, cert
}

// Commands reach a gateway with TLS by any address, trust the certificate that it is configured
// with, and no other: they send a key.
func TestAdminOverTLS(t *testing.T) {
	t.Parallel()
	e, cert := tlsGateway(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.URL.Path)) })
	got, err := e.callAdmin(t.Context(), http.MethodGet, "/admin/v1/budgets", nil)
	if err != nil || string(got) != "/admin/v1/budgets" {
		t.Errorf("callAdmin = %q, %v", got, err)
	}
	other, err := os.ReadFile("testdata/other.pem")
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string][]byte{"unknown authority": other, "has none in PEM": []byte("no PEM")} {
		if err := os.WriteFile(cert, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := e.callAdmin(t.Context(), http.MethodGet, "/admin/v1/budgets", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with another certificate callAdmin = %q, %v, want %q", got, err, want)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	status := 200
	e, _ := tlsGateway(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintln(w, "status", status, "of", r.URL.Path)
	})
	if got, err := e.askReady(t.Context()); err != nil || got != "status 200 of /readyz" {
		t.Errorf("askReady = %q, %v", got, err)
	}
	status = 503
	if got, err := e.askReady(t.Context()); err == nil || !strings.Contains(err.Error(), "status 503: status 503 of /readyz") {
		t.Errorf("askReady of a gateway that is not ready = %q, %v", got, err)
	}
}
