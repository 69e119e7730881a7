// Package certs has a certificate authority issue the certificates of a listener, by the
// protocol ACME, and renews them. It answers the authority's challenges over TLS
// (tls-alpn-01) and, where there is a listener for them, over HTTP (http-01).
//
// It does not listen, and it is not for certificates from files.
package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Options say who issues certificates for what. Domains and Cache are required.
type Options struct {
	// Domains are the only names for which there are certificates, in lower case.
	Domains []string
	// Email is where the authority writes to; empty for nowhere.
	Email string
	// Cache is the folder of the account's key and of the certificates with theirs. It is made
	// with mode 700.
	Cache string
	// Directory is the URL of the authority's ACME directory; empty for Let's Encrypt's.
	Directory string
	// Client calls the authority; nil means http.DefaultClient.
	Client *http.Client
	// Agent is the user agent of these calls.
	Agent string
	// Log gets the failures to get a certificate, one a minute for each name; nil discards them.
	Log *slog.Logger
}

// Issuer has the certificates. It is safe for concurrent use.
type Issuer struct {
	domains []string
	manager *autocert.Manager
	log     *slog.Logger

	mu     sync.Mutex
	logged map[string]time.Time
}

// New returns an issuer. It asks the authority when a client first connects by a domain whose
// certificate is not in the cache.
func New(o Options) *Issuer {
	i := &Issuer{domains: o.Domains, log: o.Log, logged: map[string]time.Time{}}
	if i.log == nil {
		i.log = slog.New(slog.DiscardHandler)
	}
	i.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(o.Cache), Email: o.Email, HostPolicy: i.allow,
		Client: &acme.Client{DirectoryURL: o.Directory, HTTPClient: o.Client, UserAgent: o.Agent},
	}
	return i
}

// Protocol is the ALPN protocol of challenges, which a listener's TLS must offer.
const Protocol = acme.ALPNProto

// allow keeps strangers who point a name at this address from using up the authority's limits.
func (i *Issuer) allow(_ context.Context, host string) error {
	if !slices.Contains(i.domains, host) {
		return fmt.Errorf("%q is not one of the domains in tls.auto", host)
	}
	return nil
}

// logEvery is how often a domain's failure is logged at most.
const logEvery = time.Minute

// Certificate returns the certificate for a handshake, for tls.Config.GetCertificate. The first
// handshake by a domain waits for the authority, for up to five minutes.
func (i *Issuer) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := i.manager.GetCertificate(hello)
	if name := strings.ToLower(strings.TrimSuffix(hello.ServerName, ".")); err != nil && i.due(name) {
		i.log.Warn("no certificate could be got from the authority (tls.auto); it must reach this gateway by the domain at port 443, or at port 80 with tls.auto.http", "domain", name, "err", err)
	}
	return cert, err
}

// due reports whether a failure is to be logged. Those by unknown names are not.
func (i *Issuer) due(name string) bool {
	if !slices.Contains(i.domains, name) {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	if now.Sub(i.logged[name]) < logEvery {
		return false
	}
	i.logged[name] = now
	return true
}

// Handler answers challenges over HTTP and redirects everything else to HTTPS. Without it in
// use, only challenges over TLS are answered.
func (i *Issuer) Handler() http.Handler { return i.manager.HTTPHandler(nil) }
