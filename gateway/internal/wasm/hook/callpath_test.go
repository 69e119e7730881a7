package hook

import (
	"fmt"
	"strings"
	"testing"
)

func TestAPathMeansWhatItMeansInAURL(t *testing.T) {
	for path, want := range map[string]string{
		"/models/org%2Fname:generate": "/models/org%2Fname:generate",
		"/a%20b":                      "/a%20b",
		"/100%25":                     "/100%25",
		"/ü":                          "/%C3%BC",
		"/a|b":                        "/a%7Cb",
		"/v1/x@y,z;p=1!":              "/v1/x@y,z;p=1!",
		"/m/%E6%97%A5":                "/m/%E6%97%A5",
		"/":                           "/",
	} {
		if got, err := checkPath(path); err != nil || got != want {
			t.Errorf("checkPath(%q) = %q, %v, want %q", path, got, err, want)
		}
	}
	for _, path := range []string{"", "a", "//x", "/..", "/a/../b", "/%2e%2e/admin", "/%2E./admin", "/.%2e", "/%252e%252e/admin", "/x%2f..%2fy",
		"/a%2F%2E%2E", "/%5c..", "/a%5Cb", `/a\b`, "/a%00", "/a%0d%0aHost:", "/a%0A", "/a\n", "/a%7f", "/a%c2%9b", "/a%", "/a%2", "/a%zz", "/a%%25",
		"/a?b", "/a#b", "/a b", "/./a", "/a/.", "/a/%2e/b", "/%2f/evil.example", "/%2Fevil.example", "/" + strings.Repeat("a", maxPathBytes)} {
		if got, err := checkPath(path); err == nil {
			t.Errorf("checkPath(%q) = %q, want that it is refused", path, got)
		}
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"/a%2Fb", "/%2e%2e", "/%25252e./x", "/ü", "/%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := checkPath(path)
		if err != nil {
			return
		}
		if again, err := checkPath(got); err != nil || again != got {
			t.Errorf("checkPath(%q) = %q, and of that %q, %v", path, got, again, err)
		}
		if strings.ContainsFunc(got, func(c rune) bool { return c <= ' ' || c >= 0x7f }) || strings.Contains(got, "..") {
			t.Errorf("checkPath(%q) = %q", path, got)
		}
	})
}

func TestADialectSetsNoHeaderThatCarriesOrSteers(t *testing.T) {
	for _, name := range []string{"Authorization", "X-Auth-Token", "X-Amz-Security-Token", "X-Api-Key", "Api-Key", "Ocp-Apim-Subscription-Key",
		"X-Goog-Api-Key", "Cookie", "X-Session", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Transfer_encoding",
		"Content_length", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Accept-Encoding", "Host", "X-Host", "Connection",
		"Upgrade", "TE", "Trailer", "Expect", "Proxy-Connection", "Proxy-Authorization", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded",
		"X-Real-IP", "True-Client-IP", "X-Original-URL", "X-Rewrite-URL", "Via", "X-Penstock-Target", "Anthropic_version"} {
		answer := fmt.Sprintf(`{"path":"/a","headers":{%q:"x"},"body":{}}`, name)
		if _, _, err := ReadCall([]byte(answer)); err == nil {
			t.Errorf("a call may have the header %s", name)
		}
	}
	for _, name := range []string{"X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Buffering", "X-Sendfile", "X-Sendfile-Type", "X-Lighttpd-Send-File", "X-Reproxy-URL",
		"Service-Worker-Allowed", "Location", "Content-Location", "Refresh", "Link", "Access-Control-Allow-Origin", "Access-Control-Max-Age",
		"Alt-Svc", "Server", "Date", "Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Content-Security-Policy",
		"Content-Security-Policy-Report-Only", "Clear-Site-Data", "NEL", "Report-To", "WWW-Authenticate", "Proxy-Authenticate", "Content-Encoding",
		"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Trailer", "Cache-Control", "Surrogate-Control", "Surrogate-Key",
		"CDN-Cache-Control", "Vary", "Age", "Cross-Origin-Opener-Policy", "SourceMap", "Sec-WebSocket-Accept", "X-Penstock-Cost", "Content_Type"} {
		answer := fmt.Sprintf(`{"headers":{%q:"x"},"body":{}}`, name)
		if _, err := ReadRenderedReply([]byte(answer), 200); err == nil {
			t.Errorf("a reply may have the header %s", name)
		}
	}
	for _, name := range []string{"Content-Type", "Anthropic-Version", "OpenAI-Beta", "X-Goog-User-Project", "Idempotency-Key", "Accept", "User-Agent"} {
		if _, _, err := ReadCall(fmt.Appendf(nil, `{"path":"/a","headers":{%q:"x"},"body":{}}`, name)); err != nil {
			t.Errorf("a call can't have the header %s: %v", name, err)
		}
	}
	for _, name := range []string{"Content-Type", "Retry-After", "Request-Id", "X-Request-Id", "Anthropic-Organization-Id", "X-RateLimit-Limit", "Content-Language"} {
		if _, err := ReadRenderedReply(fmt.Appendf(nil, `{"headers":{%q:"x"},"body":{}}`, name), 200); err != nil {
			t.Errorf("a reply can't have the header %s: %v", name, err)
		}
	}
	for _, query := range []string{"key=x", "a=b&KEY=x", "api%2Dkey=x", "%6bey=x", "api-version=1;key=x", "access_token=x", "X-Amz-Signature=x", "sig=x", "auth=x",
		"%256bey=x", "a=é", "a b", "a=b#c", "%zz=1"} {
		if err := checkQuery(query); err == nil {
			t.Errorf("a call may have the query %q", query)
		}
	}
	for _, query := range []string{"", "alt=sse", "api-version=2024-10-21", "beta=true&x=%C3%A9", "a"} {
		if err := checkQuery(query); err != nil {
			t.Errorf("a call can't have the query %q: %v", query, err)
		}
	}
}
