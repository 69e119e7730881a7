package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxDocument bounds what is read of an issuer's answer, in bytes.
const maxDocument = 1 << 20

// How long keys need not be fetched again: defaultAge, unless the issuer's Cache-Control says
// something else between the other two.
const (
	minAge     = 5 * time.Minute
	defaultAge = time.Hour
	maxAge     = 12 * time.Hour
)

// source is where an issuer's keys are fetched from.
type source struct {
	issuer, jwksURL string
	client          *http.Client
}

func newSource(o Options) (*source, error) {
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != nil {
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM(o.CA) {
			return nil, errors.New("its ca_file has no certificate")
		}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: fetchTime, ResponseHeaderTimeout: fetchTime, MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives: true} // it is used once an hour
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &source{issuer: o.Issuer, jwksURL: o.JWKSURL, client: client}, nil
}

// keys fetches the keys, and says for how long they need not be fetched again.
func (s *source) keys(ctx context.Context) (*keySet, time.Duration, error) {
	address := s.jwksURL
	if address == "" {
		var err error
		if address, err = s.discover(ctx); err != nil {
			return nil, 0, fmt.Errorf("discovery: %w", err)
		}
	}
	body, header, err := s.get(ctx, address)
	if err != nil {
		return nil, 0, err
	}
	set, err := parseKeys(body)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", address, err)
	}
	return set, ageOf(header.Get("Cache-Control")), nil
}

// discover asks the issuer where its keys are.
func (s *source) discover(ctx context.Context) (string, error) {
	address := strings.TrimSuffix(s.issuer, "/") + "/.well-known/openid-configuration"
	body, _, err := s.get(ctx, address)
	if err != nil {
		return "", err
	}
	var doc struct {
		Issuer string
		Keys   string `json:"jwks_uri"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return "", fmt.Errorf("%s is not valid JSON", address)
	}
	if doc.Issuer != s.issuer {
		return "", fmt.Errorf("%s names the issuer %s instead of %s", address, quote(doc.Issuer), s.issuer)
	}
	if err := CheckURL(doc.Keys); err != nil {
		return "", fmt.Errorf("%s has a jwks_uri that %w", address, err)
	}
	return doc.Keys, nil
}

// get fetches a document. Redirects are not followed: where keys come from is configured.
func (s *source) get(ctx context.Context, address string) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is not an address", quote(address))
	}
	r.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, nil, fmt.Errorf("%s redirects to %s; redirects are not followed", address, quote(resp.Header.Get("Location")))
	case resp.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("%s answers with status %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read %s: %w", address, err)
	case len(body) > maxDocument:
		return nil, nil, fmt.Errorf("%s has more than %d bytes", address, maxDocument)
	}
	return body, resp.Header, nil
}

// ageOf returns how long keys with this Cache-Control are used before they are fetched again.
func ageOf(control string) time.Duration {
	for directive := range strings.SplitSeq(control, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if seconds, err := strconv.ParseInt(value, 10, 32); strings.EqualFold(name, "max-age") && err == nil {
			return min(max(time.Duration(seconds)*time.Second, minAge), maxAge)
		}
	}
	return defaultAge
}

// CheckURL returns an error unless keys may be fetched from a URL: by https, or by http from
// this machine. It completes a sentence, such as "The address …".
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is not an https address")
	case u.User != nil || u.Fragment != "":
		return errors.New("has a user or a fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("is not encrypted: http is for this machine only")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}
