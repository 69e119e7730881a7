package upstream

import (
	"crypto/x509"
	"log/slog"
	"net/http"
	"time"
)

// Options describe how one provider is reached.
type Options struct {
	// BaseURL is where the provider's paths begin, such as
	// "https://api.openai.com/v1". It must be http or https, without credentials,
	// query or fragment.
	BaseURL string
	// Signer puts the credentials on every call; nil means that there are none.
	Signer Signer
	// Credentials are several credentials, of which each call names one; then there is no
	// Signer. At most MaxCredentials.
	Credentials []*Credential
	// Header is sent with every call. A call's own headers win over it; the
	// credentials win over both.
	Header http.Header
	// AllowPrivate lets the base URL lead to private, loopback and link-local
	// addresses.
	AllowPrivate bool
	// UserAgent is "penstock" when empty.
	UserAgent string
	// MaxReply bounds a plain reply and MaxStream a streamed one, in bytes. Zero
	// means 32 MiB and 256 MiB.
	MaxReply, MaxStream int64
	// MaxHeader bounds a reply's headers, in bytes. Zero means 64 KiB.
	MaxHeader int64
	// ConnectTimeout bounds name resolution with dialling, and again the TLS
	// handshake. Zero means 10 s. Waiting for the reply is bounded by the context alone.
	ConnectTimeout time.Duration
	// RootCAs verify the provider's certificate; nil means the system's.
	RootCAs *x509.CertPool
	// Proxy is the URL of the proxy on the way to the provider, credentials included:
	// http, https, socks5 or socks5h. NoProxy means none, and empty the one that
	// HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. The operator has chosen it, so its own
	// address may be private; that of the provider is resolved by the proxy, and refused
	// only when the base URL names a private address outright.
	Proxy Secret
}

// String returns where the provider is and none of its secrets, which fixed headers may
// hold as well as the signer.
func (o Options) String() string { return "upstream " + o.BaseURL }

// GoString is String, for %#v.
func (o Options) GoString() string { return o.String() }

// LogValue is String, for logs.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

func (o Options) withDefaults() Options {
	if o.UserAgent == "" {
		o.UserAgent = "penstock"
	}
	if o.MaxReply <= 0 {
		o.MaxReply = 32 << 20
	}
	if o.MaxStream <= 0 {
		o.MaxStream = 256 << 20
	}
	if o.MaxHeader <= 0 {
		o.MaxHeader = 64 << 10
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 10 * time.Second
	}
	return o
}
