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

// override are headers by which a server takes a request for another one, or for
// somebody else's.
var override = []string{"accept-encoding", "client-ip", "true-client-ip", "x-client-ip", "x-real-ip", "x-cluster-client-ip",
	"x-original-url", "x-rewrite-url", "x-host", "x-http-method", "x-method-override", "x-http-method-override", "x-original-host"}

// ofCalls reports a header that a call to a provider may not have from a dialect.
func ofCalls(lower string) bool {
	return llm.IsConnectionHeader(lower) || slices.Contains(override, lower) || isCredential(lower) ||
		hasPrefix(lower, "proxy-", "x-forwarded", "x-penstock")
}

// ofReplies reports a header that a reply to a caller may not have from a dialect.
func ofReplies(lower string) bool {
	return llm.IsConnectionHeader(lower) || llm.IsSteeringHeader(lower) || isCredential(lower)
}

func hasPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// readHeaders reads an object of headers into h, none of which may be refused.
func readHeaders(s *scan, h http.Header, refused func(lower string) bool) {
	for member := range s.Members() {
		name, value := string(member.Raw), s.text()
		switch lower := strings.ToLower(name); {
		case !s.OK():
		case !isToken(name) || len(value) > maxHeaderBytes || hasControl(value) || len(h) >= maxHeaders:
			s.Stop(fmt.Errorf("the header %q can't be sent", Brief(name)))
		case refused(lower):
			s.Stop(fmt.Errorf("the header %q is the host's to set", lower))
		default:
			h.Set(name, value)
		}
	}
}

// isToken reports whether a name consists of letters, digits and dashes. A low line is
// legal and refused: some servers take it for a dash, and so X_Y for X-Y.
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
