package server

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/penstock/penstock/gateway/internal/certs"
	"github.com/penstock/penstock/gateway/internal/config"
)

// openTLS opens what automatic certificates need: the issuer, and the listener for challenges
// over HTTP.
func (s *Server) openTLS(c *config.Config) (err error) {
	auto := c.TLS.Auto
	if !auto.Enabled() {
		return nil
	}
	s.issuer = certs.New(certs.Options{Domains: config.Texts(auto.Domains), Email: auto.Email, Cache: filepath.Clean(auto.Cache),
		Directory: auto.Directory, Agent: "penstock/" + s.o.Version, Log: s.log})
	if auto.HTTP != "" {
		s.challenges, err = listenOn(auto.HTTP, "tls: {auto: {http: …}}")
	}
	return err
}

// dataTLS is the TLS of the API's listener; nil for plain HTTP.
func (s *Server) dataTLS(c *config.Config) *tls.Config {
	switch {
	case s.issuer != nil:
		t := newTLS(s.issuer.Certificate)
		t.NextProtos = append(t.NextProtos, certs.Protocol)
		return t
	case c.TLS.Enabled():
		return newTLS(s.fromFiles(func(c *config.Config) config.KeyPair { return c.TLS.Files() }))
	}
	return nil
}

// adminTLS is the TLS of the admin listener; nil for plain HTTP.
func (s *Server) adminTLS(c *config.Config) *tls.Config {
	if !c.Admin.TLS.Enabled() {
		return nil
	}
	return newTLS(s.fromFiles(func(c *config.Config) config.KeyPair { return c.Admin.TLS }))
}

func newTLS(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: certificate}
}

// fromFiles returns a function that has the certificate of the current configuration: a
// connection keeps the one that it began with, and new ones get the one that was loaded last.
func (s *Server) fromFiles(pair func(*config.Config) config.KeyPair) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if sn := s.snapshot.Load(); sn != nil {
			return pair(sn.config).Certificate(), nil
		}
		return nil, errors.New("the gateway is stopping")
	}
}

// watchTLS watches the files of the certificates.
func (s *Server) watchTLS(c *config.Config) {
	for _, pair := range []config.KeyPair{c.TLS.Files(), c.Admin.TLS} {
		s.watch(pair.Cert)
		s.watch(pair.Key)
	}
}

// newChallengeServer returns the server for the authority's challenges over HTTP.
func (s *Server) newChallengeServer() *http.Server {
	return &http.Server{Handler: s.issuer.Handler(), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10}
}

// serveOn serves on a listener, with TLS where the server has some.
func serveOn(server *http.Server, l net.Listener) error {
	if server.TLSConfig != nil {
		return server.ServeTLS(l, "", "")
	}
	return server.Serve(l)
}
