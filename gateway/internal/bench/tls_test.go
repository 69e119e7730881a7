package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEncryptedUpstreamsAreTrustedByTheirFile connects to a server with the certificate,
// with both versions of HTTP, as a process that trusts only the file.
func TestEncryptedUpstreamsAreTrustedByTheirFile(t *testing.T) {
	dir := t.TempDir()
	if err := writeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	name, path, _ := strings.Cut(trust(dir), "=")
	text, err := os.ReadFile(path)
	if err != nil || name != "SSL_CERT_FILE" {
		t.Fatal(name, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate in %s", text)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(newScript(0))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.StartTLS()
	defer s.Close()
	for _, two := range []bool{true, false} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: two}}
		for _, w := range tlsWorkloads() {
			body, _ := requestBody(w.modelAt(), w.Stream)
			resp, err := client.Post(s.URL, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := w.want(); err != nil || len(got) != want.Bytes || !bytes.HasSuffix(got, []byte(want.Ends)) || (resp.ProtoMajor == 2) != two {
				t.Errorf("%s over HTTP/%d: %d bytes, want %d, %v", w.Name, resp.ProtoMajor, len(got), want.Bytes, err)
			}
		}
		client.CloseIdleConnections()
	}
}
