package llm

import (
	"slices"
	"strings"
)

// connectionHeaders are headers of one connection, of framing and of addressing. The gateway
// sets its own in either direction.
var connectionHeaders = []string{"host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer",
	"expect", "content-encoding", "http2-settings", "max-forwards", "forwarded", "via"}

// steeringHeaders are headers of replies that make a browser, a cache or a proxy in front of
// the gateway act on them.
var steeringHeaders = []string{"location", "content-location", "refresh", "date", "server", "strict-transport-security", "alt-svc", "alt-used",
	"www-authenticate", "authentication-info", "clear-site-data", "link", "nel", "report-to", "reporting-endpoints", "expect-ct",
	"service-worker-allowed", "timing-allow-origin", "sourcemap", "x-sourcemap", "origin-trial", "origin-agent-cluster", "accept-ch",
	"critical-ch", "permissions-policy", "feature-policy", "referrer-policy", "document-policy", "x-frame-options", "x-xss-protection",
	"x-content-type-options", "x-dns-prefetch-control", "x-permitted-cross-domain-policies", "x-ua-compatible", "speculation-rules",
	"set-login", "supports-loading-mode", "no-vary-search", "expires", "pragma", "age", "vary", "cache-control", "cache-tag",
	"edge-control", "x-lighttpd-send-file", "x-send-file", "x-httpd-send-file", "x-cache-control", "status"}

// steeringPrefixes begin the names of further ones.
var steeringPrefixes = []string{"proxy-", "access-control-", "x-penstock", "x-accel-", "x-sendfile", "x-reproxy", "x-litespeed-", "x-lsadc-",
	"surrogate-", "cdn-", "cloudflare-", "cf-", "x-forwarded", "cross-origin-", "content-security-policy", "public-key-pins", "sec-"}

// gatewayHeaders are headers of replies that the gateway sets itself, or that carry
// credentials.
var gatewayHeaders = []string{"content-type", "retry-after", "set-cookie", "set-cookie2", "authorization", "cookie", "x-request-id", "request-id",
	"retry-after-ms", "x-should-retry"}

// IsConnectionHeader reports whether a header, named in lower case, belongs to one connection,
// to framing or to addressing.
func IsConnectionHeader(lower string) bool { return slices.Contains(connectionHeaders, lower) }

// IsSteeringHeader reports whether a reply's header, named in lower case, makes a browser, a
// cache or a proxy in front of the gateway act on it.
func IsSteeringHeader(lower string) bool {
	return slices.Contains(steeringHeaders, lower) ||
		slices.ContainsFunc(steeringPrefixes, func(prefix string) bool { return strings.HasPrefix(lower, prefix) })
}

// MayAddHeader reports whether a policy may add a header of this name to a reply: one
// that the gateway doesn't set itself and on which neither browsers nor proxies act. A name
// with an underscore is refused: some servers take it for a dash, and so X_Y for X-Y.
func MayAddHeader(name string) bool {
	lower := strings.ToLower(name)
	return isHeaderName(lower) && !IsConnectionHeader(lower) && !IsSteeringHeader(lower) && !slices.Contains(gatewayHeaders, lower) &&
		!strings.HasPrefix(lower, "x-ratelimit-") && !strings.HasPrefix(lower, "anthropic-ratelimit-")
}

// isHeaderName reports whether a lower-case name consists of letters, digits and dashes.
func isHeaderName(lower string) bool {
	return lower != "" && strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
