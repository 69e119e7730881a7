package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/penstock/penstock/gateway/internal/config"
)

// transport returns a transport to a listener of the gateway on this machine, whose
// certificate is in a file: it trusts that certificate, whatever the address is called.
func transport(k config.KeyPair) (*http.Transport, error) {
	t := &http.Transport{DisableKeepAlives: true}
	if !k.Enabled() {
		return t, nil
	}
	text, err := os.ReadFile(k.Cert)
	if err != nil {
		return nil, fmt.Errorf("read the gateway's certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("read the gateway's certificate: %s has none in PEM", k.Cert)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the gateway's certificate %s: %w", k.Cert, err)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	t.TLSClientConfig.RootCAs.AddCert(leaf)
	t.TLSClientConfig.ServerName, err = nameOf(leaf)
	return t, err
}

// nameOf returns a name that a certificate is valid for.
func nameOf(leaf *x509.Certificate) (string, error) {
	switch {
	case len(leaf.DNSNames) > 0:
		return strings.Replace(leaf.DNSNames[0], "*", "gateway", 1), nil
	case len(leaf.IPAddresses) > 0:
		return leaf.IPAddresses[0].String(), nil
	}
	return "", errors.New("the gateway's certificate names no host (subjectAltName), so no client accepts it")
}
