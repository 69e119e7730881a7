package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// The upstreams. Every hosted provider uses TLS, so those two matter most; the plain one
// shows the cost of encryption.
const (
	plainHTTP = "plain"
	tlsHTTP2  = "tls2"
	tlsHTTP1  = "tls1"
)

// upstreams returns all upstreams, in the order in which they start.
func upstreams() []string { return []string{plainHTTP, tlsHTTP2, tlsHTTP1} }

// certFile and keyFile are the self-signed certificate of the TLS upstreams and its key.
// With SSL_CERT_FILE the processes under test trust it, and nothing else.
const (
	certFile = "upstream-cert.pem"
	keyFile  = "upstream-key.pem"
)

// trust returns the environment variable with which a process trusts the upstreams of a
// folder.
func trust(dir string) string { return "SSL_CERT_FILE=" + filepath.Join(dir, certFile) }

// writeCertificate creates a certificate for loopback that is valid for a day.
func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(writePEM(dir, certFile, "CERTIFICATE", cert), writePEM(dir, keyFile, "PRIVATE KEY", private))
}

func writePEM(dir, name, kind string, data []byte) error {
	return os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600)
}

// runTLSMock is runMock with TLS and the certificate in the working directory. It uses
// net/http for both versions of HTTP; its cost is the same for all targets.
func runTLSMock(kind string, stdin io.Reader, stdout io.Writer) error {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintln(stdout, l.Addr())
	s := &http.Server{Handler: newScript(streamPause), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
		ErrorLog: log.New(io.Discard, "", 0)} // errors of clients do not matter
	if kind == tlsHTTP1 {
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true)
	}
	go func() { // ends when stdin does
		_, _ = io.Copy(io.Discard, stdin)
		s.Close()
	}()
	if err := s.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// script is a net/http handler with the mock's replies.
type script struct {
	chat          string
	frames, paced []string
	pause         time.Duration
}

func newScript(pause time.Duration) *script {
	return &script{chat: chatReply(), frames: chatFrames(streamChunks), paced: pacedFrames(), pause: pause}
}

// ServeHTTP answers every path as a chat completion.
func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	if !hasTrue(body, `"stream"`) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, s.chat)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	frames, pause := s.frames, time.Duration(0)
	if isPaced(body) {
		frames, pause = s.paced, s.pause
	}
	s.stream(w, frames, pause)
	if hasTrue(body, `"include_usage"`) {
		_, _ = io.WriteString(w, usageFrame())
	}
	_, _ = io.WriteString(w, doneFrame)
}

func (s *script) stream(w http.ResponseWriter, frames []string, pause time.Duration) {
	out := http.NewResponseController(w)
	for _, frame := range frames {
		if _, err := io.WriteString(w, frame); err != nil {
			return
		}
		_ = out.Flush() // if the client is gone, the next write fails
		time.Sleep(pause)
	}
}

// isPaced reports whether a request is for the model with paced streams.
func isPaced(body []byte) bool { return bytes.Contains(body, []byte(modelPaced)) }
