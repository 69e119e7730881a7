package hook

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The bounds of the headers that a dialect may set.
const (
	maxHeaders     = 32
	maxHeaderBytes = 4 << 10
)

// overriding are headers that make a server handle a request as another one, or as another
// client's.
var overriding = []string{"accept-encoding", "client-ip", "true-client-ip", "x-client-ip", "x-real-ip", "x-cluster-client-ip",
	"x-original-url", "x-rewrite-url", "x-host", "x-http-method", "x-method-override", "x-http-method-override", "x-original-host"}

// refusedInCall reports a header that a dialect may not set in a call to a provider.
func refusedInCall(lower string) bool {
	return llm.IsConnectionHeader(lower) || slices.Contains(overriding, lower) || isCredential(lower) ||
		hasPrefix(lower, "proxy-", "x-forwarded", "x-penstock")
}

// refusedInReply reports a header that a dialect may not set in a reply to a caller.
func refusedInReply(lower string) bool {
	return llm.IsConnectionHeader(lower) || llm.IsSteeringHeader(lower) || isCredential(lower)
}

func hasPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// readHeaders reads an object of headers into h. A refused header is an error.
func readHeaders(s *scan, h http.Header, refused func(lower string) bool) {
	for member := range s.Members() {
		name, value := string(member.Raw), s.text()
		switch lower := strings.ToLower(name); {
		case !s.OK():
		case !isToken(name) || len(value) > maxHeaderBytes || hasControl(value) || len(h) >= maxHeaders:
			s.Stop(fmt.Errorf("invalid header %q", Brief(name)))
		case refused(lower):
			s.Stop(fmt.Errorf("the header %q is set by the gateway", lower))
		default:
			h.Set(name, value)
		}
	}
}

// isToken reports whether a name consists of letters, digits and dashes. An underscore is
// legal but refused: some servers read X_Y as X-Y.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if !isAlnum(c) && c != '-' {
			return false
		}
	}
	return s != ""
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// hasControl reports a control character, C1 included.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c >= 0x7f && c <= 0x9f })
}
